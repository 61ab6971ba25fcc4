"""One sandbox for all tests of a worker, as new for each; a folder for each. The whole suite may use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli.terminal import Terminal

from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def terminal(shared_sandbox: Sandbox, tmp_path: Path) -> Terminal:
    """The guide's example, not yet applied."""
    shared_sandbox.reset()
    terminal = Terminal(shared_sandbox, tmp_path)
    terminal.write()
    return terminal


@pytest.fixture
def applied(terminal: Terminal) -> Terminal:
    """The guide's example, applied; nothing is counted yet."""
    terminal.apply("locks-out").ended(0)
    for served in terminal.sandbox.served:
        served.faults.reset_counts()
    return terminal
