"""`drift`: what somebody changed outside the spec. Reads only, takes no lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.plan import Plan
from reconciler.flows.plan import judged
from reconciler.flows.world import look
from reconciler.ports import LockInfo

if TYPE_CHECKING:
    from reconciler.flows.place import Place


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What drifted, as a plan of which only drift and unread addresses count; who is applying meanwhile."""

    plan: Plan
    holder: LockInfo | None


def drift(place: Place) -> DriftReport:
    """The difference between what was last applied and what is there. What the spec wants meanwhile is no drift."""
    spec = place.read_spec()
    store = place.state_store(spec)
    holder = store.holder()
    state = store.read()
    with look(place, spec, state, may_write=False) as world:
        return DriftReport(judged(world, spec), store.holder() or holder)
