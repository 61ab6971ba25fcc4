"""A folder for each test, before the sandbox that the whole suite shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from acceptance.workplace import Workplace

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.sandbox.serve import Sandbox


@pytest.fixture
def place(shared_sandbox: Sandbox, tmp_path: Path) -> Workplace:
    shared_sandbox.reset()
    return Workplace(shared_sandbox, tmp_path)
