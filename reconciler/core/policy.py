"""The hazards of a plan: what in it needs permission by name."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.address import Address
from reconciler.core.diff import added, members
from reconciler.core.observed import Absent, Present
from reconciler.core.ownership import bears_our_mark, recognised
from reconciler.core.plan import Action, Cause, Change, Hazard, HazardName, Plan, StepKind
from reconciler.core.resource import Kind, Mark, Value
from reconciler.core.shadow import is_shadow
from reconciler.core.state import Entry, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.planner import Situation
    from reconciler.core.resource import Attributes, ResourceType

CALLBACK = "callback"
"""The attribute in which a sign-on keeps the redirect URI that it uses."""
TOO_MUCH_SHARE = 30
"""Percent of a system's resources that may change at once without a word."""
TOO_MUCH_FLOOR = 10
"""Systems with fewer resources than this are not counted: there, one is a large share."""
_COUNTED = {Action.UPDATE, Action.REPLACE, Action.DELETE}


class _User(NamedTuple):
    """A resource that will still rest on another one when the plan is done.

    `callback` is where it will still send people as before; None if it moves. `held`: the plan leaves it alone,
    since it could not be read.
    """

    address: Address
    callback: Value
    held: bool


Users = dict[Address, list[_User]]


def judge(plan: Plan, situation: Situation) -> tuple[Hazard, ...]:
    """The hazards of `plan`, ordered by name and subject."""
    found: list[Hazard] = []
    users = _users(situation, plan)
    for change in plan.changes:
        found += _of_change(change, situation, users)
    found += _too_much(plan, situation)
    for system, count in sorted(Counter(item.address.system for item in plan.unread).items()):
        text = f"{count} address{'es' if count > 1 else ''} of {system} could not be read, so the plan is not whole"
        found.append(Hazard(HazardName.INCOMPLETE, system, text))
    return tuple(sorted(set(found), key=lambda hazard: (hazard.name, hazard.subject, hazard.message)))


def refused(hazards: tuple[Hazard, ...], allowed: frozenset[str]) -> tuple[Hazard, ...]:
    """The hazards that `allowed` does not cover: each item is `NAME` or `NAME=SUBJECT`."""
    return tuple(hazard for hazard in hazards if not {str(hazard.name), f"{hazard.name}={hazard.subject}"} & allowed)


def idle(hazards: tuple[Hazard, ...], allowed: frozenset[str]) -> tuple[str, ...]:
    """The items of `allowed` that cover none of the hazards."""
    covered = {text for hazard in hazards for text in (str(hazard.name), f"{hazard.name}={hazard.subject}")}
    return tuple(sorted(allowed - covered))


def _of_change(change: Change, situation: Situation, users: Users) -> Iterator[Hazard]:
    subject = str(change.address)
    resource_type = type_of(situation, change)
    kinds = {step.kind for step in change.steps}
    if change.action is Action.DELETE and not is_shadow(change.address):
        yield Hazard(HazardName.DELETES, subject, "it is deleted")
    if change.action is Action.REPLACE:
        entry = _entry(change, situation)
        kept = " It was adopted: somebody else made it." if entry and entry.origin is Origin.ADOPTED else ""
        yield Hazard(HazardName.REPLACES, subject, f"{change.reason}: the old one is deleted.{kept}")
    if StepKind.ROTATE in kinds and not _never_stored(change, situation, resource_type):
        text = "its secret is rotated: whoever uses the old one is refused from that moment on"
        yield Hazard(HazardName.ROTATES, subject, text)
    yield from (Hazard(HazardName.TAKES_OVER, subject, text) for text in _takes_over(change, situation))
    yield from (Hazard(HazardName.LOCKS_OUT, subject, text) for text in _locks_out(change, situation, users))


def type_of(situation: Situation, change: Change) -> ResourceType:
    """The type of the changed resource."""
    wanted = situation.desired.get(change.address)
    return wanted.type if wanted else situation.types[change.address.system, change.address.type]


def _entry(change: Change, situation: Situation) -> Entry | None:
    """What we know of the changed object, by the rules of ownership; None if none was found."""
    observation = situation.observed[change.address]
    marked = type_of(situation, change).marked
    return (
        recognised(situation.state, change.address, observation, marked=marked)
        if isinstance(observation, Present)
        else None
    )


def _never_stored(change: Change, situation: Situation, resource_type: ResourceType) -> bool:
    """Whether the secret that is rotated never reached its store, so that nobody can be using it."""
    known, entry = _entry(change, situation), situation.state.entries.get(change.address)
    if change.address in situation.rotations or known is None or known.origin is not Origin.CREATED or entry is None:
        return False
    doubt = situation.state.in_doubt.get(change.address)
    generated = resource_type.generated[0]
    return doubt in {StepKind.CREATE, StepKind.ROTATE} or generated not in entry.fingerprints


