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
from reconciler.engine.sealed import SealedCodec, is_sealed
from reconciler.errors import SecretError, StateError
from reconciler.storage import Backend, LockInfo

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

    def copy(self) -> bytes | None:
        """The same as a file; None if there is none. StateError if it is encrypted and the file would not be."""
        found = self._load(to_write=True)
        return None if found.fresh else self.codec.encode_state(found.state)

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

    def supersede(self, info: LockInfo, state: State, *, force: bool, rewind: bool = False) -> State:
        """Puts `state` in the place of what is there, as the newest: the state as it is now.

        StateError if it is not made from what is there: of another lineage, of an older serial (which `rewind`
        permits), or while a journal says more than the snapshot. `force` permits all of that, and a damaged state.
        """
        self._check_place(state)
        with self.backend.lock(info):
            try:
                current = self._load(to_write=True)
            except (StateError, SecretError):
                if not force:
                    raise
                current = self._load_damaged(state)
            if not (force or current.fresh):
                self._check_follows(current, state, rewind=rewind)
            return current.supersede(state)

    def _load_damaged(self, state: State) -> OpenState:
        """What cannot be read, to be replaced by `state`. StateError if that would not be encrypted any more."""
        journal, (data, version) = self.backend.journal(), self.backend.get()
        self.codec.refuse_downgrade(journal + (data or b""), self.backend.where)
        fits = self.codec.fits(data)
        return OpenState(self.backend, self.codec, state, version, state, fits, _fresh=False, _leftover=bool(journal))

    def _check_follows(self, current: OpenState, state: State, *, rewind: bool) -> None:
        where, there = self.backend.where, current.snapshot
        if state.lineage != there.lineage:
            what = f"it is of lineage {state.lineage}, and the state there of lineage {there.lineage}"
        elif state.serial < there.serial and not rewind:
            what = f"it has serial {state.serial}, and the state there has {there.serial}: somebody wrote since"
        elif current.unfinished:
            what = "an apply that did not end left a journal there, which says more"
        else:
            return
        remedy = "begin with `reconciler state pull`, or `reconciler apply`; --force puts it there all the same"
        raise StateError(f"{where}: this state does not follow: {what}; nothing was written", remedy)

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
        state = fold(snapshot, events)
        return OpenState(self.backend, self.codec, snapshot, version, state, fits, data is None, bool(journal))

    def _check_place(self, snapshot: State) -> None:
        """The snapshot is of the stack and environment that were asked for."""
        where = self.backend.where
        if (snapshot.stack, snapshot.environment) != (self.stack, self.environment):
            raise StateError(
                f"{where}: this is the state of {snapshot.stack} in {snapshot.environment}, "
                f"not of {self.stack} in {self.environment}",
                "name the right stack and environment, or put the right state there",
            )

    def _check(self, snapshot: State, events: Sequence[Event]) -> None:
        """The snapshot is the one that was asked for and that the journal continues, or a later one."""
        where = self.backend.where
        self._check_place(snapshot)
        lineages = [event.lineage for event in events if isinstance(event, Began)]
        if lineages and lineages[-1] != snapshot.lineage:
            raise StateError(
                f"{where}: the state is of lineage {snapshot.lineage}, and its journal continues one of lineage "
                f"{lineages[-1]}: another state was put in its place",
                "put the state back that the journal belongs to; or, if the other one is meant, remove the journal",
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
    wants; a commit sees to that, and that past snapshots are encrypted where it is.
    """

    backend: Backend
    codec: SealedCodec
    snapshot: State
    version: str
    state: State
    fits: bool
    _fresh: bool
    _leftover: bool
    _events: list[Event] = field(default_factory=list)

    @property
    def fresh(self) -> bool:
        """Whether there is no snapshot yet."""
        return self._fresh

    @property
    def settled(self) -> bool:
        """Whether there is nothing that a commit would see to: no journal, and the form that the spec wants."""
        return self.fits and not self._leftover

    @property
    def unfinished(self) -> bool:
        """Whether the journal says more than the snapshot."""
        return self.state != self.snapshot

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

        Gives the state as it is now, with the next serial. StateError if somebody else wrote meanwhile, or if it
        cannot be written.
        """
        recorded = fold(self.state, self._events)
        try:
            return self._put(replace(recorded, serial=recorded.serial + 1))
        except StateError as problem:
            raise StateError(
                f"what was done is not committed: {problem.message}",
                "the journal has what was recorded of it, and the next run begins with that and looks at the rest: "
                f"{problem.remedy}",
            ) from None

    def supersede(self, state: State) -> State:
        """Writes a state of any serial and lineage in the place of all that is recorded. The state as it is now."""
        serial = state.serial if self._fresh else max(state.serial, self.snapshot.serial) + 1
        return self._put(replace(state, serial=serial))

    def leave(self, note: bytes) -> None:
        """Puts a note in the place of the state, which was moved elsewhere."""
        self.version = self.backend.put(note, self.version)
        self.seal_past()

    def _put(self, committed: State) -> State:
        self.seal_past()
        plain = not self.fits
        self.version = self.backend.put(self.codec.encode_state(committed), self.version)
        self.snapshot = self.state = committed
        self._fresh, self.fits, self._leftover = False, True, False
        self._events.clear()
        with suppress(StateError):  # it is committed; a journal of an older serial says nothing
            self.backend.clear_journal()
        if plain:
            with suppress(StateError):  # the next commit sees to it, before it adds to the history
                self.seal_past()
        return committed

    def seal_past(self) -> bool:
        """Encrypts the past snapshots where snapshots are encrypted. False if the backend does not tell of any.

        Only after the first commit that encrypts is the newest of them plain: it is done last, so that what was
        interrupted is seen by the next commit.
        """
        if not self.codec.encrypts:
            return True
        try:
            kept = self.backend.history()
        except StateError:  # it keeps none for us, or what follows says why it cannot be asked
            return False
        if kept and not is_sealed(self.backend.past(kept[0].id)):
            for each in reversed(kept):
                data = self.backend.past(each.id)
                if not is_sealed(data):
                    self.backend.replace_past(each.id, self.codec.seal(data))
        return True
