"""A lock that its holder keeps renewing: who has not for the length of the lease has lost it."""

from __future__ import annotations

from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

from reconciler.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable

_RENEWALS = 4
"""How often a lease is renewed while it lasts."""
_SAFE = 0.75
"""The share of a lease after which its holder writes no more, so that nobody can have taken it over by then."""


class Lease:
    """Renews a lock from a thread of its own. `renew` says whether it is still ours; StateError if it cannot tell."""

    def __init__(self, seconds: float, renew: Callable[[], bool]) -> None:
        self._seconds = seconds
        self._renew = renew
        self._safe_until = monotonic() + seconds * _SAFE
        self._lost = ""
        self._over = Event()
        self._thread = Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> str:
        """Why the lock is not surely ours any more; empty while it is."""
        if not self._lost and monotonic() > self._safe_until:
            return f"it could not be renewed for {self._seconds * _SAFE:.0f} seconds"
        return self._lost

    def end(self) -> None:
        """Renews no more, once a renewal under way has ended."""
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._lost and not self._over.wait(self._seconds / _RENEWALS):
            began = monotonic()
            try:
                if self._renew():
                    self._safe_until = began + self._seconds * _SAFE
                else:
                    self._lost = "somebody took it over"
            except StateError:  # maybe the next time; else the time runs out
                continue
