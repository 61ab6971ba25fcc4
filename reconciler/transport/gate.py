"""How many requests one system gets at once: fewer after each 429, more again while it answers."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Passage:
    """One request on its way. `number` orders them; `busy` and `wait` are what the system said."""

    number: int
    busy: bool = False
    wait: float = 0.0


class Gate:
    """Lets at most so many requests through at once, and fewer after a 429.

    Then half of those that were on their way; each answer after that widens the gate a little, by one after as many
    answers as it lets through, until it is as wide as before. Of requests that were sent side by side only the first
    429 narrows it. Where the system says how long to wait, nobody begins before that.
    """

    def __init__(self, most: int) -> None:
        self._changed = Condition()
        self._most = most
        self._width = float(most)
        self._inside = 0
        self._count = 0
        self._narrowed = 0
        self._opens = 0.0

    @property
    def width(self) -> int:
        """How many requests may be on their way."""
        return int(self._width)

    @contextmanager
    def passing(self, *, again: bool) -> Iterator[Passage]:
        """One request; the caller says of the passage how it ended. One that is sent `again` has waited by itself."""
        waited = float("inf") if again else 0.0
        while (passage := self._enter(waited)) is None:
            waited = self._opens
            time.sleep(max(0.0, waited - time.monotonic()))
        try:
            yield passage
        finally:
            with self._changed:
                self._judge(passage)
                self._inside -= 1
                self._changed.notify(2)  # in the place of this one, and where the gate grew by one

    def _enter(self, waited: float) -> Passage | None:
        """A place inside, as soon as there is one; None if nobody may begin yet, unless this one slept until then.

        That is looked at once there is a place: the system may have said so while this one waited for it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._inside < int(self._width))
            if self._opens > max(waited, time.monotonic()):
                self._changed.notify()  # the place is another's: one that is sent again may have it
                return None
            self._inside += 1
            self._count += 1
            return Passage(self._count)

    def _judge(self, passage: Passage) -> None:
        if passage.busy:
            self._opens = max(self._opens, time.monotonic() + passage.wait)
            if passage.number > self._narrowed:
                self._width = max(1.0, min(self._inside, self._width) // 2)
                self._narrowed = self._count
        elif self._width < self._most:
            self._width = min(self._width + 1 / self._width, self._most)
