"""`import` and `forget`: takes one object into the state as it is, or lets one go and leaves it where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.diff import members
from reconciler.core.observed import Absent, Owner, Present, Unreadable
from reconciler.core.outcome import Outcome
from reconciler.core.ownership import bears_our_mark, recognised
from reconciler.core.plan import Action, Change, Plan, Step, StepKind
from reconciler.core.resource import Mark, unordered
from reconciler.core.state import Origin
from reconciler.engine.executor import Executor
from reconciler.engine.performing import Performer
from reconciler.errors import IncompleteError, ReconcilerError
from reconciler.flows.place import lock_info
from reconciler.flows.world import look
from reconciler.transport.http import Access

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.address import Address
    from reconciler.core.desired import Desired
    from reconciler.core.resource import Attributes, Value
    from reconciler.flows.apply import Dialogue
    from reconciler.flows.place import Place
    from reconciler.flows.world import World
    from reconciler.spec.load import SpecRead


def adopt(place: Place, address: Address, dialogue: Dialogue) -> Outcome:
    """Takes the object at `address` into the state as it is; where the server keeps a mark, ours is left on it.

    The next plan shows what differs from the spec as an update of something known, without *takes-over*; only a
    redirect URI that was there is not removed without it. An object that bears our mark, since the state was lost, is
    again what the mark says: created by us, or adopted.
    """
    return _run(place, address, dialogue, "import", _adoption)


def forget(place: Place, address: Address, dialogue: Dialogue) -> Outcome:
    """Drops `address` from the state, takes our mark off, and leaves the object as it is."""
    return _run(place, address, dialogue, "forget", _release)


def _adoption(world: World, address: Address) -> Change:
    wanted = world.situation.desired.get(address)
    if wanted is None:
        raise ReconcilerError(f"{address} is not in the spec", "write it into the spec first, then import it")
    state = world.situation.state
    if address in state.entries:
        raise ReconcilerError(f"{address} is in the state already", "`reconciler plan` shows how it differs")
    match world.situation.observed[address]:
        case Absent():
            raise ReconcilerError(f"{address}: there is no such object to import", "`reconciler apply` creates it")
        case Unreadable(reason, remedy):
            raise IncompleteError(f"{address}: {reason}", remedy)
        case Present(owner=Owner() as owner) as present if not (
            wanted.shared or bears_our_mark(state, address, present)
        ):
            raise ReconcilerError(
                f"{address} bears the mark of {owner.managed_by} ({owner.ref or 'no reference'})",
                "let that one forget it first; or `reconciler apply --allow takes-over` takes it from them",
            )
        case Present() as present:
            known = recognised(state, address, present, marked=wanted.type.marked)
            origin = known.origin if known else Origin.ADOPTED
            kind = StepKind.RECORD if known or wanted.shared or not wanted.type.marked else StepKind.MARK
            return Change(
                address,
                Action.ADOPT,
                "import",
                (Step(kind),),
                _as_it_is(wanted, present, origin),
                observed={name: value for name, value in present.attributes.items() if name in wanted.attributes},
                remote_id=present.remote_id,
                origin=origin,
                depends_on=wanted.depends_on,
                on_remove=wanted.on_remove,
                shared=wanted.shared,
            )


def _as_it_is(wanted: Desired, present: Present, origin: Origin) -> Attributes:
    """What is recorded of an object that is taken as it is, as if we had applied just that.

    What the server does not show is recorded as wanted, but for a secret that was written into it: nobody can say
    whether that is ours. Of a set that others have a part in only what is wanted of it counts as ours.
    """
    found: dict[str, Value] = {}
    for name, value in wanted.attributes.items():
        mark = wanted.type.attributes[name]
        if Mark.SECRET in mark:
            continue
        seen = found[name] = present.attributes.get(name, value)
        if name in wanted.shared or (Mark.TWO_STEPS in mark and origin is Origin.CREATED):
            found[name] = unordered({*members(seen)} & {*members(value)})
    return found


def _release(world: World, address: Address) -> Change:
    state = world.situation.state
    entry = state.entries.get(address)
    if entry is None:
        raise ReconcilerError(f"{address} is not in the state", "`reconciler state list` shows what is")
    observed = world.situation.observed[address]
    marked = world.situation.types[address.system, address.type].marked if isinstance(observed, Present) else False
    ours = isinstance(observed, Present) and bears_our_mark(state, address, observed)
    kind = StepKind.RELEASE if marked and ours else StepKind.RECORD
    return Change(
        address, Action.FORGET, "forget", (Step(kind),), entry.applied, (), {}, entry.remote_id, entry.origin
    )


def _run(
    place: Place, address: Address, dialogue: Dialogue, operation: str, make: Callable[[World, Address], Change]
) -> Outcome:
    spec: SpecRead = place.read_spec()
    with (
        place.state_store(spec).open(lock_info(operation)) as store,
        look(place, spec, store.state, store.backend, Access.WRITE) as world,
    ):
        state = store.state
        change = make(world, address)
        plan = Plan(state.stack, state.environment, state.lineage, state.serial, (change,))
        situation = world.situation
        performer = Performer(state, situation.types, world.handlers, world.secrets, situation.refused)
        with dialogue.stoppable() as stop:
            store.begin(world.systems)
            results = Executor(performer, store.record, dialogue.progress, stop, 1).run(plan)
            return Outcome(results, store.commit().serial)
