"""Making the secret of a client anew: when it is due, and whom it concerns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from reconciler.diagnostic import Diagnostic, warning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from reconciler.core.address import Address
    from reconciler.core.desired import Desired, DesiredState
    from reconciler.core.plan import Plan
    from reconciler.core.state import State

_AHEAD = timedelta(hours=1)
"""By how much a recorded time may be later than now without a word: clocks of machines differ."""


def find_due(desired: DesiredState, state: State, now: datetime) -> dict[Address, str]:
    """The objects whose secret has reached the age at which the spec wants a new one, each with the reason.

    A clock that went back makes nothing older, and where no time is recorded there is no age.
    """
    return {
        address: f"its secret is of {since:%Y-%m-%d}: older than the {days} days that the spec allows"
        for address, days, since in _counted(desired, state)
        if now - since >= timedelta(days=days)
    }


def review_ages(desired: DesiredState, state: State, now: datetime) -> Iterator[Diagnostic]:
    """A warning for each secret that is of a later time than now: one of two clocks was wrong."""
    for address, _, since in _counted(desired, state):
        if since - now > _AHEAD:
            yield warning(
                f"the state says that its secret is of {since:%Y-%m-%d %H:%M}, and now it is {now:%Y-%m-%d %H:%M}: "
                f"it is not rotated by age before that time",
                str(address),
                f"set the clock right; if it was wrong then, `reconciler rotate {address}` counts anew",
            )


def _counted(desired: DesiredState, state: State) -> Iterator[tuple[Address, int, datetime]]:
    """The secrets whose age matters and is known: allowed age in days, and since when it is."""
    for address in sorted(address for address, wanted in desired.items() if wanted.secret_days is not None):
        days, entry = desired[address].secret_days, state.entries.get(address)
        if days is not None and entry is not None and entry.secret_since is not None:
            yield address, days, entry.secret_since


def generated(wanted: Desired) -> str:
    """The handle of the secret that the server made for a resource; empty if there is none."""
    return next((str(wanted.attributes[name]) for name in wanted.type.generated if name in wanted.attributes), "")


def find_consumers(desired: DesiredState, address: Address) -> tuple[Address, ...]:
    """The resources that need the value of the secret made for `address`."""
    handle = generated(desired[address])
    return tuple(
        other
        for other, wanted in sorted(desired.items())
        if handle in [str(wanted.attributes.get(name, "")) for name in wanted.type.secrets]
    )


def narrow(plan: Plan, desired: DesiredState, targets: frozenset[Address], handles: frozenset[str]) -> Plan:
    """The plan for `targets` alone, with what they need first; of its findings those about `handles`."""
    changes = {change.address: change for change in plan.changes}
    kept, waiting = set(targets), sorted(targets)
    while waiting:
        address = waiting.pop()
        change, wanted = changes.get(address), desired.get(address)
        needed = change.depends_on if change else wanted.depends_on if wanted else ()
        waiting += (other for other in needed if other not in kept)
        kept.update(needed)
    return replace(
        plan,
        changes=tuple(change for change in plan.changes if change.address in kept),
        drift=tuple(item for item in plan.drift if item.address in kept),
        unread=tuple(item for item in plan.unread if item.address in kept),
        diagnostics=tuple(item for item in plan.diagnostics if item.where in handles),
        unchanged=0,
    )
