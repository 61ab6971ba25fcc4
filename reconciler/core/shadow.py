"""The second client that lets people in while the secret of the first is made anew.

The server keeps one secret of a client, refuses the old one at once, and cannot change a client's id. So the sign-ons
move to a *shadow*, a client with the same redirect URIs and mappers, and back when the first has its new secret. A
shadow is no part of any spec. It stands in the state under the address of its client with `~shadow` behind it, which
no spec can name; so whatever interrupts a rotation, the next plan moves the sign-ons back, and takes the shadow away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.observed import Present
from reconciler.core.rotation import find_consumers, generated
from reconciler.core.secret import Handle, parse_handle
from reconciler.diagnostic import Diagnostic, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.core.address import Address
    from reconciler.core.desired import Desired, DesiredState
    from reconciler.core.plan import Plan
    from reconciler.core.planner import Situation
    from reconciler.core.resource import Attributes, Value
    from reconciler.core.state import State

_MARK, _TYPES = "~shadow", {"client", "mapper"}
_ID_MARK, _LONGEST_ID = "shadow", 120
"""Clavex takes letters and digits only, at most 120 (facts clavex 2.1)."""
_TITLE_MARK, _LONGEST_TITLE = " (rotation)", 120
CLIENT_ID = "client_id"
"""The attribute by which a client is known, and in which a consumer says which client it uses."""


def is_shadow(address: Address) -> bool:
    """Whether this is a shadow, or a mapper of one: a client's name has no dot, and no client of a spec the mark."""
    return _MARK in address.name and address.type in _TYPES and address.name.partition(".")[0].endswith(_MARK)


def shadow_of(address: Address) -> Address:
    """Where the shadow of a client, or of one of its mappers, stands."""
    client, dot, rest = address.name.partition(".")
    return address._replace(name=f"{client}{_MARK}{dot}{rest}")


def original_of(address: Address) -> Address:
    """Whose shadow it is."""
    return address._replace(name=address.name.replace(_MARK, "", 1))


def shadows(state: State, address: Address) -> frozenset[Address]:
    """The shadow of a client that is on record, and the mappers of that."""
    shadow = shadow_of(address)
    entries = state.entries.items()
    return frozenset(other for other, entry in entries if is_shadow(other) and shadow in (other, *entry.depends_on))


def shadow_id(client_id: str) -> str:
    """The client id of a shadow."""
    return f"{client_id[: _LONGEST_ID - len(_ID_MARK)]}{_ID_MARK}"


def review_shadows(state: State) -> Iterator[Diagnostic]:
    """A warning for each shadow on record: its rotation is under way, or was interrupted."""
    for address in sorted(other for other in state.entries if is_shadow(other) and "." not in other.name):
        users = sorted(other for other, item in state.entries.items() if address in item.depends_on)
        consumers = [str(other) for other in users if not is_shadow(other)]
        through = f"{', '.join(consumers)} log in through it" if consumers else "nobody logs in through it"
        original = original_of(address)
        yield warning(
            f"the secret of {original} is being made anew without downtime, or that was interrupted: its shadow, "
            f"the client {state.entries[address].applied.get(CLIENT_ID)}, is there, and {through}",
            str(address),
            f"`reconciler rotate {original} --without-downtime` goes on, `reconciler apply` goes back",
        )


def shadow_findings(plan: Plan) -> tuple[Diagnostic, ...]:
    """The findings of a plan that `review_shadows` made."""
    return tuple(item for item in plan.diagnostics if item.where.endswith(_MARK))


class Leg(NamedTuple):
    """One part of a rotation without downtime: what is wanted meanwhile, and which addresses it is about.

    `proves` is the client whose secret must be taken by the server before it goes on.
    """

    title: str
    desired: DesiredState
    targets: frozenset[Address]
    rotations: Mapping[Address, str] = {}
    proves: Address | None = None


