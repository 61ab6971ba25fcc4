"""Whose an object is: the managed-by mark, and what the state remembers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.core.observed import Owner
from reconciler.core.state import Entry, Origin

if TYPE_CHECKING:
    from reconciler.core.address import Address
    from reconciler.core.observed import Present
    from reconciler.core.state import State

MANAGED_BY = "reconciler"
"""Who we are in a managed-by mark."""
ADOPTED = "+adopted"
"""Ends the mark of an object that we did not create."""


def owner_of(state: State, address: Address, origin: Origin) -> Owner:
    """The mark that we leave on an object."""
    reference = _reference(state, address)
    return Owner(MANAGED_BY, reference + ADOPTED if origin is Origin.ADOPTED else reference)


def _reference(state: State, address: Address) -> str:
    return f"{state.stack}/{state.environment}/{address.system}/{address.type}/{address.name}"


def bears_our_mark(state: State, address: Address, present: Present) -> bool:
    """Whether the object carries the mark of this address, or of one that it was moved from."""
    if bears_mark_of(state, address, present):
        return True
    entry = state.entries.get(address)
    return entry is not None and any(bears_mark_of(state, former, present) for former in entry.formerly)


def bears_mark_of(state: State, address: Address, present: Present) -> bool:
    """Whether the object carries the mark of this very address."""
    if present.owner is None or present.owner.managed_by != MANAGED_BY:
        return False
    reference = _reference(state, address)
    return present.owner.ref in (reference, reference + ADOPTED)


def recorded(state: State, address: Address) -> Entry | None:
    """The entry of an object that we know; None also for one whose create only began."""
    entry = state.entries.get(address)
    return None if entry is None or entry.begun else entry


def recognised(state: State, address: Address, present: Present, *, marked: bool) -> Entry | None:
    """What we know of the object found at `address`: the entry if it is the same object and nobody else's.

    `marked`: objects of this kind carry a mark that can be set and released, so that a foreign one counts. Without an
    entry, an object that bears our own mark is known again: that is how a lost state is rebuilt. Where no mark can
    tell who made it, an object whose create we began counts as adopted: it is ours to change, never to delete.
    """
    entry = state.entries.get(address)
    if entry is not None and present.remote_id in (entry.remote_id, *entry.deposed):
        foreign = marked and present.owner is not None and not bears_our_mark(state, address, present)
        if foreign and not entry.shared:
            return None
        if present.remote_id == entry.remote_id:
            return entry
        left = tuple(other for other in (*entry.deposed, entry.remote_id) if other != present.remote_id)
        return replace(entry, remote_id=present.remote_id, deposed=left)  # the spec goes back to what it replaced
    if bears_our_mark(state, address, present):
        created = present.owner == owner_of(state, address, Origin.CREATED)
        return Entry(present.remote_id, Origin.CREATED if created else Origin.ADOPTED, applied={})
    if entry is not None and entry.begun and not marked and present.owner is None:
        return Entry(present.remote_id, Origin.ADOPTED, applied={})
    return None
