"""docs/reliability.md names tests and files that exist, and no figure of it is left out."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


def test_every_test_that_it_names_exists() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    defined = {name for text in texts for name in re.findall(r"^ *def (\w+)\(", text, re.MULTILINE)}
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 10
    assert named <= defined
    assert [path for path in re.findall(r"tests/\S+\.py", PAGE) if not (ROOT / path).exists()] == []


def test_every_row_has_its_figure() -> None:
    rows = [line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 8
    for row in rows:
        assert re.search(r"\d", row[1]), row
        assert row[2].strip() == "0"