def plan_legs(situation: Situation, address: Address, reason: str) -> tuple[Leg, ...]:
    """The parts of the rotation of `address`, in order; of one that was interrupted, those that are left."""
    home = situation.desired
    consumers = frozenset(find_consumers(home, address))
    there = {**home, **make_shadow(situation, address)}
    away = there | {other: _redirected(home[other], address, there) for other in consumers}
    shadows = frozenset(there.keys() - home.keys())
    shadow = shadow_of(address)
    names = ", ".join(str(other) for other in sorted(consumers))
    client_id = there[shadow].attributes[CLIENT_ID]
    back = (
        Leg(f"switch {names} back to {address}", there, consumers),
        Leg(f"delete the shadow client {client_id}", home, shadows),
    )
    if is_rotated(situation.state, address):
        return back
    return (
        Leg(f"make the shadow client {client_id}; its secret is proved", away, shadows, proves=shadow),
        Leg(f"switch {names} to it", away, consumers),
        Leg(f"rotate {address}; its new secret is proved", away, frozenset((address,)), {address: reason}, address),
        *back,
    )


def is_rotated(state: State, address: Address) -> bool:
    """Whether the secret was made anew, and kept, since the shadow stands."""
    shadow, entry = state.entries.get(shadow_of(address)), state.entries.get(address)
    if shadow is None or entry is None or address in state.in_doubt or not entry.fingerprints:
        return False
    return bool(shadow.secret_since and entry.secret_since and entry.secret_since > shadow.secret_since)


def make_shadow(situation: Situation, address: Address) -> dict[Address, Desired]:
    """The shadow of the client at `address` and its mappers: as wanted, and as found where nothing is wanted."""
    wanted, found = situation.desired[address], situation.observed[address]
    shown = found.attributes if isinstance(found, Present) else {}
    kept: dict[str, Value] = {
        name: value for name, value in shown.items() if name in wanted.type.attributes and value is not None
    }
    kept |= wanted.attributes
    key = {CLIENT_ID: shadow_id(str(kept[CLIENT_ID]))}
    handle = parse_handle(generated(wanted))
    name = str(kept.get("name", kept[CLIENT_ID]))[: _LONGEST_TITLE - len(_TITLE_MARK)]
    secret = wanted.type.generated[0]
    own: Attributes = {
        **kept,
        **key,
        "name": f"{name}{_TITLE_MARK}",
        secret: str(Handle(handle.store, f"{handle.name}.shadow")),
    }
    made = {shadow_of(address): wanted._replace(address=shadow_of(address), attributes=own, secret_days=None)}
    for other, item in situation.desired.items():
        if item.type.inside == address.type and address in item.depends_on:
            made[shadow_of(other)] = item._replace(
                address=shadow_of(other),
                attributes={**item.attributes, **key},
                depends_on=(shadow_of(address),),
            )
    return made


def redirect(situation: Situation, address: Address) -> DesiredState:
    """What is wanted as long as each consumer stays with the client that it uses now."""
    home = situation.desired
    there = {**home, **make_shadow(situation, address)}
    client_id = there[shadow_of(address)].attributes[CLIENT_ID]
    for other in find_consumers(home, address):
        found = situation.observed[other]
        if isinstance(found, Present) and found.attributes.get(CLIENT_ID) == client_id:
            there[other] = _redirected(home[other], address, there)
    return there


def _redirected(consumer: Desired, address: Address, there: DesiredState) -> Desired:
    """The consumer as one of the shadow."""
    shadow = there[shadow_of(address)]
    own, theirs = generated(there[address]), generated(shadow)
    secrets = {name: theirs for name in consumer.type.secrets if consumer.attributes.get(name) == own}
    return consumer._replace(
        attributes={**consumer.attributes, CLIENT_ID: shadow.attributes[CLIENT_ID], **secrets},
        depends_on=tuple(shadow.address if other == address else other for other in consumer.depends_on),
    )
