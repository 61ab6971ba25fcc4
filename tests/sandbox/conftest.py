"""One sandbox for all tests of a worker, as new for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def clavex(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """The emulated Clavex as its super-admin API key sees it."""
    headers = {"X-API-Key": sandbox.clavex.token}
    with httpx.Client(base_url=sandbox.clavex.url, headers=headers, trust_env=False) as client:
        yield client
