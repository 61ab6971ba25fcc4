"""A stack in a folder of its own, behind which one sandbox stands for all tests of a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from acceptance.workplace import Workplace

from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def properties_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def place(properties_sandbox: Sandbox, tmp_path: Path) -> Workplace:
    properties_sandbox.reset()
    return Workplace(properties_sandbox, tmp_path)
