"""One step: what the handler is asked, what is checked before, and what is recorded after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.core.address import Address
from reconciler.core.diff import members
from reconciler.core.observed import Lookup, Observation, Present, Unreadable
from reconciler.core.ownership import bears_our_mark, owner_of
from reconciler.core.plan import Action, Change, Step, StepKind
from reconciler.core.resource import Attributes, Mark, ResourceType, Value, unordered
from reconciler.core.state import Entry, Origin, State
from reconciler.engine.refresh import Handlers
from reconciler.errors import BadAnswerError, InDoubtError, ManualError, ReconcilerError, RequestError, StatusError
from reconciler.ports import RotatingHandler, Write, Written
from reconciler.storage import Secrets

if TYPE_CHECKING:
    from pydantic import SecretStr

    from reconciler.core.observed import Owner
    from reconciler.ports import Handler

_GONE = 404
_REFUSALS = range(300, 500)
"""Statuses that say: it was not carried out."""
_WRITES = {StepKind.UPDATE, StepKind.EXPAND, StepKind.CONTRACT}


@dataclass(frozen=True, slots=True)
class Performed:
    """The step was carried out: what is recorded now, and what a person has to do, if anything."""

    entry: Entry | None
    instructions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The step was not carried out as a whole; `entry` is recorded if a part of it was."""

    message: str
    remedy: str = ""
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """Nobody knows whether the step was carried out."""

    message: str
    remedy: str = ""


End = Performed | Refused | Doubt


