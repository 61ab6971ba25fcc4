"""A folder for each test, before the sandbox that the whole suite shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from acceptance.people import LETS_BOB_IN, add_bob
from acceptance.workplace import Workplace
from contract.fixtures import buckets, gitlab, postgres_server

from reconciler.errors import ExitCode
from reconciler.transport import retry

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.sandbox.clavex.records import User
    from reconciler.sandbox.serve import Sandbox

__all__ = ["buckets", "gitlab", "postgres_server"]


@pytest.fixture
def place(shared_sandbox: Sandbox, tmp_path: Path) -> Workplace:
    shared_sandbox.reset()
    return Workplace(shared_sandbox, tmp_path)


@pytest.fixture
def bob(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> User:
    """A user of a stack that is applied, who gets in to both products."""
    monkeypatch.setattr(retry, "ATTEMPTS", 1)
    place.write(LETS_BOB_IN)
    place.apply("locks-out").ended(ExitCode.DONE)
    return add_bob(place)
