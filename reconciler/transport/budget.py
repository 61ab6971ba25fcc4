"""How often requests of one run may be sent again, all systems together. Imports nothing heavy."""

from __future__ import annotations

from collections import Counter
from threading import Lock


class Retries:
    """The budget of one run, and what was spent of it; each request has bounds of its own besides. Thread-safe."""

    def __init__(self, most: int = 200) -> None:
        self.most = most
        self._spent: Counter[str] = Counter()
        self._lock = Lock()

    @property
    def spent(self) -> int:
        """How many requests were sent again."""
        return sum(self._spent.values())

    @property
    def left(self) -> bool:
        """Whether another request may be sent again."""
        return self.spent < self.most

    def spend(self, system: str) -> None:
        """A request to `system` is sent again."""
        with self._lock:
            self._spent[system] += 1

    @property
    def summary(self) -> str:
        """What was spent, for a person; empty if nothing was."""
        if not self._spent:
            return ""
        each = ", ".join(f"{system} {count}" for system, count in sorted(self._spent.items()))
        return f"requests sent again: {self.spent} of at most {self.most} ({each})"
