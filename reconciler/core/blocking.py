"""The addresses for which nothing may be planned: nobody knows what is there, or it cannot become ours."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from reconciler.core.observed import ObservedState, Present, Unreadable
from reconciler.core.ownership import recognised
from reconciler.core.plan import Unread
from reconciler.core.resource import Kind, Mark

if TYPE_CHECKING:
    from reconciler.core.address import Address
    from reconciler.core.desired import Desired, DesiredState
    from reconciler.core.observed import Observation
    from reconciler.core.state import State

_NO_SYSTEM = Unreadable("its system is no longer in the spec")


def unreadable(
    desired: DesiredState, observed: ObservedState, state: State, restless: set[Address]
) -> dict[Address, Unread]:
    """Every address for which nothing may be planned, and every one that rests on such an address.

    All but the `restless` were read and are as they should be.
    """
    blocked: dict[Address, Unread] = {}
    for address in restless:
        found = _blocked(state, address, desired.get(address), observed.get(address, _NO_SYSTEM))
        if found is not None:
            blocked[address] = found
    if blocked:
        _spread(blocked, desired, state)
    return blocked


def _blocked(state: State, address: Address, wanted: Desired | None, observation: Observation) -> Unread | None:
    if isinstance(observation, Unreadable):
        return Unread(address, observation.reason, observation.remedy)
    if wanted is None:
        return None
    if isinstance(observation, Present):
        return _fixed(state, wanted, observation)
    if wanted.shared:
        return Unread(address, "it does not exist, and external = true says that somebody else makes it")
    if wanted.type.kind is Kind.SETTINGS:
        return Unread(address, "these settings always exist, yet the system has none")
    return None


def _fixed(state: State, wanted: Desired, observation: Present) -> Unread | None:
    """An object of somebody else that differs where no object can be changed: it is neither adopted nor replaced."""
    shown = observation.attributes
    names = [
        name
        for name in wanted.type.having(Mark.FORCE_NEW)
        if name in wanted.attributes and shown.get(name) not in {None, wanted.attributes[name]}
    ]
    if not names or recognised(state, wanted.address, observation, marked=wanted.type.marked) is not None:
        return None
    return Unread(
        wanted.address,
        f"somebody else made it, and {', '.join(names)} cannot be changed on an existing object",
        f"choose another {' and '.join(wanted.type.key)}, or let the spec say what is there",
    )


def _spread(blocked: dict[Address, Unread], desired: DesiredState, state: State) -> None:
    """Blocks what needs a blocked address; and, of what leaves the spec, what a blocked address needs."""
    ties: dict[Address, list[Address]] = defaultdict(list)
    for address in desired.keys() | state.entries.keys():
        wanted, entry = desired.get(address), state.entries.get(address)
        for needed in (wanted.depends_on if wanted else ()) or (entry.depends_on if entry else ()):
            ties[needed].append(address)
            if wanted is None or needed not in desired:  # what leaves goes after what used it
                ties[address].append(needed)
    waiting = sorted(blocked)
    while waiting:
        source = waiting.pop()
        for address in sorted(ties[source]):
            if (address in desired or address in state.entries) and address not in blocked:
                blocked[address] = Unread(address, f"it is tied to {source}, which could not be read")
                waiting.append(address)
