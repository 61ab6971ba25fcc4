"""One sandbox for all tests of a worker, as new for each, and a stack that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from acceptance.workplace import Workplace
from unit.atlassian.product import opened

from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reconciler.ports import Http


@pytest.fixture(scope="session")
def resolution_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(resolution_sandbox: Sandbox) -> Sandbox:
    resolution_sandbox.reset()
    return resolution_sandbox


@pytest.fixture
def jira(sandbox: Sandbox) -> Iterator[Http]:
    with opened(sandbox.jira) as http:
        yield http


@pytest.fixture
def place(sandbox: Sandbox, tmp_path: Path) -> Workplace:
    return Workplace(sandbox, tmp_path)
