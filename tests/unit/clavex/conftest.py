"""One emulated Clavex for these tests, as new for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unit.clavex.installation import Clavex


@pytest.fixture(scope="session")
def clavex_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def clavex(clavex_sandbox: Sandbox) -> Clavex:
    clavex_sandbox.reset()
    return clavex_sandbox.clavex


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, which take no time here."""
    slept: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", slept.append)
    return slept
