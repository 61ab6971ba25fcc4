"""Whether the two ends of a sign-on fit together, as they stand now: the checks that no single end can make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.address import Address
from reconciler.core.check import Check, broken, doubtful, fine, unread
from reconciler.core.observed import Absent, Present, Unreadable
from reconciler.core.redirects import accepts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from reconciler.core.intent import SignOn
    from reconciler.core.observed import Observation, ObservedState

CLIENT, REDIRECT, GROUPS = "client", "redirect-uri", "groups"
_MAKES = "reconciler apply makes it"


def examine_fit(sign_on: SignOn, observed: ObservedState, closed: Collection[str]) -> Iterator[Check]:
    """The client and its redirect URIs, and the mapped groups on both ends. `closed`: systems without connection."""
    yield from _client(sign_on, observed, closed)
    yield from _groups(sign_on, observed, closed)


def _client(sign_on: SignOn, observed: ObservedState, closed: Collection[str]) -> Iterator[Check]:
    address = sign_on.client.address
    match observed.get(address):
        case Present(attributes=found):
            types = found.get("response_types")
            if found.get("active") is False:
                yield broken(
                    CLIENT,
                    sign_on.where,
                    f"{address} is switched off: Clavex answers every login with 400",
                    f"say active = true in [clients.{sign_on.client.name}] and apply, or switch it on in Clavex",
                )
            elif isinstance(types, tuple) and "code" not in types:
                yield broken(
                    CLIENT,
                    sign_on.where,
                    f"{address} does not allow the response type code, which every plugin asks for",
                    f'add "code" to response_types in [clients.{sign_on.client.name}] and apply',
                )
            else:
                yield fine(CLIENT, sign_on.where, f"{address} is there and active")
            uris = found.get("redirect_uris")
            yield _redirect(sign_on, uris if isinstance(uris, tuple) else ())
        case Unreadable() as problem:
            yield _unread(CLIENT, sign_on, address, problem, closed)
        case Absent() if sign_on.client.shared:
            seen = f"{sign_on.issuer_system.name} has no client {sign_on.client.client_id}"
            yield broken(CLIENT, sign_on.where, seen, "it is somebody else's: ask its owner")
        case _:
            yield broken(CLIENT, sign_on.where, f"{address} does not exist in Clavex", _MAKES)


def _redirect(sign_on: SignOn, registered: tuple[str, ...]) -> Check:
    callback = sign_on.callback or ""
    if accepts(registered, callback):
        return fine(REDIRECT, sign_on.where, f"{callback} is registered")
    seen = f"{callback or 'the callback'} is no redirect URI of {sign_on.client.address}: a login ends in 400"
    adds = "reconciler apply adds it, and says if that needs permission (--allow)"  # where others' URIs would go
    remedy = adds if callback else f"say callback in [{sign_on.where}]; {adds}"
    return broken(REDIRECT, sign_on.where, seen, remedy)


def _groups(sign_on: SignOn, observed: ObservedState, closed: Collection[str]) -> Iterator[Check]:
    faults = [
        fault
        for theirs, ours in sorted(sign_on.groups.items())
        for fault in (
            *_at_clavex(sign_on, theirs, observed, closed),
            *_at_product(sign_on, theirs, ours, observed, closed),
        )
    ]
    yield from faults
    if sign_on.groups and not faults:
        names = ", ".join(sorted(sign_on.groups))
        both = f"in {sign_on.issuer_system.name} and {sign_on.product.name}"
        yield fine(GROUPS, sign_on.where, f"{names}: there {both}, under equal names")


def _at_clavex(sign_on: SignOn, name: str, observed: ObservedState, closed: Collection[str]) -> Iterator[Check]:
    address = Address(sign_on.issuer_system.name, "group", name)
    match observed.get(address):
        case Absent():
            seen = f"Clavex has no group {name}, so nobody brings it along; names count letter by letter"
            yield broken(GROUPS, sign_on.where, seen, _MAKES)
        case Unreadable() as problem:
            yield _unread(GROUPS, sign_on, address, problem, closed)


def _at_product(
    sign_on: SignOn, theirs: str, ours: str, observed: ObservedState, closed: Collection[str]
) -> Iterator[Check]:
    address, found = _product_group(sign_on.product.name, ours, observed)
    match found:
        case Absent():
            seen = f"{sign_on.product.name} has no group {ours}, so whoever brings {theirs} along gets nothing"
            yield broken(GROUPS, sign_on.where, seen, _MAKES)
        case Unreadable() as problem:
            yield _unread(GROUPS, sign_on, address, problem, closed)
        case Present(remote_id=spelled) if spelled != ours:
            seen = f"{sign_on.product.name} spells the group {spelled}, and Clavex sends {theirs}"
            yield doubtful(GROUPS, sign_on.where, seen, "rename one of the two: the guide wants them equal")


def _product_group(system: str, name: str, observed: ObservedState) -> tuple[Address, Observation | None]:
    """The group of a product, whose addresses do not look at case."""
    wanted = Address(system, "group", name)
    for address, found in observed.items():
        if address[:2] == wanted[:2] and address.name.casefold() == name.casefold():
            return address, found
    return wanted, None


def _unread(name: str, sign_on: SignOn, address: Address, problem: Unreadable, closed: Collection[str]) -> Check:
    if address.system in closed:
        return unread(name, sign_on.where, f"{address} is not known while {address.system} cannot be read")
    return unread(name, sign_on.where, f"{address}: {problem.reason}", problem.remedy)
