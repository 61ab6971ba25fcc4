"""The local backend: its files, its lock among processes, and what a full or closed folder does."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from reconciler.backends.local import LocalBackend
from reconciler.errors import LockedError, StateError
from reconciler.storage import LockInfo

ANN = LockInfo("1", "ann", "here", os.getpid(), "apply", "2026-01-02T03:04:05+00:00")

HOLD = """
import os, sys
from pathlib import Path
from reconciler.backends.local import LocalBackend
from reconciler.storage import LockInfo

with LocalBackend(Path(sys.argv[1])).lock(LockInfo("7", "bob", "there", os.getpid(), "apply", "noon")):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def backend(tmp_path):
    return LocalBackend(tmp_path / "acme" / "default")


@pytest.fixture
def other_process(backend):
    """Another process that holds the lock until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, backend.where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "locked\n"
        yield process


def modes(folder):
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in [folder, *folder.rglob("*")]
    }


def test_everything_is_for_its_owner(backend, tmp_path):
    with backend.lock(ANN):
        backend.append(b"line\n")
        backend.put(b"two", backend.put(b"one", ""))
        found = modes(tmp_path / "acme")
    folders = {".", "default", "default/backups"}
    assert {found.pop(name) for name in folders} == {0o700}
    assert set(found.values()) == {0o600}
    assert {Path(name).name.partition("-")[0] for name in found} == {
        ".lock",
        "lock.json",
        "journal.jsonl",
        "state.json",
        "00000000",
    }


def test_a_loose_mode_is_mended_by_the_next_write(backend):
    version = backend.put(b"one", "")
    path = Path(backend.where, "state.json")
    path.chmod(0o666)
    backend.put(b"two", version)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_newest_twenty_snapshots_are_kept(backend):
    version = ""
    for number in range(25):
        version = backend.put(b"%d" % number, version)
    folder = Path(backend.where, "backups")
    (folder / "a note.txt").write_text("of a person")
    backend.put(b"25", version)
    kept = sorted(path.name for path in folder.glob("*.json"))
    assert [name[:8] for name in kept] == [f"{number:08}" for number in range(5, 25)]
    assert [(folder / name).read_bytes() for name in kept] == [b"%d" % number for number in range(5, 25)]
    assert (folder / "a note.txt").exists()


def test_backups_need_no_hard_links(backend, monkeypatch):
    version = backend.put(b"one", "")

    def refuse(*args, **kwargs):
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(os, "link", refuse)
    backend.put(b"two", version)
    (backup,) = Path(backend.where, "backups").iterdir()
    assert backup.read_bytes() == b"one"


@pytest.mark.parametrize("name", ["state.json", "journal.jsonl"])
def test_a_link_in_the_place_of_a_file_is_refused(backend, tmp_path, name):
    backend.append(b"line\n")
    backend.put(b"one", "")
    target = tmp_path / "elsewhere"
    target.write_bytes(b"untouched")
    path = Path(backend.where, name)
    path.unlink()
    path.symlink_to(target)
    uses = {
        "state.json": (backend.get, lambda: backend.put(b"two", "")),
        "journal.jsonl": (backend.journal, lambda: LocalBackend(Path(backend.where)).append(b"line\n")),
    }
    for use in uses[name]:
        with pytest.raises(StateError, match="symbolic link") as caught:
            use()
        assert str(path) in caught.value.message
    assert target.read_bytes() == b"untouched"


# --- the lock -----------------------------------------------------------------------------------------------------


def test_a_live_process_is_named(backend, other_process):
    with pytest.raises(LockedError) as caught, backend.lock(ANN):
        pytest.fail("it was locked twice")
    text = str(caught.value)
    assert f"apply by bob on there (process {other_process.pid})" in text
    assert "since noon" in text
    assert backend.holder().pid == other_process.pid
    with pytest.raises(LockedError):
        backend.put(b"one", "")
    assert backend.get() == (None, "")


def test_the_lock_of_a_killed_process_is_free(backend, other_process):
    other_process.send_signal(signal.SIGKILL)
    other_process.wait()
    assert Path(backend.where, "lock.json").exists()
    assert backend.holder() is None
    with backend.lock(ANN):
        assert backend.holder() == ANN
    assert backend.holder() is None


def test_a_look_at_the_holder_disturbs_nobody(backend):
    for _ in range(20):
        with backend.lock(ANN):
            assert LocalBackend(Path(backend.where)).holder() == ANN
        assert backend.holder() is None


def test_a_holder_of_a_later_version_is_known_all_the_same(backend):
    """It may say more of itself than we know of."""
    with backend.lock(ANN):
        backend._holder.write_text(json.dumps({**asdict(ANN), "region": "eu"}))
        assert backend.holder() == ANN


@pytest.mark.parametrize("content", [None, b"", b"{", b"{}"])
def test_a_holder_who_is_not_written_down_is_somebody(backend, content):
    with backend.lock(ANN):
        path = Path(backend.where, "lock.json")
        path.unlink() if content is None else path.write_bytes(content)
        assert backend.holder().who == "somebody"
        with pytest.raises(LockedError, match="somebody"), LocalBackend(Path(backend.where)).lock(ANN):
            pytest.fail("it was locked twice")


def test_a_link_in_the_place_of_the_lock_is_refused(backend, tmp_path):
    with backend.lock(ANN):
        pass
    path = Path(backend.where, ".lock")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    for use in (backend.holder, lambda: LocalBackend(Path(backend.where)).lock(ANN).__enter__()):
        with pytest.raises(StateError):
            use()
    assert not (tmp_path / "elsewhere").exists()


# --- when the disk or the folder says no --------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_changes_nothing(backend, monkeypatch, call):
    version = backend.put(b"one", "")
    backend.append(b"before\n")

    def fail(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        for use in (lambda: backend.put(b"two", version), lambda: backend.append(b"line\n"), lambda: enter(backend)):
            with pytest.raises(StateError, match="No space left") as caught:
                use()
            assert "make room" in caught.value.remedy
    fresh = LocalBackend(Path(backend.where))
    assert fresh.get() == (b"one", version)
    assert fresh.holder() is None
    assert fresh.journal().startswith(b"before\n")
    assert not list(Path(backend.where).rglob("*.tmp"))
    fresh.put(b"two", version)


def enter(backend):
    with backend.lock(ANN):
        pytest.fail("locked on a full disk")


def test_a_folder_that_cannot_be_written(unprivileged):
    folder = unprivileged / "state"
    backend = LocalBackend(folder)
    version = backend.put(b"one", "")
    backend.append(b"line\n")
    folder.chmod(0o500)
    fresh = LocalBackend(folder)
    assert fresh.get() == (b"one", version)
    assert fresh.journal() == b"line\n"
    assert fresh.holder() is None
    for use in (lambda: fresh.put(b"two", version), lambda: enter(fresh), fresh.clear_journal):
        with pytest.raises(StateError, match="Permission denied") as caught:
            use()
        assert "--state-dir" in caught.value.remedy
    assert fresh.get() == (b"one", version)


def test_a_folder_that_cannot_be_read_or_made(unprivileged):
    folder = unprivileged / "state"
    backend = LocalBackend(folder)
    backend.put(b"one", "")
    folder.chmod(0o000)
    for use in (backend.get, backend.journal, backend.holder):
        with pytest.raises(StateError, match="Permission denied"):
            use()
    folder.chmod(0o500)
    with pytest.raises(StateError, match="Permission denied"):
        enter(LocalBackend(folder / "deeper"))


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "state").write_text("")
    backend = LocalBackend(tmp_path / "state")
    for use in (backend.get, backend.journal, backend.holder, lambda: enter(backend), lambda: backend.put(b"", "")):
        with pytest.raises(StateError, match=r"Not a directory|File exists"):
            use()


def test_lock_json_is_plain_json(backend):
    with backend.lock(ANN):
        assert json.loads(Path(backend.where, "lock.json").read_bytes())["who"] == "ann"
    assert not Path(backend.where, "lock.json").exists()


@pytest.mark.parametrize("name", ["../x.age", "state.json", ".x.age", "a/b.age", "x.age\n", ""])
def test_no_name_from_elsewhere_is_a_path(tmp_path, name):
    backend = LocalBackend(tmp_path / "state")
    for use in (lambda: backend.companion(name), lambda: backend.put_companion(name, b"x", "")):
        with pytest.raises(StateError, match="is no name of a file beside a state"):
            use()
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_goes_while_it_is_looked_for_is_unknown(tmp_path, monkeypatch):
    backend = LocalBackend(tmp_path)
    backend.put(b"two", backend.put(b"one", ""))
    (past,) = backend.history()
    monkeypatch.setattr("reconciler.files.read", lambda path: None)
    with pytest.raises(StateError, match="no past state is called"):
        backend.past(past.id)
