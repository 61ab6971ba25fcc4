"""Golden files: what the program says, kept as files and reviewed as a diff."""

from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with the file of that name below tests/golden; with --golden-write, writes it."""

    def compare(name: str, text: str) -> None:
        path = HERE / name
        if request.config.getoption("--golden-write"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        expected = path.read_text(encoding="utf-8") if path.exists() else "(no such file)"
        assert text == expected, f"tests/golden/{name} differs; if the new text is right: make golden"

    return compare
