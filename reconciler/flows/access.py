"""Who may lose access by a plan, as far as the products tell: their lists of members are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.losses import losses
from reconciler.diagnostic import warning
from reconciler.errors import ReconcilerError
from reconciler.ports import MembersHandler
from reconciler.transport.answers import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.losses import Loss, Members
    from reconciler.core.plan import Plan
    from reconciler.diagnostic import Diagnostic
    from reconciler.flows.world import World

MOST = 20
"""Groups that are asked about in one plan."""
_SHOWN = 3
_EACH = "look at each person's groups in the product"


def find_losses(plan: Plan, world: World) -> Iterator[Diagnostic]:
    """A warning for each group that goes out of what lets its members in."""
    found = losses(plan, world.situation)
    for loss in found[:MOST]:
        yield _told(loss, world)
    if found[MOST:]:
        others = len(found) - MOST
        yield warning(f"{others} more groups go out of what lets their members in, and were not asked about")


def _told(loss: Loss, world: World) -> Diagnostic:
    address, group = loss.address, clean(loss.group)
    goes = f"{group} is deleted" if address.type == "group" else f"{group} goes out of {address}"
    system = address.system
    own = (one for (name, _), one in world.handlers.items() if name == system)
    handler = next((one for one in own if isinstance(one, MembersHandler)), None)
    try:
        members = handler.members(loss.group) if handler else None
    except ReconcilerError as problem:
        return warning(f"{goes}; who is in it could not be read: {problem.message}", str(address), problem.remedy)
    if members is None:
        return warning(f"{goes}; {system} does not tell who is in it and may lose access", str(address), _EACH)
    if not members.total:
        return warning(f"{goes}; nobody is in it", str(address))
    return warning(f"{goes}; who may lose access: {_listed(members)}", str(address), _EACH)


def _listed(members: Members) -> str:
    """How many, and the first by name."""
    shown = [clean(name) for name in members.names[:_SHOWN]]
    others = members.total - len(shown)
    least = "at least " if members.more else ""
    names = ", ".join(shown) + (f" and {least}{others} others" if others else "")
    return f"{least}{members.total} {'people' if members.total > 1 else 'person'}: {names}"
