"""Files that survive a crash: whole or not at all, durable when we say so, for their owner alone.

What goes wrong is an OSError here; `failing_as` makes it the error that a person reads.
"""

from __future__ import annotations

import errno
import os
import stat
import weakref
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from reconciler.errors import ReconcilerError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_PROOF = bytes(4096)


class UnsafeFileError(OSError):
    """A file that we did not make so: a link, not a regular file, somebody else's, or open to others."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@contextmanager
def failing_as(kind: type[ReconcilerError], path: Path, done: str, remedy: str = "") -> Iterator[None]:
    """Turns an OSError into `kind`, saying that `path` cannot be `done`, why, and what to do.

    `remedy` is what to do about a file that is not part of a state.
    """
    try:
        yield
    except OSError as problem:
        raise kind(f"{path} cannot be {done}: {problem.strerror or problem}", _remedy(problem, remedy)) from None


def _remedy(problem: OSError, stated: str) -> str:
    if isinstance(problem, UnsafeFileError):
        return problem.remedy
    if problem.errno in _FULL:
        return "nothing was half-written; make room on that disk, then run the command again"
    if stated:
        return stated
    if problem.errno in _FORBIDDEN:
        return "let this user write there, or choose another folder with --state-dir or RECONCILER_STATE_DIR"
    return "see what is wrong with that folder or its disk, then run the command again"


# --- reading ------------------------------------------------------------------------------------------------------


def read(path: Path) -> bytes | None:
    """What the file holds, None if there is none. A symbolic link is not followed: UnsafeFileError."""
    return _read(path, _check_regular)


def read_private(path: Path) -> bytes | None:
    """Like `read`, and the file must be this user's, with no permission for anybody else."""
    return _read(path, _check_private)


def _read(path: Path, check: Callable[[os.stat_result], None]) -> bytes | None:
    try:
        descriptor = _open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        check(os.fstat(descriptor))
        return file.read()


def _open(path: Path, flags: int) -> int:
    """A descriptor; O_NONBLOCK so that a pipe in the place of a file is refused and not waited for."""
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            raise UnsafeFileError("it is a symbolic link", "put the file itself in the place of the link") from None
        raise


def _check_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UnsafeFileError("it is no regular file", "move it away")


def _check_private(found: os.stat_result) -> None:
    _check_regular(found)
    if found.st_uid != os.geteuid():
        raise UnsafeFileError("it belongs to another user", "run as that user, or make the file your own (chown)")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise UnsafeFileError(f"its mode {mode:04o} lets others in", "chmod 600 it, and rotate what it held")


def is_inside(path: Path, folder: Path) -> bool:
    """Whether what `path` leads to, links followed, lies below `folder`."""
    return path.resolve().is_relative_to(folder.resolve())


# --- writing ------------------------------------------------------------------------------------------------------


def make_directory(path: Path) -> None:
    """Makes the folder and those above it that are missing, each with mode 0700."""
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            with suppress(FileExistsError):
                folder.mkdir(0o700)
            _sync_directory(folder.parent)


def replace(path: Path, data: bytes) -> None:
    """Puts a new file, mode 0600, in the place of the old one: after a crash there is the one or the other."""
    temporary = _write_temporary(path, data)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def exchange(path: Path, old: bytes | None, new: bytes) -> bool:
    """Like `replace`, and the new file has the mode and the owner of the old one.

    False, and nothing done, if the file does not hold `old` any more (None: if there is one by now).
    """
    temporary = _write_temporary(path, new, None if old is None else path.stat())
    try:
        if read(path) != old:
            temporary.unlink()
            return False
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)
    return True


def remove(path: Path) -> None:
    """Removes the file, durably. One that is gone already is no error."""
    path.unlink(missing_ok=True)
    _sync_directory(path.parent)


def prove_writable(path: Path) -> None:
    """Proves that a few KiB can be written beside `path` now. Leaves nothing."""
    _write_temporary(path, _PROOF).unlink()


def _write_temporary(path: Path, data: bytes, like: os.stat_result | None = None) -> Path:
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    descriptor = _open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        if like is not None:
            os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
        _write(descriptor, data)
        os.fsync(descriptor)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return temporary


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _Batch:
    """Lines that one sync makes durable: the first thread that waits for one of them sees to it."""

    led: bool = False
    over: Event = field(default_factory=Event)
    problem: OSError | None = None


class LineFile:
    """A file of lines to which one process appends, each durable when `append` returns, unless told not to wait.

    Many threads may append: one sync carries what the others wrote meanwhile (group commit). A last line without
    its end, which a crash left, is cut off on opening, so that the next line is whole.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = _open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self.close = weakref.finalize(self, os.close, self._descriptor)
        size = os.fstat(self._descriptor).st_size
        _check_regular(os.fstat(self._descriptor))
        self._end = os.pread(self._descriptor, size, 0).rfind(b"\n") + 1
        if self._end < size:
            os.ftruncate(self._descriptor, self._end)
        _sync_directory(path.parent)
        self._writing, self._syncing = Lock(), Lock()
        self._batch = _Batch()
        self._broken = False

    def append(self, line: bytes, *, wait: bool = True) -> None:
        """Adds a line. After an OSError it is not in the file, or the file takes no more.

        Without `wait` it is durable as soon as a later line is that waits.
        """
        with self._writing:
            self._refuse_broken()
            self._write_whole(line)
            batch = self._batch
            leads = wait and not batch.led
            batch.led = batch.led or wait
        if leads:
            self._sync(batch)
        elif wait:
            batch.over.wait()
        if wait and batch.problem is not None:
            raise OSError(*batch.problem.args)

    def _sync(self, batch: _Batch) -> None:
        """Makes a batch durable, once the one before it is. Others write on meanwhile, for the next."""
        batch.problem = OSError(errno.EINTR, os.strerror(errno.EINTR))  # until it is known better
        try:
            with self._syncing:
                with self._writing:
                    self._batch = _Batch()
                self._refuse_broken()
                os.fsync(self._descriptor)
            batch.problem = None
        except OSError as problem:
            self._broken = True  # the kernel may have dropped the pages: a second sync would prove nothing
            batch.problem = problem
        finally:
            batch.over.set()

    def _write_whole(self, line: bytes) -> None:
        try:
            _write(self._descriptor, line)
        except BaseException:
            try:
                os.ftruncate(self._descriptor, self._end)
            except OSError:
                self._broken = True
            raise
        self._end += len(line)

    def _refuse_broken(self) -> None:
        if self._broken:
            raise OSError(errno.EIO, "an earlier write to it failed, so it takes no more")
