"""Files that survive a crash."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler import files
from reconciler.errors import StateError


def names(folder):
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def spoil(monkeypatch):
    """Makes a call of the system fail."""

    def failing(name, code):
        def fail(*_args):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, name, fail)

    return failing


def test_a_missing_file_is_none(tmp_path):
    assert files.read(tmp_path / "a") is None
    assert files.read_private(tmp_path / "a" / "b") is None


def test_folders_are_for_their_owner(tmp_path):
    files.make_directory(tmp_path / "a" / "b")
    files.make_directory(tmp_path / "a" / "b")
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o700, 0o700]


def test_a_file_is_replaced_whole_and_is_for_its_owner(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"before")
    path.chmod(0o644)
    files.replace(path, b"after")
    assert path.read_bytes() == b"after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["a"]


def test_short_writes_go_on(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    files.replace(tmp_path / "a", b"0123456789")
    lines = files.LineFile(tmp_path / "b")
    lines.append(b"0123456789\n")
    assert files.read(tmp_path / "a") == b"0123456789"
    assert files.read(tmp_path / "b") == b"0123456789\n"


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])  # pathlib renames by os.replace
def test_a_failed_replacement_leaves_the_old_file_alone(tmp_path, spoil, call):
    path = tmp_path / "a"
    path.write_bytes(b"before")
    spoil(call, errno.ENOSPC)
    with (
        pytest.raises(StateError, match="cannot be written") as caught,
        files.failing_as(StateError, path, "written"),
    ):
        files.replace(path, b"after")
    assert "make room" in caught.value.remedy
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == ["a"]


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "real").write_bytes(b"")
    path = tmp_path / "a"
    path.symlink_to(tmp_path / "real")
    for use in (files.read, files.read_private, files.LineFile):
        with pytest.raises(files.UnsafeFileError, match="symbolic link"):
            use(path)
    files.replace(path, b"new")
    assert not path.is_symlink()
    assert (tmp_path / "real").read_bytes() == b""


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    path = tmp_path / "a"
    os.mkfifo(path)
    for use in (files.read, files.LineFile):
        with pytest.raises(files.UnsafeFileError, match="no regular file"):
            use(path)


def test_a_private_file_is_for_its_owner(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"secret")
    path.chmod(0o640)
    with pytest.raises(files.UnsafeFileError, match="0640") as caught:
        files.read_private(path)
    assert "chmod 600" in caught.value.remedy
    path.chmod(0o600)
    assert files.read_private(path) == b"secret"
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(files.UnsafeFileError, match="another user"):
        files.read_private(path)


def test_a_proof_of_writing_leaves_nothing(tmp_path, spoil):
    files.prove_writable(tmp_path / "a")
    assert names(tmp_path) == []
    spoil("write", errno.EDQUOT)
    with pytest.raises(OSError, match="quota"):
        files.prove_writable(tmp_path / "a")
    assert names(tmp_path) == []


def test_an_error_says_what_to_do(tmp_path):
    for code, word in ((errno.EROFS, "let this user write"), (errno.EIO, "its disk")):
        with pytest.raises(StateError) as caught, files.failing_as(StateError, tmp_path, "read"):
            raise OSError(code, os.strerror(code))
        assert word in caught.value.remedy
        assert str(tmp_path) in caught.value.message


# --- lines --------------------------------------------------------------------------------------------------------


def test_a_torn_last_line_is_cut_off(tmp_path):
    path = tmp_path / "a"
    for torn, kept in ((b"one\ntw", b"one\n"), (b"on", b""), (b"", b""), (b"one\n", b"one\n")):
        path.write_bytes(torn)
        files.LineFile(path).append(b"next\n")
        assert path.read_bytes() == kept + b"next\n"


def test_a_line_that_did_not_fit_is_not_there_and_the_next_one_is(tmp_path, monkeypatch):
    lines = files.LineFile(tmp_path / "a")
    lines.append(b"first\n")
    write = os.write

    def fill_up(descriptor, data):
        if len(data) < 8:
            raise OSError(errno.ENOSPC, "full")
        return write(descriptor, data[:3])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fill_up)
        with pytest.raises(OSError, match="full"):
            lines.append(b"second line\n")
    assert files.read(tmp_path / "a") == b"first\n"
    lines.append(b"third\n")
    assert files.read(tmp_path / "a") == b"first\nthird\n"


def test_a_half_line_that_cannot_be_taken_back_ends_it(tmp_path, monkeypatch, spoil):
    lines = files.LineFile(tmp_path / "a")
    spoil("write", errno.EIO)
    spoil("ftruncate", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        lines.append(b"first\n")
    monkeypatch.undo()
    with pytest.raises(OSError, match="takes no more"):
        lines.append(b"second\n")


def test_after_a_failed_sync_nothing_is_called_durable(tmp_path, monkeypatch):
    """A second fsync may succeed although the first one lost the data."""
    lines = files.LineFile(tmp_path / "a")
    entered, failed = threading.Event(), threading.Event()

    def sync(descriptor):
        entered.set()
        assert failed.wait(5)
        raise OSError(errno.EIO, "lost")

    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(os, "fsync", sync)
        first = pool.submit(lines.append, b"first\n")
        assert entered.wait(5)
        second = pool.submit(lines.append, b"second\n")
        while (tmp_path / "a").read_bytes() != b"first\nsecond\n":
            pass
        failed.set()
        assert "lost" in str(first.exception())
        assert "takes no more" in str(second.exception())
    monkeypatch.undo()
    with pytest.raises(OSError, match="takes no more"):
        lines.append(b"third\n")


def test_one_sync_carries_what_others_wrote_meanwhile(tmp_path, monkeypatch):
    lines = files.LineFile(tmp_path / "a")
    syncs = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: syncs.append(time.sleep(0.0002)))

    def write(thread):
        for number in range(1000):
            lines.append(b"%d:%d\n" % (thread, number))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    found = (files.read(tmp_path / "a") or b"").splitlines()
    for thread in range(2):
        assert [line for line in found if line.startswith(b"%d:" % thread)] == [
            b"%d:%d" % (thread, number) for number in range(1000)
        ]
    assert len(found) == 2000
    assert len(syncs) < 1800


def test_a_sync_waits_for_no_line_that_came_after_it(tmp_path, monkeypatch):
    """While one line is being synced, nine more are written; one more sync makes all nine durable."""
    lines = files.LineFile(tmp_path / "a")
    go, syncs = threading.Event(), []
    monkeypatch.setattr(os, "fsync", lambda descriptor: syncs.append(go.wait(5)))
    with ThreadPoolExecutor(10) as pool:
        jobs = [pool.submit(lines.append, b"%d\n" % number) for number in range(10)]
        while len((tmp_path / "a").read_bytes()) < 20:
            pass
        go.set()
        for job in jobs:
            job.result()
    assert syncs == [True, True]


def test_a_line_that_nobody_waits_for_is_durable_with_the_next_that_waits(tmp_path, monkeypatch):
    lines = files.LineFile(tmp_path / "a")
    syncs = []
    monkeypatch.setattr(os, "fsync", syncs.append)
    lines.append(b"one\n", wait=False)
    lines.append(b"two\n", wait=False)
    assert syncs == []
    assert files.read(tmp_path / "a") == b"one\ntwo\n"
    lines.append(b"three\n")
    assert len(syncs) == 1


def test_an_interrupted_sync_is_no_success_for_those_who_wait(tmp_path, monkeypatch):
    lines = files.LineFile(tmp_path / "a")
    entered, go, syncs = threading.Event(), threading.Event(), []

    def sync(descriptor):
        syncs.append(descriptor)
        if len(syncs) == 2:
            raise KeyboardInterrupt
        entered.set()
        assert go.wait(10)

    with ThreadPoolExecutor(3) as pool:
        monkeypatch.setattr(os, "fsync", sync)
        jobs = [pool.submit(lines.append, b"0\n")]
        assert entered.wait(10)
        jobs += [pool.submit(lines.append, b"%d\n" % number) for number in (1, 2)]
        bounded = time.monotonic() + 10
        while (tmp_path / "a").stat().st_size < 6 and time.monotonic() < bounded:
            time.sleep(0.01)  # until both wait for the second sync
        go.set()
        kinds = [type(job.exception()) for job in jobs]
    assert sorted(kind.__name__ for kind in kinds) == ["InterruptedError", "KeyboardInterrupt", "NoneType"]
