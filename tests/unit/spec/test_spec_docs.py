"""docs/spec.md is made from the models."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_description_of_the_spec_is_current() -> None:
    document = runpy.run_path(str(ROOT / "tools" / "spec_docs.py"))["document"]()
    written = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
    assert written == document, "docs/spec.md is old; run: python tools/spec_docs.py"
