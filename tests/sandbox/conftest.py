"""One sandbox for all tests of a worker, as new for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sandbox import logins
from sandbox.visitor import Visitor

from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.sandbox.atlassian.idp import Idp


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


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    """A browser without cookies."""
    with httpx.Client(trust_env=False, timeout=20) as client:
        yield Visitor(client)


@pytest.fixture
def bob(sandbox: Sandbox) -> str:
    """The id of a user of Clavex."""
    return logins.add_bob(sandbox)


@pytest.fixture
def idp(sandbox: Sandbox, bob: str) -> Idp:
    """Confluence's built-in app, with one identity provider."""
    return logins.add_idp(sandbox)


@pytest.fixture
def provider(sandbox: Sandbox, bob: str) -> dict[str, Any]:
    """Confluence's miniOrange, with one identity provider."""
    return logins.add_provider(sandbox)