def _takes_over(change: Change, situation: Situation) -> Iterator[str]:
    observation = situation.observed.get(change.address)
    if not isinstance(observation, Present) or change.address not in situation.desired:
        return
    state, address = situation.state, change.address
    owner, entry = observation.owner, _entry(change, situation)
    resource_type = type_of(situation, change)
    foreign = owner is not None and not bears_our_mark(state, address, observation)
    if owner is not None and foreign and not change.shared and (resource_type.marked or entry is None):
        yield f"it bears the mark of {owner.managed_by} ({owner.ref or 'no reference'})"
    if resource_type.kind is Kind.SETTINGS:
        return
    values = [item.name for item in change.attributes if not item.sensitive and item.name not in change.shared]
    if entry is None and values and change.origin is Origin.ADOPTED:
        yield f"somebody else made it, and these would change: {', '.join(values)}"
    for item in change.attributes:
        if Mark.TWO_STEPS in resource_type.attributes[item.name] and item.name not in change.shared:
            for member in sorted(set(members(item.before)) - set(members(item.after)) - added(entry, item.name)):
                yield f"{item.name}: {member} is removed, which we did not add"


def sides(change: Change, situation: Situation) -> tuple[Attributes, Attributes]:
    """What is known of the resource before the change, and after it; nothing after a delete."""
    observation = situation.observed.get(change.address)
    shown = observation.attributes if isinstance(observation, Present) else {}
    entry = situation.state.entries.get(change.address)
    before = {**(entry.applied if entry else {}), **shown}
    if change.action is Action.DELETE:
        return before, {}
    if change.address not in situation.desired and not change.attributes:
        return before, before
    names = type_of(situation, change).having(Mark.LOCAL)
    local = {name: change.wanted[name] for name in names if name in change.wanted}
    written = {item.name: item.after for item in change.attributes if not item.sensitive}  # of shared sets, too
    return before, {**before, **written, **local}


def _locks_out(change: Change, situation: Situation, users: Users) -> Iterator[str]:
    resource_type = type_of(situation, change)
    before, after = sides(change, situation)
    if after is not before:
        yield from resource_type.locks_out({**before, **_mended(change, resource_type)}, after)
    yield from _used(change, users, resource_type)


def _mended(change: Change, resource_type: ResourceType) -> Attributes:
    """What goes back to what was last applied, and so counts as never changed; nothing if other values come along."""
    items = [item for item in change.attributes if item.name in resource_type.mends]
    return {item.name: item.after for item in items} if all(item.cause is Cause.DRIFT for item in items) else {}


def _used(change: Change, users: Users, resource_type: ResourceType) -> Iterator[str]:
    """What goes away although somebody still relies on it."""
    widened = resource_type.having(Mark.TWO_STEPS)
    removed = {
        member
        for item in change.attributes
        if item.name in widened
        for member in set(members(item.before)) - set(members(item.after))
    }
    for user in users.get(change.address, ()):
        if change.action is Action.DELETE or (change.action is Action.REPLACE and user.held):
            yield f"{user.address} still uses it"
        elif user.callback in removed:
            yield f"{user.callback} is removed, and {user.address} still sends people there"


def _users(situation: Situation, plan: Plan) -> Users:
    """For each address, the resources on record that are not gone and will still rest on it when the plan is done."""
    users: Users = defaultdict(list)
    leaving = {change.address for change in plan.changes if change.action is Action.DELETE}
    held = {item.address for item in plan.unread}
    for address, entry in situation.state.entries.items() if plan.changes else ():
        if address in leaving or isinstance(situation.observed.get(address), Absent):
            continue
        wanted = None if address in held else situation.desired.get(address)
        kind = situation.types.get((address.system, address.type))
        callback = entry.applied.get(CALLBACK)
        moves = wanted is not None and wanted.attributes.get(CALLBACK) != callback
        for used in wanted.depends_on if wanted else entry.depends_on:
            if kind is None or kind.inside != used.type:  # a part of it goes along, and misses nothing
                users[used].append(_User(address, None if moves else callback, address in held))
    return users


def _too_much(plan: Plan, situation: Situation) -> Iterator[Hazard]:
    touched = Counter(
        change.address.system
        for change in plan.changes
        if not is_shadow(change.address)
        and (
            (change.action in _COUNTED and any(item.cause is not Cause.SECRET for item in change.attributes or ()))
            or change.action is Action.DELETE
        )
    )
    entries = situation.state.entries if touched else ()
    totals = Counter(address.system for address in entries if not is_shadow(address))
    for system, count in touched.items():
        total = totals[system]
        if total >= TOO_MUCH_FLOOR and count * 100 > total * TOO_MUCH_SHARE:
            share = round(count * 100 / total)
            text = f"{count} of {total} resources ({share} %) would change or go; above {TOO_MUCH_SHARE} % asks first"
            yield Hazard(HazardName.TOO_MUCH, system, text)
