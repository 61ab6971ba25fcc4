"""One sandbox for all tests of a worker, as new for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from unit.atlassian.product import opened

from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.ports import Http


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def jira(sandbox: Sandbox) -> Iterator[Http]:
    with opened(sandbox.jira) as http:
        yield http


@pytest.fixture
def confluence(sandbox: Sandbox) -> Iterator[Http]:
    with opened(sandbox.confluence) as http:
        yield http
