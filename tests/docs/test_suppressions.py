"""A finding of a linter or a type checker is silenced with the reason beside it, or not at all."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SILENCED = re.compile(r"# (?:noqa|type: ignore|pragma: no)")
REASONED = re.compile(r"# noqa: [A-Z0-9, ]+ (?:-|#) \S|# type: ignore\[[a-z, -]+\] # \S|# pragma: no cover - \S")


def test_every_suppression_has_its_reason() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in ("reconciler", "tools", "examples", "tests")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if SILENCED.search(line) and not REASONED.search(line) and path != Path(__file__)
    ]
    assert bare == []
