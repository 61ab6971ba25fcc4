"""A disk that is full, or that takes no writes: said clearly, never half-written, and the next run converges."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from cli.terminal import flat
from faults.strangers import Strangers, converges, says_no_secret

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.terminal import Terminal

PROOF = 4096
"""So much room is proved beside a secret store before anything is made."""


@contextmanager
def room(size: int) -> Iterator[None]:
    """No file can grow above `size` bytes meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("size", "file"), [(0, "lock.json"), (60, "lock.json"), (200, "secrets"), (4000, "secrets")])
def test_nothing_is_made_without_room_for_what_has_to_be_kept(terminal: Terminal, size: int, file: str) -> None:
    with room(size):
        ran = terminal.apply("locks-out").ended(ExitCode.ERROR)
    assert f"{file} cannot be written: File too large" in flat(ran.err)
    assert "nothing was half-written; make room on that disk, then run the command again" in flat(ran.err)
    assert not terminal.writes
    says_no_secret(terminal)
    converges(terminal)


@pytest.mark.parametrize("size", [PROOF, 4700, 5300, 6000, 7000])
def test_a_journal_or_state_without_room_stops_the_run(terminal: Terminal, size: int) -> None:
    strangers = Strangers(terminal.sandbox)
    with room(size):
        ran = terminal.apply("locks-out")
    assert ran.code in {ExitCode.ERROR, ExitCode.PARTLY}
    assert "File too large" in ran.out + ran.err
    assert terminal.run("plan").code == ExitCode.DONE
    says_no_secret(terminal)
    converges(terminal, strangers)


def test_a_plan_file_without_room(terminal: Terminal) -> None:
    file = terminal.folder / "plan.json"
    file.write_text("the one before")
    with room(1000):
        ran = terminal.run("plan", "--out", str(file)).ended(ExitCode.ERROR)
    assert f"{file} cannot be written: File too large" in flat(ran.err)
    assert file.read_text() == "the one before"
    assert [path.name for path in terminal.folder.iterdir() if path.is_file()] == ["plan.json"]


def test_a_plan_file_in_a_folder_that_there_is_not(terminal: Terminal) -> None:
    ran = terminal.run("plan", "--out", str(terminal.folder / "none" / "plan.json")).ended(ExitCode.ERROR)
    assert "none/plan.json cannot be written: No such file or directory" in flat(ran.err)
    assert "help: name a file in a folder that you may write to" in flat(ran.err)


@pytest.fixture
def read_only(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Below the folder of the states nothing can be made or opened for writing, as on a read-only file system."""
    state, opens, mkdir = str(terminal.folder / "state"), os.open, os.mkdir

    def refuse(path: str | Path, flags: int, mode: int = 0o777, **rest: int) -> int:
        if str(path).startswith(state) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return opens(path, flags, mode, **rest)

    def refuse_folder(path: str | Path, *rest: int) -> None:
        if str(path).startswith(state):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        mkdir(path, *rest)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "mkdir", refuse_folder)
    return terminal


def test_a_state_folder_that_cannot_be_made(read_only: Terminal) -> None:
    ran = read_only.apply("locks-out").ended(ExitCode.ERROR)
    assert "Read-only file system" in flat(ran.err)
    assert "choose another folder with --state-dir or RECONCILER_STATE_DIR" in flat(ran.err)
    assert not read_only.writes
    read_only.run("plan").ended(ExitCode.DONE)  # which writes nothing
    read_only.run("drift").ended(ExitCode.DONE)


def test_a_state_folder_that_cannot_be_written(applied: Terminal, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("read_only")
    applied.write({"clients": {"atlassian": {"name": "New"}}})
    ran = applied.apply().ended(ExitCode.ERROR)
    assert ".lock cannot be locked: Read-only file system" in flat(ran.err)
    assert not applied.writes
    assert len(applied.plan()["changes"]) == 1
    applied.run("drift").ended(ExitCode.DONE)
    applied.run("state", "list").ended(ExitCode.DONE)
