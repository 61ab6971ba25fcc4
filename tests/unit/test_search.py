"""The search for secrets finds them in every form."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.conftest import leaks

SECRET = 'canary/with"odd characters+'


@pytest.mark.parametrize(
    "form",
    [SECRET, base64.b64encode(SECRET.encode()).decode(), quote(SECRET, safe=""), json.dumps(SECRET)],
    ids=["clear", "base64", "url", "json"],
)
def test_a_secret_is_found(tmp_path: Path, form: str) -> None:
    (tmp_path / "state.json").write_text(f"before {form} after")
    (tmp_path / "acme.secrets").write_text(form)
    (tmp_path / "clean").write_text("nothing")
    assert leaks(tmp_path, {SECRET}) == ["state.json"]
