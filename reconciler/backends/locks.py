"""What all backends say alike: who holds a lock, and which snapshots there are."""

from __future__ import annotations

from reconciler.errors import LockedError, StateError
from reconciler.storage import LockInfo

KEPT = 20
"""How many snapshots before the newest are kept."""
NOBODY = LockInfo(
    id="", who="somebody", host="an unknown host", pid=0, operation="a command", since="an unknown time"
)
"""A holder of whom nothing is known, or nothing yet."""


def refusal(where: str, by: LockInfo, remedy: str) -> LockedError:
    """The error for who finds the lock held."""
    process = f" (process {by.pid})" if by.pid else ""
    return LockedError(
        f"{where} is locked since {by.since}: {by.operation} by {by.who} on {by.host}{process}",
        remedy,
        lock_id=by.id,
    )


def overtaken(where: str) -> StateError:
    """The error for a snapshot that is no longer the one that was read."""
    return StateError(
        f"{where} was changed by somebody else meanwhile",
        "run the command again: it starts from what is there now",
    )


def lost(where: str, reason: str) -> StateError:
    """The error for who lost the lock while at work."""
    return StateError(
        f"{where}: the lock was lost ({reason}): nothing more is recorded there, what was recorded before is kept",
        "run the command again when the backend can be reached: it looks what became of the step that was under way",
    )


def unknown_past(where: str, past_id: str) -> StateError:
    """The error for a snapshot that the history does not have."""
    return StateError(f"{where}: no past state is called {past_id}", "`reconciler state history` lists them")
