"""One sandbox for all tests of a worker, as new for each; a folder for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from acceptance.workplace import Workplace
from contract.fixtures import buckets, gitlab, postgres_server

from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["buckets", "gitlab", "postgres_server"]


@pytest.fixture(scope="session")
def acceptance_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def place(acceptance_sandbox: Sandbox, tmp_path: Path) -> Workplace:
    acceptance_sandbox.reset()
    return Workplace(acceptance_sandbox, tmp_path)
