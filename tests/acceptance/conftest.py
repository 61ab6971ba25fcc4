"""A folder for each test, before the sandbox that the whole suite shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from acceptance.workplace import Workplace
from contract.fixtures import buckets, gitlab, postgres_server

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.sandbox.serve import Sandbox

__all__ = ["buckets", "gitlab", "postgres_server"]


@pytest.fixture
def place(shared_sandbox: Sandbox, tmp_path: Path) -> Workplace:
    shared_sandbox.reset()
    return Workplace(shared_sandbox, tmp_path)
