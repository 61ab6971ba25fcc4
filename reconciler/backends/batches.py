"""Journal lines on their way to a server: one write carries what other threads add meanwhile (group commit)."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING

from reconciler.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class _Batch:
    """Lines that one write makes durable: the first thread that waits for one of them sees to it."""

    lines: list[bytes] = field(default_factory=list)
    led: bool = False
    over: Event = field(default_factory=Event)
    problem: StateError | None = None


class Batches:
    """Sends lines by `write`, in order, one write at a time. After a StateError of `write` it takes no more."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._adding, self._writing = Lock(), Lock()
        self._batch = _Batch()
        self._broken: StateError | None = None

    def append(self, line: bytes, *, wait: bool = True) -> None:
        """Adds a line. Without `wait` it is durable as soon as a later line is that waits, or after `flush`."""
        with self._adding:
            self._refuse_broken()
            batch = self._batch
            batch.lines.append(line)
            leads = wait and not batch.led
            batch.led = batch.led or wait
        self._see_through(batch, leads=leads, wait=wait)

    def flush(self) -> None:
        """Makes durable what was added."""
        with self._adding:
            self._refuse_broken()
            batch = self._batch
            leads = bool(batch.lines) and not batch.led
            batch.led = batch.led or leads
        self._see_through(batch, leads=leads, wait=bool(batch.lines))

    def _see_through(self, batch: _Batch, *, leads: bool, wait: bool) -> None:
        if leads:
            self._send(batch)
        elif wait:
            batch.over.wait()
        if wait and batch.problem is not None:
            raise StateError(batch.problem.message, batch.problem.remedy)

    def _send(self, batch: _Batch) -> None:
        """Sends a batch, once the one before it is. Others add on meanwhile, for the next."""
        batch.problem = StateError("the journal could not be written: the run was stopped")  # until known better
        try:
            with self._writing:
                with self._adding:
                    self._batch = _Batch()
                self._refuse_broken()
                self._write(b"".join(batch.lines))
            batch.problem = None
        except StateError as problem:
            self._broken = batch.problem = problem
        finally:
            batch.over.set()

    def _refuse_broken(self) -> None:
        if self._broken is not None:
            raise StateError(self._broken.message, self._broken.remedy)
