"""The state in a folder of this machine.

```text
state.json       the snapshot, replaced as a whole
journal.jsonl    what an apply that has not ended yet did since
.lock            locked by the operating system while an apply runs: free as soon as its process is gone
lock.json        who holds that lock, for messages
backups/         the snapshots before, numbered in their order; the newest 20
NAME.secrets.age companions: encrypted stores of secrets
```
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from reconciler import files
from reconciler.backends.locks import KEPT, NOBODY, refusal, unknown_past
from reconciler.errors import LockedError, StateError
from reconciler.storage import LockInfo, Past

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from filelock import FileLock

_BACKUP = re.compile(r"(\d{8})-[0-9a-f]{12}\.json")
_COMPANION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.age")
_PATIENCE = 0.3
"""Seconds to wait for the lock: as long as `holder` of another process may need to look at it, and no more."""


class LocalBackend:
    """Keeps one state in `directory`, which is made, with mode 0700, by the first write or lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._snapshot = directory / "state.json"
        self._lines = directory / "journal.jsonl"
        self._locked = directory / ".lock"
        self._holder = directory / "lock.json"
        self._backups = directory / "backups"
        self._journal: files.LineFile | None = None
        self._opening, self._putting = Lock(), Lock()

    @property
    def where(self) -> str:
        """The folder."""
        return str(self._directory)

    # --- the snapshot ---------------------------------------------------------------------------------------------

    def get(self) -> tuple[bytes | None, str]:
        """The snapshot and its digest; (None, "") if there is none."""
        with self._guard(self._snapshot, "read"):
            data = files.read(self._snapshot)
        return data, _version(data)

    def put(self, data: bytes, if_version: str) -> str:
        """Replaces the snapshot if its digest is still `if_version`; the new digest."""
        with self._putting, self._guard(self._snapshot, "written"), self._exclusive():
            found = files.read(self._snapshot)
            if _version(found) != if_version:
                raise StateError(
                    f"{self._snapshot} was changed by somebody else meanwhile",
                    "run the command again: it starts from what is there now",
                )
            if found is not None:
                self._back_up(found)
            files.replace(self._snapshot, data)
        return _version(data)

    def _back_up(self, data: bytes) -> None:
        folder = self._backups
        files.make_directory(folder)
        kept = self._kept_backups()
        number = int(kept[-1][:8]) + 1 if kept else 0
        target = folder / f"{number:08}-{_version(data)[:12]}.json"
        try:
            target.hardlink_to(self._snapshot)
        except OSError:  # not every file system has hard links
            files.replace(target, data)
        for name in kept[: max(0, len(kept) + 1 - KEPT)]:
            (folder / name).unlink()

    def history(self) -> Sequence[Past]:
        """The backups, the newest first."""
        with self._guard(self._backups, "read"):
            return [
                Past(name.partition("-")[0], _written(self._backups / name))
                for name in reversed(self._kept_backups())
            ]

    def past(self, past_id: str) -> bytes:
        """One backup."""
        path = self._find_backup(past_id)
        with self._guard(path, "read"):
            data = files.read(path)
        if data is None:
            raise unknown_past(self.where, past_id)
        return data

    def replace_past(self, past_id: str, data: bytes) -> None:
        """Puts a new file in the place of a backup, with its time."""
        path = self._find_backup(past_id)
        with self._guard(path, "written"), self._exclusive():
            written = path.stat()
            files.replace(path, data)
            os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))

    def _find_backup(self, past_id: str) -> Path:
        with self._guard(self._backups, "read"):
            for name in self._kept_backups():
                if name.partition("-")[0] == past_id:
                    return self._backups / name
        raise unknown_past(self.where, past_id)

    def _kept_backups(self) -> list[str]:
        if not self._backups.is_dir():
            return []
        return sorted(path.name for path in self._backups.iterdir() if _BACKUP.fullmatch(path.name))

    # --- companions -----------------------------------------------------------------------------------------------

    def companions(self) -> Sequence[str]:
        """The names of the encrypted files in the folder."""
        with self._guard(self._directory, "read"):
            if not self._directory.is_dir():
                return []
            return sorted(path.name for path in self._directory.iterdir() if _COMPANION.fullmatch(path.name))

    def companion(self, name: str) -> tuple[bytes | None, str]:
        """A file of the folder and its digest."""
        path = self._companion_path(name)
        with self._guard(path, "read"):
            data = files.read(path)
        return data, _version(data)

    def put_companion(self, name: str, data: bytes, if_version: str) -> str | None:
        """Replaces the file if its digest is still `if_version`."""
        path = self._companion_path(name)
        with self._putting, self._guard(path, "written"), self._exclusive():
            old = files.read(path)
            done = _version(old) == if_version and files.exchange(path, old, data)
        return _version(data) if done else None

    def _companion_path(self, name: str) -> Path:
        if not _COMPANION.fullmatch(name):
            raise StateError(f"{self.where}: {name!r} is no name of a file beside a state", "rename it where it lies")
        return self._directory / name

    # --- the journal ----------------------------------------------------------------------------------------------

    def journal(self) -> bytes:
        """The journal, with the cut-off line that a crash may have left at its end."""
        with self._guard(self._lines, "read"):
            return files.read(self._lines) or b""

    def append(self, line: bytes, *, wait: bool = True) -> None:
        """Adds a line, which ends in a newline. One sync carries what other threads append meanwhile."""
        with self._guard(self._lines, "written"):
            self._open_journal().append(line, wait=wait)

    def clear_journal(self) -> None:
        """Removes the journal. Not to be called while somebody appends."""
        with self._opening, self._guard(self._lines, "removed"):
            self._close_journal()
            if self._directory.is_dir():
                files.remove(self._lines)

    def _open_journal(self) -> files.LineFile:
        with self._opening:
            if self._journal is None:
                files.make_directory(self._directory)
                self._journal = files.LineFile(self._lines)
            return self._journal

    def _close_journal(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    # --- the lock -------------------------------------------------------------------------------------------------

    @contextmanager
    def lock(self, info: LockInfo) -> Iterator[None]:
        """Holds the lock. It ends with the process, however that ends."""
        with self._exclusive():
            with self._guard(self._holder, "written"):
                files.replace(self._holder, json.dumps(asdict(info)).encode() + b"\n")
            try:
                yield
            finally:
                with self._opening:
                    self._close_journal()
                with self._guard(self._holder, "removed"):
                    files.remove(self._holder)

    def holder(self) -> LockInfo | None:
        """Who holds the lock now. Writes nothing."""
        with self._guard(self._locked, "read"):
            try:
                descriptor = os.open(self._locked, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return self._read_holder()
            finally:
                os.close(descriptor)
        return None

    def _read_holder(self) -> LockInfo:
        try:
            return TypeAdapter(LockInfo).validate_json(files.read(self._holder) or b"")
        except ValidationError:  # it is just being written
            return NOBODY

    @cached_property
    def _os_lock(self) -> FileLock:
        from filelock import FileLock  # noqa: PLC0415 - costs 10 ms, and a plan takes no lock

        return FileLock(self._locked, mode=0o600, thread_local=False)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Nobody else writes meanwhile. Within `lock` it is held already, and held on."""
        from filelock import Timeout  # noqa: PLC0415 - see above

        with self._guard(self._locked, "locked"):
            files.make_directory(self._directory)
            try:
                self._os_lock.acquire(timeout=_PATIENCE, poll_interval=0.02)
            except Timeout:
                raise self._refusal() from None
        try:
            yield
        finally:
            self._os_lock.release()

    def _refusal(self) -> LockedError:
        remedy = "wait until it has ended; if it hangs, end that process: the lock goes with it"
        return refusal(self.where, self._read_holder(), remedy)

    def unlock(self, lock_id: str) -> None:  # noqa: ARG002 - a duty of every backend
        """Not possible: the operating system holds it for a process that runs."""
        by = self._read_holder()
        raise StateError(
            f"{self.where}: the lock is held by a process that runs",
            f"end process {by.pid} on {by.host}: the lock goes with it",
        )

    def _guard(self, path: Path, done: str) -> AbstractContextManager[None]:
        return files.failing_as(StateError, path, done)


def _version(data: bytes | None) -> str:
    return "" if data is None else hashlib.sha256(data).hexdigest()


def _written(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
