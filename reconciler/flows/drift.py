"""`drift`: what somebody changed outside the spec. Reads only, takes no lock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.core.observed import Unreadable
from reconciler.core.plan import Plan, Unread
from reconciler.flows.plan import judged
from reconciler.flows.world import look
from reconciler.storage import LockInfo
from reconciler.transport.http import Access

if TYPE_CHECKING:
    from reconciler.flows.place import Place


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What drifted, as a plan of which only drift and unread addresses count; who is applying meanwhile.

    `held` are the addresses that were read, and that a plan would leave alone all the same. `managed`: whether
    anything was applied that could have drifted.
    """

    plan: Plan
    holder: LockInfo | None
    held: tuple[Unread, ...]
    managed: bool


def drift(place: Place) -> DriftReport:
    """The difference between what was last applied and what is there. What the spec wants meanwhile is no drift."""
    spec = place.read_spec()
    store = place.state_store(spec)
    holder = store.holder()
    state = store.read()
    with look(place, spec, state, store.backend, Access.READ) as world:
        plan, observed = judged(world), world.situation.observed
        unread = tuple(item for item in plan.unread if isinstance(observed[item.address], Unreadable))
        held = tuple(item for item in plan.unread if item not in unread)
        return DriftReport(replace(plan, unread=unread), store.holder() or holder, held, bool(state.entries))
