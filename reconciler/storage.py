"""The seams to what lies on our side: what the engine asks of secret stores and of backends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from pydantic import SecretStr

    from reconciler.core.secret import SecretStatus


class SecretStore(Protocol):
    """Gives and takes secrets by name."""

    def get(self, name: str) -> SecretStr | None:
        """The secret, or None if the store has none of that name. SecretError if the store cannot be asked."""

    def put(self, name: str, value: SecretStr) -> None:
        """Keeps the secret; durable when it returns. SecretError otherwise."""

    def check_writable(self) -> None:
        """Proves that a secret could be kept now. SecretError, with what to do, if not."""


class Secrets(Protocol):
    """All secret stores behind their handles (`str(handle)`)."""

    def value(self, handle: str) -> SecretStr | None:
        """The secret, or None if its store has none of that name."""

    def put(self, handle: str, value: SecretStr) -> None:
        """Keeps the secret; durable when it returns."""

    def check_writable(self, handle: str) -> None:
        """Proves that this secret could be kept now."""

    def status(self, handle: str) -> SecretStatus:
        """Whether there is a value, its fingerprint, and whether the store can be written."""

    def fingerprint(self, value: SecretStr) -> str:
        """The keyed fingerprint of a value."""

    def ensure_key(self) -> str:
        """The store that now holds the key of the fingerprints; before the first of them is recorded."""


@dataclass(frozen=True, slots=True)
class LockInfo:
    """Who holds a lock. Read from others: a dataclass ignores what a later version may say besides."""

    id: str
    who: str
    host: str
    pid: int
    operation: str
    since: str


class Past(NamedTuple):
    """A snapshot that another took the place of. `id` is a word; `written` is when it was put, in ISO 8601."""

    id: str
    written: str


class Backend(Protocol):
    """Keeps the bytes of one state. Dumb: all rules are in the state store above it.

    What goes wrong is a StateError that says what was and what was not recorded.
    """

    @property
    def where(self) -> str:
        """What to call it in a message. No credential is in it."""

    def get(self) -> tuple[bytes | None, str]:
        """The snapshot (None: there is none) and its version."""

    def put(self, data: bytes, if_version: str) -> str:
        """Replaces the snapshot if its version is still `if_version`, else StateError; the new version.

        Atomic, a compare-and-swap whether or not the lock is held, and the old snapshot is kept in the history.
        """

    def journal(self) -> bytes:
        """The journal; empty if there is none."""

    def append(self, line: bytes, *, wait: bool = True) -> None:
        """Adds to the journal; durable when it returns. Safe to call from many threads, while the lock is held.

        Without `wait` it may return before, and the line is durable no later than the next that waits, or than the
        lock ends.
        """

    def clear_journal(self) -> None:
        """Empties the journal."""

    def lock(self, info: LockInfo) -> AbstractContextManager[None]:
        """Holds the lock. LockedError, naming the holder, if somebody else does.

        The lock of a holder that died is free, by a rule of the backend and not by a guess. Who lost it meanwhile
        can write no more.
        """

    def holder(self) -> LockInfo | None:
        """Who holds the lock now. Changes nothing."""

    def unlock(self, lock_id: str) -> None:
        """Takes the lock of that id from its holder. StateError, with what to do, where that cannot be."""

    def history(self) -> Sequence[Past]:
        """The snapshots before, the newest first; at least twenty. StateError if none are kept here."""

    def past(self, past_id: str) -> bytes:
        """A snapshot of the history. StateError if it has none of that id."""

    def replace_past(self, past_id: str, data: bytes) -> None:
        """Puts other bytes in the place of a snapshot of the history, which keeps its id and its time."""

    def companions(self) -> Sequence[str]:
        """The names of what lies beside the snapshot."""

    def companion(self, name: str) -> tuple[bytes | None, str]:
        """What lies beside the snapshot under a name (None: nothing), and its version."""

    def put_companion(self, name: str, data: bytes, if_version: str) -> str | None:
        """Replaces a companion if its version is still `if_version`; the new version, None if it is not.

        Atomic as `put` is, and durable when it returns. Safe to call from many threads.
        """


class Sealing(Protocol):
    """Encrypts what others keep for us, and reads it again."""

    @property
    def encrypts(self) -> bool:
        """Whether new files are to be encrypted."""

    @property
    def plain_is_meant(self) -> bool:
        """Whether what is encrypted is to become plain again: the spec says so."""

    def encrypt(self, data: bytes) -> bytes:
        """The data, encrypted, as ASCII text."""

    def decrypt(self, data: bytes, where: str) -> bytes:
        """What was encrypted. SecretError, naming `where`, if this run cannot read it."""
