"""One Chromium and one sandbox for all tests of a worker; a tab, a stack and a folder for each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from acceptance.workplace import Workplace
from browser.chromium import MISSING, browse, find_program

from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browser.chromium import Browser, Tab


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Without a browser: failed in CI, skipped elsewhere."""
    program = find_program()
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    with browse(program) as browser:
        yield browser


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Tab]:
    with chromium.visit() as tab:
        yield tab


@pytest.fixture(scope="session")
def browsed_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def place(browsed_sandbox: Sandbox, tmp_path: Path) -> Workplace:
    browsed_sandbox.reset()
    return Workplace(browsed_sandbox, tmp_path)
