"""What differs between two sides, attribute by attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.plan import AttributeChange, Cause
from reconciler.core.resource import Attributes, Mark, ResourceType, Value, unordered
from reconciler.core.state import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.desired import Desired
    from reconciler.core.observed import Present
    from reconciler.core.secret import SecretStatus
    from reconciler.core.state import Entry


def members(value: Value) -> tuple[str, ...]:
    """The members of a set attribute; none if there is no value."""
    return value if isinstance(value, tuple) else ()


def added(entry: Entry | None, name: str) -> set[str]:
    """The members of a set that we added: all that we applied, but for those that an adopted object had before us."""
    if entry is None:
        return set()
    theirs = members(entry.found.get(name)) if entry.origin is Origin.ADOPTED else ()
    return set(members(entry.applied.get(name))) - set(theirs)


def target(wanted: Desired, name: str, before: Value, entry: Entry | None) -> Value:
    """The value that attribute `name` shall have on the server.

    For a shared set that is what stands there, with our members added, and without those that were ours and are
    wanted no more.
    """
    after = wanted.attributes[name]
    if name not in wanted.shared:
        return after
    kept = set(members(before)) - added(entry, name)
    return unordered(kept | set(members(after)))


def differences(
    wanted: Desired, observed: Present, entry: Entry | None, secrets: Mapping[str, SecretStatus]
) -> tuple[AttributeChange, ...]:
    """The attributes of one resource that must be written, each with its cause. Generated secrets are left out."""
    found: list[AttributeChange] = []
    shown, attributes = wanted.type.shown, observed.attributes
    for name, after in wanted.attributes.items():
        if name not in shown:
            if Mark.SECRET in wanted.type.attributes[name]:
                found += _secret_change(name, str(after), observed, entry, secrets)
            continue
        if name in attributes:
            before = attributes[name]
            goal = target(wanted, name, before, entry) if wanted.shared else after
        else:  # the server does not show it: what we last applied stands in
            before, goal = (entry.applied.get(name) if entry else None), after
        if before != goal:
            found.append(AttributeChange(name, before, goal, _cause(name, before, after, entry)))
    return tuple(found)


def _cause(name: str, before: Value, after: Value, entry: Entry | None) -> Cause:
    if entry is None:
        return Cause.FOUND
    applied = entry.applied.get(name)
    return Cause.DRIFT if applied == after and applied != before and not entry.awaiting else Cause.SPEC


def _secret_change(
    name: str, handle: str, observed: Present, entry: Entry | None, secrets: Mapping[str, SecretStatus]
) -> list[AttributeChange]:
    stored = secrets[handle].fingerprint
    seen = observed.fingerprints.get(name)
    if seen is not None and seen != stored:
        written = entry is not None and not entry.awaiting and entry.fingerprints.get(name) == stored
        return [AttributeChange(name, None, None, Cause.DRIFT if written else Cause.SECRET, sensitive=True)]
    if seen is None and (entry is None or entry.fingerprints.get(name) != stored or stored is None):
        return [AttributeChange(name, None, None, Cause.SECRET, sensitive=True)]
    return []


def drifted(resource_type: ResourceType, entry: Entry, observed: Present) -> tuple[AttributeChange, ...]:
    """What somebody else changed: the attributes, from last applied to observed."""
    found: list[AttributeChange] = []
    for name, applied in entry.applied.items():
        if name not in resource_type.shown:
            seen = observed.fingerprints.get(name)
            if seen is not None and seen != entry.fingerprints.get(name):
                found.append(AttributeChange(name, None, None, Cause.DRIFT, sensitive=True))
        elif name in observed.attributes:
            now = observed.attributes[name]
            same = set(members(applied)) <= set(members(now)) if name in entry.shared else applied == now
            if not same:
                found.append(AttributeChange(name, applied, now, Cause.DRIFT))
    return tuple(found)


def explain(before: Value, after: Value) -> tuple[tuple[str, Value, Value], ...]:
    """The single items that differ between two unequal nested values: (key, before, after), by key.

    A missing side is None. Called only for values known to be unequal, since the library that does it is a
    thousand times slower than `==`.
    """
    from deepdiff import DeepDiff  # noqa: PLC0415 - 100 ms to import, and most runs have nothing to explain

    first, second = _plain(before), _plain(after)
    delta = DeepDiff(first, second, verbose_level=2, view="tree")
    changes = {
        str(item.path(output_format="list")[-1]): (_shown(item.t1), _shown(item.t2))
        for items in delta.values()
        for item in items
        if item.path(output_format="list")
    }
    return tuple((key, *sides) for key, sides in sorted(changes.items()))


def _plain(value: Value) -> object:
    if isinstance(value, tuple):
        return dict.fromkeys(value, True)
    return dict(value) if not isinstance(value, (str, int, bool, type(None))) else value


def _shown(side: object) -> Value:
    return side if isinstance(side, (str, int, bool)) else None


def compared(attributes: Attributes, resource_type: ResourceType) -> Attributes:
    """The attributes that a server shows, so that a write can be checked against what the plan rested on."""
    return {name: value for name, value in attributes.items() if name in resource_type.shown}
