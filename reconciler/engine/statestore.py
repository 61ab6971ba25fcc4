"""The rules of the state, each in one place: lineage, serial, versions, journal before use. Backends know none.

The state is the snapshot with the journal folded in. While an apply runs only the journal grows; a commit writes
the next snapshot and clears it. After a crash in between, the journal is of an older serial and says nothing new.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from reconciler.core.journal import Began, Event, Intended, fold
from reconciler.core.state import State
from reconciler.engine.sealed import SealedCodec
from reconciler.errors import StateError
from reconciler.ports import Backend, LockInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.core.state import SystemRecord


@dataclass(frozen=True, slots=True)
class StateStore:
    """The state of one stack in one environment, wherever `backend` keeps it, in the form that `codec` gives it."""

    backend: Backend
    stack: str
    environment: str
    codec: SealedCodec = field(default_factory=SealedCodec)

    def read(self) -> State:
        """The state as it is now, without a lock: what a running apply recorded so far is in it."""
        return self._load().state

    def holder(self) -> LockInfo | None:
        """Who holds the lock now."""
        return self.backend.holder()

    @contextmanager
    def open(self, info: LockInfo) -> Iterator[OpenState]:
        """The state, locked, to be changed. LockedError if somebody else has it.

        StateError if it is encrypted, and what is to be written would not be.
        What was recorded and not committed when the context ends stays in the journal, and is in the state that
        the next one reads.
        """
        with self.backend.lock(info):
            yield self._load(to_write=True)

    def _load(self, *, to_write: bool = False) -> OpenState:
        # The journal first: a snapshot that is committed in between already holds what the journal says.
        journal = self.backend.journal()
        events = self.codec.decode_events(journal, f"{self.backend.where}, journal")
        data, version = self.backend.get()
        if to_write:
            self.codec.refuse_downgrade(journal + (data or b""), self.backend.where)
        if data is None:
            snapshot = State(self.stack, self.environment, lineage=str(uuid4()))
        else:
            snapshot = self.codec.decode_state(data, f"{self.backend.where}, state")
            self._check(snapshot, events)
        fits = self.codec.fits(data)
        return OpenState(self.backend, self.codec, snapshot, version, fold(snapshot, events), fits, data is None)

    def _check(self, snapshot: State, events: Sequence[Event]) -> None:
        """The snapshot is the one that was asked for, and the journal knows of none that came after it."""
        where = self.backend.where
        if (snapshot.stack, snapshot.environment) != (self.stack, self.environment):
            raise StateError(
                f"{where}: this is the state of {snapshot.stack} in {snapshot.environment}, "
                f"not of {self.stack} in {self.environment}",
                "name the right stack and environment, or put the right state there",
            )
        serials = [event.serial for event in events if isinstance(event, Began) and event.lineage == snapshot.lineage]
        if serials and max(serials) > snapshot.serial:
            raise StateError(
                f"{where}: the state has serial {snapshot.serial}, but its journal continues serial {max(serials)}: "
                "an older state was put in its place",
                "put the newest state back; or, if the older one is meant, remove the journal",
            )


@dataclass(slots=True)
class OpenState:
    """A state that this process holds the lock of.

    `snapshot` and `version` are what the backend has; `state` is the snapshot with the journal folded in, as it was
    on opening or after the last commit. `fits`: the backend has it in the form, plain or encrypted, that the spec
    wants; a commit sees to that.
    """

    backend: Backend
    codec: SealedCodec
    snapshot: State
    version: str
    state: State
    fits: bool
    _fresh: bool
    _events: list[Event] = field(default_factory=list)

    def begin(self, systems: Mapping[str, SystemRecord], key_store: str = "") -> None:
        """An apply begins: its events count from now on, and the lineage is durable.

        `key_store` is where the key of its fingerprints lies; empty for where it lay before.
        """
        if self._fresh:
            self.version = self.backend.put(self.codec.encode_state(self.snapshot), self.version)
            self._fresh = False
        self._write(Began(self.snapshot.lineage, self.snapshot.serial, systems, key_store))

    def record(self, event: Event) -> None:
        """Writes an event down, after `begin`. StateError if that failed. Safe to call from many threads.

        An intention is durable when this returns. The end of a step is so with the next intention, or the commit:
        if it is lost, the step is in doubt, as if the machine had failed a moment earlier.
        """
        if not self._events:
            raise RuntimeError("begin() comes before record(): the event would belong to no apply")
        self._write(event)

    def _write(self, event: Event) -> None:
        self._events.append(event)  # first: it did happen, and a commit must say so even if the journal cannot
        self.backend.append(self.codec.encode_event(event), wait=isinstance(event, Began | Intended))

    def commit(self) -> State:
        """Writes the next snapshot, what the recorded events made of the state, and clears the journal.

        Gives the state as it is now, with the next serial. StateError if somebody else wrote meanwhile.
        """
        recorded = fold(self.state, self._events)
        committed = replace(recorded, serial=recorded.serial + 1)
        self.version = self.backend.put(self.codec.encode_state(committed), self.version)
        self.snapshot = self.state = committed
        self._fresh, self.fits = False, True
        self._events.clear()
        with suppress(StateError):  # it is committed; a journal of an older serial says nothing
            self.backend.clear_journal()
        return committed
