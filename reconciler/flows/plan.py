"""`plan`: what would be done, and what drifted. Its connections send reads and proofs of secrets, nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.core.planner import make_plan
from reconciler.core.policy import judge
from reconciler.flows.access import find_losses
from reconciler.flows.world import look
from reconciler.transport.http import Access

if TYPE_CHECKING:
    from reconciler.core.plan import Plan
    from reconciler.flows.place import Place
    from reconciler.flows.world import World
    from reconciler.spec.load import SpecRead


def plan(place: Place, allowed: frozenset[str] = frozenset()) -> tuple[Plan, SpecRead]:
    """The plan for the spec as it is, the state as it was left and the systems as they are; and that spec."""
    spec = place.read_spec()
    store = place.state_store(spec)
    with look(place, spec, store.read(), store.backend, Access.PROVE, allowed=allowed) as world:
        return judged(world), spec


def judged(world: World) -> Plan:
    """The plan of a world, with its hazards and all findings. It does not say yet which spec it is of."""
    made = make_plan(world.situation)
    return replace(
        made,
        hazards=(*judge(made, world.situation), *world.moved),
        diagnostics=(*world.diagnostics, *made.diagnostics, *find_losses(made, world)),
        systems=world.systems,
    )
