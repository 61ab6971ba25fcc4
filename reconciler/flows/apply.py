"""`apply`: makes it so. These lines in this order are the whole pipeline; docs/run.md tells the story."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING

from reconciler.core.outcome import Outcome, StepResult
from reconciler.core.plan import HazardName, Plan
from reconciler.core.policy import refused
from reconciler.diagnostic import Severity
from reconciler.engine.executor import Executor
from reconciler.engine.performing import Performer
from reconciler.errors import IncompleteError, RefusedError, SpecError
from reconciler.flows.checks import check_stores, compare, compare_places
from reconciler.flows.place import Place, lock_info
from reconciler.flows.plan import judged
from reconciler.flows.world import emptied, look

if TYPE_CHECKING:
    from reconciler.core.plan import Hazard


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: a saved plan or the spec as it is; which hazards are allowed; whether to take all down."""

    place: Place
    allowed: frozenset[str] = frozenset()
    saved: Plan | None = None
    destroy: bool = False


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How the run talks.

    `show` sees the plan, `progress` each step that ended and how many there are. `stoppable` lasts while steps are
    carried out; the flag that it gives ends the run between two.
    """

    show: Callable[[Plan], None]
    confirm: Callable[[], bool]
    progress: Callable[[StepResult, int], None]
    stoppable: Callable[[], AbstractContextManager[Event]]


def apply(request: Request, dialogue: Dialogue) -> Outcome | None:
    """What was done; None if the person said no. The second run of the same spec does nothing."""
    place = request.place
    spec = place.read_spec()
    if request.saved is not None:
        compare_places(request.saved, spec.intent)
    if request.destroy:
        spec = replace(spec, intent=emptied(spec.intent))
    with (
        place.state_store(spec).open(lock_info("apply")) as store,
        look(place, spec, store.state, may_write=True, allowed=request.allowed) as world,
    ):
        plan = judged(world, spec)
        if request.saved is not None:
            compare(request.saved, plan)
        if errors := [item for item in plan.diagnostics if item.severity is Severity.ERROR]:
            raise SpecError(errors)
        if plan.changes or plan.unread:
            dialogue.show(plan)
            refuse(refused(plan.hazards, request.allowed))
        if not plan.changes:
            if world.systems != store.state.systems or not store.fits:  # one may move; it is encrypted from now on
                store.begin(world.systems)
                store.commit()
            return Outcome((), store.state.serial)
        if not dialogue.confirm():
            return None
        check_stores(plan, world)
        performer = Performer(store.state, world.situation.types, world.handlers, world.secrets)
        with dialogue.stoppable() as stop:
            store.begin(world.systems)
            results = Executor(performer, store.record, dialogue.progress, stop, place.parallelism).run(plan)
            return Outcome(results, store.commit().serial)


def refuse(hazards: tuple[Hazard, ...]) -> None:
    """RefusedError naming every hazard that was not allowed; IncompleteError if all that is missing is a read."""
    if not hazards:
        return
    what = ", ".join(sorted({f"{hazard.name} ({hazard.subject})" for hazard in hazards}))
    names = " ".join(sorted({f"--allow {hazard.name}={hazard.subject}" for hazard in hazards}))
    kind = IncompleteError if all(hazard.name is HazardName.INCOMPLETE for hazard in hazards) else RefusedError
    raise kind(f"nothing was done; the plan holds what needs permission: {what}", f"if that is meant: {names}")
