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
from reconciler.render.wording import allowing, listed, number
from reconciler.transport.http import Access

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
        look(place, spec, store.state, Access.WRITE, allowed=request.allowed) as world,
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
            known, key_store = store.state, check_stores(plan, world)
            remembered = (world.systems, key_store) == (known.systems, known.key_store)
            if not (remembered and store.fits):  # one was permitted to move; or it is encrypted from now on
                store.begin(world.systems, key_store)
                store.commit()
            return Outcome((), store.state.serial)
        if not dialogue.confirm():
            return None
        key_store = check_stores(plan, world)
        situation = world.situation
        performer = Performer(store.state, situation.types, world.handlers, world.secrets, situation.refused)
        with dialogue.stoppable() as stop:
            store.begin(world.systems, key_store)
            results = Executor(performer, store.record, dialogue.progress, stop, place.parallelism).run(plan)
            return Outcome(results, store.commit().serial)


def refuse(hazards: tuple[Hazard, ...]) -> None:
    """RefusedError naming every hazard that was not allowed; IncompleteError if all that is missing is a read."""
    if not hazards:
        return
    arguments = allowing(hazards)
    if all(hazard.name is HazardName.INCOMPLETE for hazard in hazards):
        systems = listed(sorted({hazard.subject for hazard in hazards}))
        raise IncompleteError(
            f"nothing was done: {systems} could not be read",
            "\n".join(["set right what the plan says of it; or leave it out, with", *arguments]),
        )
    need = "needs" if len(arguments) == 1 else "need"
    raise RefusedError(
        f"nothing was done: {number(len(arguments), 'hazard')} of the plan {need} permission",
        "\n".join(["if that is meant, apply again with", *arguments]),
    )