@dataclass(slots=True)
class Performer:
    """Carries out single steps. Steps of one change come one after another; changes may run side by side.

    `refused` are the handles whose value the server said is wrong: nothing is recorded of it. `now` tells the time.
    `_entries` holds what was recorded of a change so far, `_written` what its steps wrote.
    """

    state: State
    types: Mapping[tuple[str, str], ResourceType]
    handlers: Handlers
    secrets: Secrets
    refused: frozenset[str] = frozenset()
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _entries: dict[Address, Entry | None] = field(default_factory=dict)
    _written: dict[Address, dict[str, Value]] = field(default_factory=dict)

    def perform(self, change: Change, step: Step) -> End:
        """The end of one step. ReconcilerError for one that was refused, InDoubtError for one without an answer."""
        match step.kind:
            case StepKind.CREATE:
                end = self._create(change, step)
            case StepKind.ROTATE:
                end = self._rotate(change)
            case StepKind.MARK:
                self._handler(change).update(self._write(change, change.wanted, frozenset(), change.remote_id))
                end = Performed(self._entry(change))
            case StepKind.RECORD:
                end = Performed(None if change.action is Action.FORGET else self._entry(change))
            case StepKind.RELEASE:
                end = self._release(change)
            case StepKind.DELETE:
                end = self._delete(change, step)
            case StepKind.UPDATE | StepKind.EXPAND | StepKind.CONTRACT:
                end = self._update(change, step)
        if not isinstance(end, Doubt) and end.entry is not None:
            self._entries[change.address] = end.entry
        elif isinstance(end, Performed):
            self._entries[change.address] = None
        return end

    # --- creating -------------------------------------------------------------------------------------------------

    def _create(self, change: Change, step: Step) -> End:
        handler = self._handler(change)
        write = self._write(change, step.attributes, frozenset(step.attributes), "", Origin.CREATED)
        try:
            written = handler.create(write)
        except RequestError as problem:
            if not _may_have_acted(problem):
                raise
            return self._read_back(change, problem)
        return self._created(change, written)

    def _created(self, change: Change, written: Written) -> End:
        entry = replace(self._entry(change), remote_id=written.remote_id, awaiting=bool(written.manual))
        if written.found:  # as if the plan had seen it: what somebody else may have made is never deleted
            entry = replace(entry, origin=Origin.ADOPTED)
        if written.secret is None:
            return Performed(entry, written.manual)
        return self._keep(change, entry, written.secret)

    def _read_back(self, change: Change, problem: RequestError) -> End:
        """After a create without a usable answer: is it there? A secret that got lost on the way is made anew."""
        found = self._observe(replace(change, remote_id=""))  # the id of a replacement is that of the old object
        if isinstance(found, Unreadable):
            return Doubt(problem.message, "the next run finds out by itself")
        if not isinstance(found, Present):
            return Refused(problem.message, problem.remedy or "it was not created; run apply again")
        marked = self._type(change).marked or found.owner is not None
        if marked and not bears_our_mark(self.state, change.address, found):
            return Refused("an object with this key exists now, and somebody else made it", "plan again")
        if unlike := self._unlike(change, found):
            text = (
                f"an object like it exists now, with another {', '.join(unlike)}, so it is not the one that was sent"
            )
            return Refused(text, "plan again")
        handler = self._handler(change)
        if self._generated(change) is None or not isinstance(handler, RotatingHandler):
            return self._completed(change, found, self._created(change, Written(found.remote_id)))
        write = self._write(change, change.wanted, frozenset(), found.remote_id)
        try:
            rotated = handler.rotate(write)._replace(remote_id=found.remote_id)
        except ReconcilerError as lost:  # a doubt of the create: the next run makes the secret without asking
            return Doubt(f"{problem.message}; its secret could not be made anew: {lost.message}", lost.remedy)
        return self._completed(change, found, self._created(change, rotated))

    def _unlike(self, change: Change, found: Present) -> list[str]:
        """What is otherwise than it was sent, of what no later request can change: that makes it another object."""
        kind = self._type(change)
        fixed = {*kind.key, *kind.having(Mark.FORCE_NEW)} & change.wanted.keys() & found.attributes.keys()
        return sorted(name for name in fixed if found.attributes[name] != change.wanted[name])

    def _completed(self, change: Change, found: Present, end: End) -> End:
        """After `end`: what the lost create had no time for is written, since some objects take several requests."""
        missing = {
            name: found.attributes[name]
            for name, value in change.wanted.items()
            if name in found.attributes and found.attributes[name] != value
        }
        if not missing or not isinstance(end, Performed) or end.entry is None:
            return end
        write = self._write(change, change.wanted, frozenset(missing), found.remote_id, Origin.CREATED)
        try:
            self._handler(change).update(write)
        except ReconcilerError as problem:
            entry = replace(end.entry, applied={**end.entry.applied, **missing})
            return Refused(problem.message, problem.remedy, entry)
        return end

    def _rotate(self, change: Change) -> End:
        handler = self._handler(change)
        entry = self._entry(change)
        if not isinstance(handler, RotatingHandler):
            return Refused("this kind of resource has no secret to rotate")
        try:
            written = handler.rotate(self._write(change, change.wanted, frozenset(), change.remote_id))
        except RequestError as problem:
            if not _may_have_acted(problem):
                raise
            return Doubt(problem.message, problem.remedy)
        if written.secret is None:
            return Refused("the server answered without the new secret", "run apply again", entry)
        return self._keep(change, entry, written.secret)

    def _keep(self, change: Change, entry: Entry, secret: SecretStr) -> End:
        """The secret goes into its store before anything is recorded of it."""
        name = self._generated(change)
        if name is None:
            return Performed(entry)
        try:
            self.secrets.put(str(change.wanted[name]), secret)
        except ReconcilerError as problem:
            known = {key: value for key, value in entry.fingerprints.items() if key != name}
            text = f"the server made the secret, but it could not be kept: {problem.message}"
            remedy = "mend the store; the next apply makes a new secret by itself"
            return Refused(text, remedy, replace(entry, fingerprints=known))
        prints = {**entry.fingerprints, name: self.secrets.fingerprint(secret)}
        return Performed(replace(entry, fingerprints=prints, secret_since=self.now()))

    # --- changing -------------------------------------------------------------------------------------------------

    def _update(self, change: Change, step: Step) -> End:
        if (moved := self._moved(change, step)) is not None:
            return moved
        names = frozenset(step.attributes)
        last = step is change.steps[-1] or all(
            other.kind not in _WRITES for other in change.steps[_after(change, step) :]
        )
        write = self._write(change, {**change.wanted, **step.attributes}, names, self._remote_id(change))
        written = self._handler(change).update(write)
        self._written.setdefault(change.address, {}).update(step.attributes)
        if change.action is Action.FORGET:
            return Performed(self.state.entries[change.address])
        entry = self._entry(change) if last else self._half(change, step)
        return Performed(replace(entry, awaiting=bool(written.manual)), written.manual)

    def _moved(self, change: Change, step: Step) -> Refused | None:
        """A list or a document is read again just before it is written: the servers have no compare-and-swap."""
        whole = self._type(change).document
        lists = [name for name, value in step.attributes.items() if isinstance(value, tuple)]
        if not (whole or lists):
            return None
        found = self._observe(change)
        if isinstance(found, Unreadable):
            return Refused(f"it could not be read again before the write: {found.reason}", found.remedy)
        if not isinstance(found, Present):
            return Refused("it is gone since the plan was made", "plan again")
        expected = {**change.observed, **self._written.get(change.address, {})}
        names = [name for name in (step.attributes if whole else lists) if name in expected]
        moved = [name for name in names if name in found.attributes and found.attributes[name] != expected[name]]
        if moved:
            return Refused(f"somebody changed {', '.join(moved)} since the plan was made", "plan again")
        return None

    def _delete(self, change: Change, step: Step) -> End:
        recorded = self.state.entries.get(change.address)
        applied = recorded.applied if recorded else change.wanted
        entry = self._entries.get(change.address) or self._entry(change)
        target = step.remote_id or change.remote_id
        kept = replace(entry, deposed=tuple(other for other in entry.deposed if other != target))
        if step.remote_id and target == entry.remote_id:  # it was gone, and was made again under its old id
            return Performed(kept)
        found = self._handler(change).read([Lookup(change.address, applied, target)])[change.address]
        if isinstance(found, Unreadable):
            return Refused(f"it could not be read again before it is deleted: {found.reason}", found.remedy)
        if isinstance(found, Present) and found.owner and not bears_our_mark(self.state, change.address, found):
            return Refused("it bears somebody else's mark now", "plan again")
        try:
            self._handler(change).delete(self._write(change, applied, frozenset(), target))
        except ManualError as work:
            return Performed(replace(entry, awaiting=True), work.instructions)
        return Performed(kept if step.remote_id else None)

    def _release(self, change: Change) -> End:
        write = self._write(change, change.wanted, frozenset(), change.remote_id)._replace(owner=None)
        try:
            self._handler(change).update(write)
        except StatusError as problem:
            if problem.status != _GONE:
                raise
        return Performed(None)

    # --- what is recorded -----------------------------------------------------------------------------------------

    def _entry(self, change: Change) -> Entry:
        """What is recorded once the whole change is done."""
        done = self._entries.get(change.address)
        known = done or self.state.entries.get(change.address)
        prints = dict(known.fingerprints) if known else {}
        resource_type = self._type(change)
        for name in resource_type.secrets:
            if name in change.wanted and (value := self.secrets.value(str(change.wanted[name]))) is not None:
                prints[name] = self.secrets.fingerprint(value)
        generated = self._generated(change)
        if generated is not None and any(step.kind is StepKind.ROTATE for step in change.steps):
            if done is None:  # what the store holds is wrong, or nothing: no fingerprint until the new one is kept
                prints.pop(generated, None)
        elif generated is not None and change.action is not Action.CREATE:
            handle = str(change.wanted[generated])
            value = self.secrets.value(handle)
            if value is not None and handle not in self.refused:
                prints[generated] = self.secrets.fingerprint(value)
        since = known.secret_since if known else None
        return Entry(
            remote_id=done.remote_id if done else change.remote_id,
            origin=change.origin,
            applied=change.wanted,
            fingerprints=prints,
            depends_on=change.depends_on,
            on_remove=change.on_remove,
            found=known.found if known else change.observed,
            deposed=done.deposed if done else tuple(step.remote_id for step in change.steps if step.remote_id),
            shared=change.shared,
            secret_since=(since or self.now()) if generated is not None else None,
        )

    def _half(self, change: Change, step: Step) -> Entry:
        """What is recorded between two steps: both the old and the new members of a set are ours."""
        known = self.state.entries.get(change.address)
        applied: dict[str, Value] = dict(known.applied) if known else {}
        for name in step.attributes:
            ours = change.wanted[name]
            mark = self._type(change).attributes[name]
            applied[name] = (
                unordered((*members(applied.get(name)), *members(ours))) if Mark.TWO_STEPS in mark else ours
            )
        entry = self._entry(change)
        if self._type(change).having(Mark.LOCAL):
            applied |= {name: change.wanted[name] for name in self._type(change).having(Mark.LOCAL)}
        return replace(entry, applied=applied)

    # --- small things ---------------------------------------------------------------------------------------------

    def _type(self, change: Change) -> ResourceType:
        return self.types[change.address.system, change.address.type]

    def _handler(self, change: Change) -> Handler:
        return self.handlers[change.address.system, change.address.type]

    def _generated(self, change: Change) -> str | None:
        return next((name for name in self._type(change).generated if name in change.wanted), None)

    def _remote_id(self, change: Change) -> str:
        entry = self._entries.get(change.address)
        return entry.remote_id if entry else change.remote_id

    def _observe(self, change: Change) -> Observation:
        remote_id, entry = self._remote_id(change) or None, self.state.entries.get(change.address)
        same = entry is not None and entry.remote_id == remote_id and not entry.awaiting
        applied = entry.applied if entry and same else {}
        lookup = Lookup(change.address, change.wanted, remote_id, applied=applied)
        return self._handler(change).read([lookup])[change.address]

    def _write(
        self,
        change: Change,
        attributes: Attributes,
        changed: frozenset[str],
        remote_id: str,
        origin: Origin | None = None,
    ) -> Write:
        owner: Owner | None = owner_of(self.state, change.address, origin or change.origin)
        secrets: dict[str, SecretStr] = {}
        for name in self._type(change).secrets:
            if name in attributes and (name in changed or self._type(change).document):
                value = self.secrets.value(str(attributes[name]))
                if value is None:
                    raise ReconcilerError(f"the secret {attributes[name]} is not in its store")
                secrets[name] = value
        return Write(change.address, attributes, changed, remote_id, None if change.shared else owner, secrets)


def _after(change: Change, step: Step) -> int:
    return change.steps.index(step) + 1


def _may_have_acted(problem: RequestError) -> bool:
    """Whether it may be done all the same: a server can fail after it acted, a proxy can spoil the answer."""
    if isinstance(problem, StatusError):
        return problem.status not in _REFUSALS
    return isinstance(problem, InDoubtError | BadAnswerError)
