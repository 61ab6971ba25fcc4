"""The change to a resource that has left the spec: delete, or forget."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.core.diff import added, members
from reconciler.core.observed import Present
from reconciler.core.ownership import bears_our_mark, recognised
from reconciler.core.plan import Action, AttributeChange, Cause, Change, Phase, Step, StepKind
from reconciler.core.resource import Kind, OnRemove, unordered
from reconciler.core.shadow import is_shadow
from reconciler.core.state import Entry, Origin
from reconciler.core.steps import clearance

if TYPE_CHECKING:
    from reconciler.core.address import Address
    from reconciler.core.observed import Observation
    from reconciler.core.resource import ResourceType
    from reconciler.core.state import State


LEFT_SPEC = "it left the spec"
TAKEN_DOWN = "everything is taken down, as asked"


def remove(
    state: State,
    resource_type: ResourceType,
    address: Address,
    observation: Observation,
    heir: Address | None,
    cause: str,
) -> Change:
    """What is done to a resource that is in the state and no longer wanted; `cause` says why it is not.

    `heir` is the address by which the spec means the same object now: for another name nothing is deleted.
    """
    entry = state.entries[address]
    if heir is not None and resource_type.kind is Kind.OBJECT:
        return _forget(address, entry, f"the spec means the same object by {heir} now")
    if not isinstance(observation, Present):
        return _forget(address, entry, f"{cause}; it is gone already")
    known = recognised(state, address, observation, marked=resource_type.marked)
    if known is None:
        return _forget(address, entry, f"{cause}; it belongs to somebody else now")
    if entry.begun:
        entry = replace(entry, remote_id=known.remote_id, origin=known.origin)
    if entry.shared:
        return _withdraw(address, entry, observation, cause)
    release = resource_type.marked and bears_our_mark(state, address, observation)
    if resource_type.kind is Kind.SETTINGS:
        found = ", ".join(f"{name} = {json.dumps(value)}" for name, value in sorted(entry.found.items()))
        before = f"; before us they were {found}" if found else ""
        return _forget(address, entry, f"{cause}; the settings stay as they are{before}")
    if entry.origin is Origin.ADOPTED:
        return _forget(address, entry, f"{cause}; it was adopted, so it stays", release=release)
    if entry.on_remove is OnRemove.FORGET:
        return _forget(address, entry, f"{cause}; what we made stays where it is", release=release)
    steps = (*clearance(entry.deposed), Step(StepKind.DELETE, Phase.LATE))
    reason = "the rotation that needed it is over" if is_shadow(address) else cause
    return _change(address, entry, Action.DELETE, reason, steps)


def _forget(address: Address, entry: Entry, reason: str, *, release: bool = False) -> Change:
    kind = StepKind.RELEASE if release else StepKind.RECORD
    return _change(address, entry, Action.FORGET, reason, (Step(kind, Phase.LATE),))


def _withdraw(address: Address, entry: Entry, observed: Present, cause: str) -> Change:
    """Takes our members out of the sets that we share with others."""
    left: dict[str, tuple[str, ...]] = {}
    for name in sorted(entry.shared):
        before, ours = set(members(observed.attributes.get(name))), added(entry, name)
        if before & ours:
            left[name] = unordered(before - ours)
    if not left:
        return _forget(address, entry, f"{cause}; nothing of ours is on it")
    attributes = tuple(
        AttributeChange(name, observed.attributes[name], after, Cause.SPEC) for name, after in left.items()
    )
    steps = (Step(StepKind.CONTRACT, Phase.LATE, left), Step(StepKind.RECORD, Phase.LATE))
    reason = f"{cause}; what we added is taken out, the rest stays"
    return _change(address, entry, Action.FORGET, reason, steps, attributes, observed)


def _change(
    address: Address,
    entry: Entry,
    action: Action,
    reason: str,
    steps: tuple[Step, ...],
    attributes: tuple[AttributeChange, ...] = (),
    observed: Present | None = None,
) -> Change:
    names = {change.name for change in attributes}
    return Change(
        address=address,
        action=action,
        reason=reason,
        steps=steps,
        wanted=entry.applied,
        attributes=attributes,
        observed={name: observed.attributes[name] for name in names} if observed else {},
        remote_id=entry.remote_id,
        origin=entry.origin,
        depends_on=entry.depends_on,
        on_remove=entry.on_remove,
        shared=entry.shared,
    )
