"""The search for secrets finds them in every form."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import leaks

SECRET = 'canary/with"odd characters+'
ORDINARY = "clv_Zk3vN0tInAnyOutput-7"


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


@pytest.mark.parametrize("before", ["", "u:", "us:", "use:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("secret", [SECRET, ORDINARY])
def test_a_secret_is_found_in_what_was_encoded_with_it(tmp_path: Path, before: str, encode: Any, secret: str) -> None:
    (tmp_path / "log").write_text(f"Authorization: Basic {encode(f'{before}{secret}:x'.encode()).decode()}")
    assert leaks(tmp_path, {secret}) == ["log"]


@pytest.mark.parametrize("text", [f"Bearer {ORDINARY}", f"x={ORDINARY}&y", f"longer{ORDINARY}longer"])
def test_a_secret_is_found_wherever_it_stands(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").write_text(text)
    (tmp_path / "b").write_text(ORDINARY[:-1])
    assert leaks(tmp_path, {ORDINARY}) == ["a"]
