"""The laws of the design, as properties: small worlds for speed, the sandbox for truth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

UNIT = Path(__file__).parents[1] / "unit"
sys.path[:0] = [str(Path(__file__).parent), str(UNIT / "core"), str(UNIT / "engine")]


@pytest.fixture(scope="session")
def property_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox
