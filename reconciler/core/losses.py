"""Who may lose access by a plan: the groups that are taken out of what let their members in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.policy import sides, type_of
from reconciler.core.resource import Mark

if TYPE_CHECKING:
    from reconciler.core.address import Address
    from reconciler.core.plan import Plan
    from reconciler.core.planner import Situation
    from reconciler.core.resource import Value


class Loss(NamedTuple):
    """A group of the address's system that goes out of what stands there; or that itself goes."""

    address: Address
    group: str


class Members(NamedTuple):
    """Who is in a group: how many, or at least so many (`more`), and the first names."""

    total: int
    names: tuple[str, ...]
    more: bool = False


def losses(plan: Plan, situation: Situation) -> tuple[Loss, ...]:
    """Every loss, by address and group. A mapping that another sign-on of the product has too is none."""
    found: list[Loss] = []
    for change in plan.changes:
        kind = type_of(situation, change)
        before, after = sides(change, situation)
        if not kind.admits or (after and kind.admits not in after):  # not said: nothing is known to change
            continue
        kept = set(_names(after.get(kind.admits)))
        if Mark.LOCAL in kind.attributes[kind.admits]:
            kept |= _mapped(change.address, situation)
        gone = (name for key, name in _names(before.get(kind.admits)).items() if key not in kept)
        found += [Loss(change.address, name) for name in sorted(gone)]
    return tuple(found)


def _mapped(address: Address, situation: Situation) -> set[str]:
    """The groups of a system that other sign-ons will map."""
    others = (item for key, item in situation.desired.items() if key.system == address.system and key != address)
    return {
        name
        for item in others
        if item.type.admits and Mark.LOCAL in item.type.attributes[item.type.admits]
        for name in _names(item.attributes.get(item.type.admits))
    }


def _names(value: Value) -> dict[str, str]:
    """The spelling of each name by the name without regard to case."""
    names = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
    return {name.casefold(): name for name in names}
