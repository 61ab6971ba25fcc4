"""The one decision table: from desired, observed and recorded to a plan.

| wanted | observed   | in state       | action                                                             |
|--------|------------|----------------|--------------------------------------------------------------------|
| yes    | absent     | any            | create                                                             |
| yes    | equal      | yes            | nothing                                                            |
| yes    | equal      | no             | adopt                                                              |
| yes    | differs    | yes            | update, or replace if a force-new attribute differs                |
| yes    | differs    | no             | adopt and update                                                   |
| no     | present    | created by us  | delete, or forget where the spec said so                           |
| no     | present    | adopted        | forget                                                             |
| no     | absent     | yes            | forget                                                             |
| any    | unreadable | any            | nothing for it, nor for what needs it                              |

Settings are never created or deleted: an update at first sight, a forget at the end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.blocking import unreadable
from reconciler.core.diff import differences, drifted
from reconciler.core.observed import Absent, Observation, ObservedState, Present, Unreadable
from reconciler.core.ownership import bears_mark_of, recognised, recorded
from reconciler.core.plan import Action, AttributeChange, Cause, Change, Drift, DriftKind, Plan, StepKind
from reconciler.core.removal import LEFT_SPEC, remove
from reconciler.core.resource import Mark, ResourceType
from reconciler.core.rest import find_restless
from reconciler.core.secret import SecretStatus
from reconciler.core.shadow import review_shadows
from reconciler.core.state import Entry, Origin, State
from reconciler.core.steps import NOT_CARRIED_OUT, creation, replacement, settlement, update
from reconciler.diagnostic import Diagnostic, error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.core.address import Address
    from reconciler.core.desired import Desired, DesiredState


class Situation(NamedTuple):
    """All that a plan is made from. `types` knows the type of every address; `secrets` every handle.

    `cause` says why what is recorded is wanted no more. `rotations` are the objects whose secret shall be made anew
    although it is right, each with the reason.
    """

    desired: DesiredState
    observed: ObservedState
    state: State
    types: Mapping[tuple[str, str], ResourceType]
    secrets: Mapping[str, SecretStatus]
    cause: str = LEFT_SPEC
    rotations: Mapping[Address, str] = {}

    @property
    def refused(self) -> frozenset[str]:
        """The handles of which the server said that their value is wrong."""
        return frozenset(handle for handle, status in self.secrets.items() if status.proved is False)


def make_plan(situation: Situation) -> Plan:
    """The plan for one situation: the same for the same values in any order. Hazards are judged apart."""
    state = situation.state
    consumed = consumed_secrets(situation.desired)
    restless = find_restless(situation.desired, situation.observed, state, situation.secrets)
    restless |= situation.rotations.keys() & situation.desired.keys()
    fresh = fresh_secrets(situation, restless, consumed)
    if fresh:  # who uses a secret that is made anew cannot rest
        restless |= {key for key, wanted in situation.desired.items() if not fresh.isdisjoint(wanted.handles)}
    blocked = unreadable(situation.desired, situation.observed, state, restless)
    known = {**situation.secrets, **dict.fromkeys(fresh, SecretStatus())}
    heirs = find_heirs(situation, restless - situation.desired.keys())
    former = {heir: state.entries[address] for address, heir in heirs.items()}
    changes: dict[Address, Change] = {}
    for address in restless - blocked.keys():
        wanted = situation.desired.get(address)
        observation = situation.observed[address]
        if wanted is None:
            resource_type = situation.types[address.system, address.type]
            changes[address] = remove(state, resource_type, address, observation, heirs.get(address), situation.cause)
        elif (change := decide(situation, wanted, observation, known, consumed, former.get(address))) is not None:
            changes[address] = change
    changes |= taken_along(situation, changes)
    if blocked:  # what nobody will write needs no secret
        consumed = consumed_secrets({key: item for key, item in situation.desired.items() if key not in blocked})
    doubts = {handle: status.doubt for handle, status in situation.secrets.items() if status.doubt}
    return Plan(
        stack=state.stack,
        environment=state.environment,
        lineage=state.lineage,
        serial=state.serial,
        changes=tuple(changes[address] for address in sorted(changes)),
        drift=tuple(find_drift(situation, restless)),
        unread=tuple(blocked[address] for address in sorted(blocked)),
        diagnostics=(
            *missing_secrets(situation, fresh, consumed),
            *lost_secrets(situation, restless - blocked.keys(), fresh | consumed),
            *review_shadows(state),
            *(warning(doubt, handle) for handle, doubt in sorted(doubts.items())),
        ),
        unchanged=len(situation.desired) - len(situation.desired.keys() & (changes.keys() | blocked.keys())),
    )


def decide(
    situation: Situation,
    wanted: Desired,
    observation: Observation,
    secrets: Mapping[str, SecretStatus],
    consumed: set[str],
    former: Entry | None,
) -> Change | None:
    """What is done to one wanted resource that could be read; None for nothing.

    `former` is the entry of the address by which the spec meant the same object before.
    """
    state, address = situation.state, wanted.address
    if not isinstance(observation, Present):
        known = recorded(state, address)
        gone = NOT_CARRIED_OUT if known and known.awaiting else "it is gone: somebody removed it"
        return creation(wanted, gone if known else "it does not exist yet")
    entry = recognised(state, address, observation, marked=wanted.type.marked)
    sure = replace(entry, fingerprints={}) if entry and address in state.in_doubt else entry
    found = differences(wanted, observation, sure, secrets)  # in doubt, another secret may have been written
    if entry is not None and _must_replace(wanted, found):
        return replacement(wanted, observation, entry, found)
    rotation = _rotation(situation, wanted, entry, consumed)
    ours = bears_mark_of(state, address, observation)
    stale = not ours and bool(entry and entry.formerly) and wanted.type.marked and observation.owner is not None
    if entry is None or recorded(state, address) is None:
        change = update(wanted, observation, entry, found, action=Action.ADOPT, rotation=rotation, marked=ours)
        if (
            entry is None and former is not None and observation.owner is None
        ):  # without a mark only we know whose it is
            return replace(change, origin=former.origin, reason="it was managed by another name until now")
        return change
    if found or rotation or entry.deposed or stale:
        return update(wanted, observation, entry, found, action=Action.UPDATE, rotation=rotation, marked=ours)
    if not _settled(situation, wanted, entry):
        return settlement(wanted, observation, entry)
    return None


def find_heirs(situation: Situation, leaving: set[Address]) -> dict[Address, Address]:
    """Of the addresses that left the spec, those whose object it means by another address: which one."""
    desired, entries = situation.desired, situation.state.entries
    found = ((address, situation.observed[address]) for address in desired) if leaving else ()
    held = {
        (address.system, address.type, observation.remote_id): address
        for address, observation in found
        if isinstance(observation, Present)
    }
    objects = {address: (address.system, address.type, entries[address].remote_id) for address in leaving}
    return {address: held[place] for address, place in objects.items() if place in held}


def taken_along(situation: Situation, changes: Mapping[Address, Change]) -> dict[Address, Change]:
    """The changes that make anew what goes with an object that is deleted before its replacement is made."""
    broken = {
        address
        for address, change in changes.items()
        if change.action is Action.REPLACE and change.steps[0].kind is StepKind.DELETE
    }
    return {
        address: creation(wanted, f"{holder} is made anew, and takes it along")
        for address, wanted in (situation.desired.items() if broken else ())
        for holder in broken.intersection(wanted.depends_on)
        if wanted.type.inside == holder.type
    }


def _must_replace(wanted: Desired, found: tuple[AttributeChange, ...]) -> bool:
    changed = {change.name for change in found}
    return bool(changed.intersection(wanted.type.having(Mark.FORCE_NEW)))


def _settled(situation: Situation, wanted: Desired, entry: Entry) -> bool:
    """Whether the entry already says all that the spec says."""
    if entry.awaiting or wanted.address in situation.state.in_doubt:
        return False
    names = [name for name in wanted.type.handles if name in wanted.attributes]
    statuses = {name: situation.secrets[str(wanted.attributes[name])] for name in names}
    prints = {name: status.fingerprint for name, status in statuses.items() if status.proved is not False}
    return (
        entry.applied == wanted.attributes
        and entry.depends_on == wanted.depends_on
        and entry.on_remove is wanted.on_remove
        and entry.shared == wanted.shared
        and (wanted.secret_days is None or entry.secret_since is not None)
        and all(value is None or entry.fingerprints.get(name) == value for name, value in prints.items())
    )


def _rotation(situation: Situation, wanted: Desired, entry: Entry | None, consumed: set[str]) -> str:
    """Why the server must make a new secret; empty if it must not.

    What somebody in the spec needs must be known. The secret of a client that we made is made anew for others who
    may need it, if there is a place for it; that of an adopted client is somebody else's affair. One that is right
    is made anew where `rotations` say so.
    """
    handle = _generated(wanted)
    status = situation.secrets[handle] if handle else SecretStatus()
    ours = entry is not None and entry.origin is Origin.CREATED and status.writable
    lost = _lost(status) if handle in consumed or (handle and ours) else ""
    return lost or situation.rotations.get(wanted.address, "")


def _generated(wanted: Desired) -> str:
    """The handle of the secret that the server makes; empty if there is none."""
    names = wanted.type.generated
    return next((str(wanted.attributes[name]) for name in names if name in wanted.attributes), "")


def _lost(status: SecretStatus) -> str:
    """What is wrong with a secret that a server made; empty if it is known, and not refused."""
    if status.fingerprint is None:
        return "nobody knows its secret"
    return "the server refuses the stored secret" if status.proved is False else ""


def consumed_secrets(desired: DesiredState) -> set[str]:
    """The handles that some resource needs the value of."""
    return {
        str(wanted.attributes[name])
        for wanted in desired.values()
        for name in wanted.type.secrets
        if name in wanted.attributes
    }


def fresh_secrets(situation: Situation, restless: set[Address], consumed: set[str]) -> set[str]:
    """The handles whose value the plan makes anew: their client is created, replaced, or rotated."""
    fresh: set[str] = set()
    for address in restless & situation.desired.keys():
        wanted = situation.desired[address]
        handle = _generated(wanted)
        observation = situation.observed[address]
        if not handle or isinstance(observation, Unreadable):
            continue
        if isinstance(observation, Absent):
            fresh.add(handle)
            continue
        entry = recognised(situation.state, address, observation, marked=wanted.type.marked)
        found = differences(wanted, observation, entry, situation.secrets) if entry else ()
        if _rotation(situation, wanted, entry, consumed) or _must_replace(wanted, found):
            fresh.add(handle)
    return fresh


def missing_secrets(situation: Situation, fresh: set[str], consumed: set[str]) -> Iterator[Diagnostic]:
    """An error for each secret that would be made with no place to keep it, or is needed and nowhere to be had."""
    for handle in sorted(fresh | consumed):
        status = situation.secrets[handle]
        if handle in fresh and not status.writable:
            yield error(
                f"the server would make the secret {handle}, and this store cannot keep it",
                handle,
                'name a store that can be written, such as secrets = "file:NAME" in [stack]',
            )
        if handle not in fresh and status.fingerprint is None:
            yield error(f"the secret {handle} is needed, and its store has no such value", handle)


def lost_secrets(situation: Situation, addresses: set[Address], known: set[str]) -> Iterator[Diagnostic]:
    """A warning for each secret of a client that was known once, or is refused, and that the plan leaves so.

    `known` are the handles of which something is said already. That nobody ever knew the secret of an adopted
    client is no finding.
    """
    for address in sorted(addresses & situation.desired.keys()):
        wanted, observation = situation.desired[address], situation.observed[address]
        handle = _generated(wanted)
        if not handle or handle in known or not isinstance(observation, Present):
            continue
        status, entry = situation.secrets[handle], situation.state.entries.get(address)
        ours = entry is not None and (entry.origin is Origin.CREATED or bool(entry.fingerprints))
        if (reason := _lost(status)) and (ours or status.proved is False):
            yield warning(
                f"{reason}; it belongs into {handle}",
                str(address),
                "put the right value there; or let the server make a new one, which ends the old, and put it there",
            )


def find_drift(situation: Situation, restless: set[Address]) -> Iterator[Drift]:
    """Every object that is no longer as we last applied it, by address."""
    state = situation.state
    for address in sorted(restless & state.entries.keys()):
        entry, observation = state.entries[address], situation.observed.get(address)
        if entry.awaiting or entry.begun or address in state.in_doubt or observation is None:
            continue
        if isinstance(observation, Absent):
            yield Drift(address, DriftKind.GONE)
        elif isinstance(observation, Present):
            if observation.remote_id in entry.deposed:
                continue
            if observation.remote_id != entry.remote_id:
                yield Drift(address, DriftKind.GONE)
            elif found := (
                *drifted(situation.types[address.system, address.type], entry, observation),
                *_exchanged(situation, address, entry),
            ):
                yield Drift(address, DriftKind.CHANGED, found)


def _exchanged(situation: Situation, address: Address, entry: Entry) -> Iterator[AttributeChange]:
    """The secret that we have from the server, if the server refuses it by now: somebody let it make another one."""
    wanted = situation.desired.get(address)
    status = situation.secrets.get(_generated(wanted)) if wanted else None
    if wanted and status and status.proved is False:
        name = wanted.type.generated[0]
        if entry.fingerprints.get(name) == status.fingerprint:
            yield AttributeChange(name, None, None, Cause.DRIFT, sensitive=True)
