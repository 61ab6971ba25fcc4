"""Reads everything a plan needs: an answer for every address that is wanted or recorded."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from reconciler.core.observed import Lookup, Observation, Present, Unreadable
from reconciler.core.planner import consumed_secrets
from reconciler.errors import ReconcilerError
from reconciler.ports import RotatingHandler, Write
from reconciler.transport.workers import side_by_side

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import SecretStr

    from reconciler.core.address import Address
    from reconciler.core.desired import DesiredState
    from reconciler.core.resource import Attributes
    from reconciler.core.secret import SecretStatus
    from reconciler.core.state import Entry, State
    from reconciler.ports import Handler
    from reconciler.storage import Secrets

Handlers = dict[tuple[str, str], "Handler"]
"""The handlers of every connected system, by system and resource type."""


def observe(
    desired: DesiredState, state: State, handlers: Handlers, failures: Mapping[str, Unreadable], workers: int
) -> dict[Address, Observation]:
    """What stands at every address of `desired` and `state`.

    `failures` are the systems that could not be connected, with the reason. Types are read side by side.
    """
    lookups: dict[tuple[str, str], list[Lookup]] = defaultdict(list)
    for address, wanted in desired.items():
        lookups[address[:2]].append(_lookup(address, wanted.attributes, state.entries.get(address), leaving=False))
    replaced: dict[Address, Entry] = {}
    for address, entry in state.entries.items():
        if address not in desired:
            lookups[address[:2]].append(_lookup(address, entry.applied, entry, leaving=True))
        elif entry.deposed:
            replaced[address] = entry
    observed = _read_all(lookups, handlers, failures, workers)
    if replaced:  # the spec may have gone back to an object that was to be left behind: the key says so
        again = {
            key: [lookup._replace(remote_id=None) for lookup in wanted if lookup.address in replaced]
            for key, wanted in lookups.items()
        }
        by_key = _read_all({key: wanted for key, wanted in again.items() if wanted}, handlers, failures, workers)
        observed |= {
            address: item
            for address, item in by_key.items()
            if isinstance(item, Present) and item.remote_id in replaced[address].deposed
        }
    return observed


def _lookup(address: Address, attributes: Attributes, entry: Entry | None, *, leaving: bool) -> Lookup:
    if entry is None:
        return Lookup(address, attributes, leaving=leaving)
    return Lookup(address, attributes, entry.remote_id or None, leaving, {} if entry.awaiting else entry.applied)


def _read_all(
    lookups: Mapping[tuple[str, str], Sequence[Lookup]],
    handlers: Handlers,
    failures: Mapping[str, Unreadable],
    workers: int,
) -> dict[Address, Observation]:
    def read(key: tuple[str, str]) -> Mapping[Address, Observation]:
        return _read(handlers.get(key), lookups[key], failures.get(key[0]))

    observed: dict[Address, Observation] = {}
    for found in side_by_side(read, sorted(lookups), workers):
        observed.update(found)
    return observed


def _read(
    handler: Handler | None, wanted: Sequence[Lookup], failure: Unreadable | None
) -> Mapping[Address, Observation]:
    if failure is None and handler is not None:
        return handler.read(wanted)
    reason = failure or Unreadable(
        "nothing in the spec says how to reach it",
        "put its system back into the spec, or drop it from the state with `reconciler forget`",
    )
    return dict.fromkeys((lookup.address for lookup in wanted), reason)


def secret_statuses(
    desired: DesiredState,
    observed: dict[Address, Observation],
    state: State,
    secrets: Secrets,
    handlers: Handlers,
) -> dict[str, SecretStatus]:
    """What is known of every handle that a resource names.

    The value of a client secret is proved at the server if somebody needs it, or if the state does not vouch for it;
    unless there are no `handlers` (a run that may only read). Where neither server nor state can say, the address
    becomes unreadable in `observed`.
    """
    consumed = consumed_secrets(desired)
    statuses: dict[str, SecretStatus] = {}
    doubted: list[tuple[Address, str, bool]] = []
    for address, wanted in desired.items():
        for name in wanted.type.handles:
            if not isinstance(handle := wanted.attributes.get(name), str):
                continue
            if (status := statuses.get(handle)) is None:
                status = statuses[handle] = secrets.status(handle)
            if name in wanted.type.generated:
                vouched = _vouches(state, address, observed[address], name, status)
                if not vouched or handle in consumed:
                    doubted.append((address, name, vouched))
    for address, name, vouched in sorted(doubted) if handlers else ():
        handle, found = str(desired[address].attributes[name]), observed[address]
        if statuses[handle].fingerprint is None or not isinstance(found, Present):
            continue
        write = Write(address, found.attributes, remote_id=found.remote_id)
        statuses[handle] = _proved(statuses[handle], handlers[address[:2]], write, name, secrets.value(handle))
        if (doubt := statuses[handle].doubt) and not vouched:
            observed[address] = Unreadable(doubt, "nothing was changed; plan again when the server answers")
    return statuses


def _vouches(state: State, address: Address, observation: Observation, name: str, status: SecretStatus) -> bool:
    """Whether the state says that the object which was found has the secret that is stored."""
    entry = state.entries.get(address)
    return (
        entry is not None
        and isinstance(observation, Present)
        and entry.remote_id == observation.remote_id
        and entry.fingerprints.get(name) == status.fingerprint
        and address not in state.in_doubt
    )


def _proved(status: SecretStatus, handler: Handler, write: Write, name: str, value: SecretStr | None) -> SecretStatus:
    """The status with what the server says of `value`, the secret that attribute `name` stands for; else a doubt."""
    if value is None or not isinstance(handler, RotatingHandler):
        return status
    try:
        return status._replace(proved=handler.prove(write._replace(secrets={name: value})))
    except ReconcilerError as problem:
        reason = f"whether its stored secret is right could not be found out: {problem.message}"
        return status._replace(doubt=f"{write.address}: {reason}")
