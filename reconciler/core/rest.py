"""What is at rest: where the spec, the record and the system all say the same.

In most runs that is nearly everything, and to see it takes a tenth of what it takes to decide. It changes no
decision: for what is at rest there is nothing to do, nothing drifted, and no secret is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.observed import Present
from reconciler.core.ownership import bears_mark_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.address import Address
    from reconciler.core.desired import Desired, DesiredState
    from reconciler.core.observed import ObservedState
    from reconciler.core.secret import SecretStatus
    from reconciler.core.state import Entry, State


def find_restless(
    desired: DesiredState, observed: ObservedState, state: State, secrets: Mapping[str, SecretStatus]
) -> set[Address]:
    """The addresses, of all that is wanted or recorded, that are not at rest. Shared resources never are."""
    entries, doubt = state.entries, state.in_doubt
    return {
        address
        for address, wanted in desired.items()
        if (entry := entries.get(address)) is None
        or not isinstance(found := observed[address], Present)
        or not _recorded(wanted, entry)
        or not _standing(wanted, entry, found)
        or not (found.owner is None or bears_mark_of(state, address, found))
        or not _kept(wanted, entry, found, secrets)
        or address in doubt
    } | (entries.keys() - desired.keys())


def _recorded(wanted: Desired, entry: Entry) -> bool:
    """Whether the entry says all that the spec says, and nothing is left to do."""
    return (
        entry.applied == wanted.attributes
        and entry.depends_on == wanted.depends_on
        and entry.on_remove is wanted.on_remove
        and (wanted.secret_days is None or entry.secret_since is not None)
        and not (entry.awaiting or entry.deposed or entry.shared or wanted.shared)
    )


def _standing(wanted: Desired, entry: Entry, found: Present) -> bool:
    """Whether the object is the one on record, and every attribute that the server shows is as wanted."""
    if found.remote_id != entry.remote_id:
        return False
    attributes, shown = found.attributes, wanted.type.shown
    for name, value in wanted.attributes.items():
        if name in shown and name in attributes and attributes[name] != value:
            return False
    return True


def _kept(wanted: Desired, entry: Entry, found: Present, secrets: Mapping[str, SecretStatus]) -> bool:
    """Whether every secret is known, as recorded, and not refused."""
    for name in wanted.type.handles:
        if name in wanted.attributes:
            status, stored = secrets[str(wanted.attributes[name])], entry.fingerprints.get(name)
            if stored is None or status.fingerprint != stored or found.fingerprints.get(name, stored) != stored:
                return False
            if status.proved is False:
                return False
    return True
