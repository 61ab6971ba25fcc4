"""Whether the claims that a sign-on reads will be there, and the mappers that put them there (facts clavex 5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.intent import ClaimsFrom
from reconciler.diagnostic import error, note, warning
from reconciler.providers.clavex.resources import MAPPER
from reconciler.providers.clavex.wire import GUIDE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.core.intent import Client, SignOn
    from reconciler.core.resource import Value
    from reconciler.diagnostic import Diagnostic

_DERIVED = {"email": "email", "given_name": "first_name", "family_name": "last_name", "groups": "groups"}
"""Claims whose source nobody would doubt. A user name is not among them: it decides who people are."""
_TYPES = {
    **dict.fromkeys(("email", "first_name", "last_name", "sub"), "user_property"),
    "groups": "group_membership",
    "roles": "role_list",
}
_MEANINGS = {
    "email": "it is the user's e-mail address",
    "first_name": "it is the user's first name",
    "last_name": "it is the user's last name",
    "sub": "it is the user's UUID",
    "groups": "it holds the names of the user's groups",
    "roles": "it holds the names of the user's roles",
}
_ALWAYS = frozenset({"sub", "groups", "roles"})
_BY_SCOPE = {
    "email": "email",
    "email_verified": "email",
    **dict.fromkeys(("name", "given_name", "family_name", "preferred_username", "updated_at"), "profile"),
}
_GUIDE_CLAIMS = frozenset({"preferred_username", "email", "given_name", "family_name", "groups", "sub"})
_TOLD = frozenset({"username", "groups"})
"""Attributes of which a person is told how they arrive even if all is well."""


# --- mappers ------------------------------------------------------------------------------------------------------


def find_sources(client: Client, sign_ons: Sequence[SignOn], dialect: str) -> dict[str, str]:
    """The source of each claim that a mapper of the client makes: those of the spec, and what ID tokens need."""
    sources = dict(client.claims)
    for sign_on in sign_ons:
        if sign_on.claims_from is ClaimsFrom.ID_TOKEN and not client.shared and dialect != GUIDE:
            for claim in sign_on.attributes.values():
                if claim in _DERIVED:
                    sources.setdefault(claim, _DERIVED[claim])
    return sources


def mapper_address(client: Client, claim: str) -> Address:
    """Where the mapper of a claim stands."""
    return Address(client.system, MAPPER.name, f"{client.name}.{claim}")


def make_mappers(client: Client, sources: Mapping[str, str]) -> Iterator[Desired]:
    """The mappers of one client."""
    for claim, source in sources.items():
        word, _, detail = source.partition(":")
        attributes: dict[str, Value] = {
            "client_id": client.client_id,
            "name": claim,
            "claim_name": claim,
            "in_tokens": True,
        }
        match word:
            case "attribute":
                attributes |= {"mapper_type": "user_attribute", "attribute_name": detail}
            case "value":
                attributes |= {"mapper_type": "hardcoded", "claim_value": detail}
            case "groups" | "roles":
                attributes |= {"mapper_type": _TYPES[word]}
            case _:
                attributes |= {"mapper_type": _TYPES[word], "attribute_name": word}
        where = f"clients.{client.name}" + (".claims" if claim in client.claims else "")
        yield Desired(mapper_address(client, claim), MAPPER, attributes, (client.address,), where=where)


# --- the review ---------------------------------------------------------------------------------------------------


def review(sign_on: SignOn, sources: Mapping[str, str], dialect: str) -> Iterator[Diagnostic]:
    """What becomes of every claim that a sign-on reads; `sources` are those of its client's mappers."""
    if sign_on.claims_assumed:
        yield note(
            f"nothing documents where {sign_on.plugin} reads claims; {_title(sign_on)} is assumed",
            f"{sign_on.where}.claims_from",
            'log in once and look which attributes arrive; then say claims_from = "userinfo" or "id_token"',
        )
    if dialect == GUIDE:
        yield from _review_guide(sign_on, sources)
        return
    look = _in_userinfo if sign_on.claims_from is ClaimsFrom.USERINFO else _in_id_token
    for attribute, claim in sign_on.attributes.items():
        yield from look(sign_on, attribute, claim, sources)


def _title(sign_on: SignOn) -> str:
    return "UserInfo" if sign_on.claims_from is ClaimsFrom.USERINFO else "the ID token"


def _in_userinfo(sign_on: SignOn, attribute: str, claim: str, sources: Mapping[str, str]) -> Iterator[Diagnostic]:
    where, client = f"{sign_on.where}.attributes.{attribute}", sign_on.client.name
    unmapped = f"; the mapper {mapper_address(sign_on.client, claim)} does not reach UserInfo"
    added = unmapped if claim in sources and claim not in _ALWAYS else ""
    if claim in _ALWAYS:
        if attribute in _TOLD:
            meaning = _MEANINGS[claim]
            yield note(f"{claim}: UserInfo has it for every user, whatever the scopes: {meaning}", where)
        return
    if claim not in _BY_SCOPE:
        yield error(
            f"{claim}: UserInfo has no such claim for any user{added or ', and mappers do not reach UserInfo'}",
            where,
            f"read one of {', '.join(sorted({*_ALWAYS, *_BY_SCOPE}))}; or, if the plugin reads the ID token, say "
            f'claims_from = "id_token", and in [clients.{client}.claims] where it comes from',
        )
        return
    scope = _BY_SCOPE[claim]
    if scope not in sign_on.scopes:
        text = f"{claim}: UserInfo has it only with the scope {scope}, which the sign-on does not ask for"
        yield warning(text, f"{sign_on.where}.scopes", f'add "{scope}" to the scopes')
    if claim == "preferred_username":
        yield warning(
            f"{claim}: UserInfo has it only for users whose metadata hold it; for all others it is absent{added}",
            where,
            f"let {attribute} be email or sub, or write {claim} into the metadata of every user, or, if the plugin "
            'reads the ID token, say claims_from = "id_token"',
        )
    elif attribute in _TOLD:
        yield note(f"{claim}: UserInfo has it, by the scope {scope}{added}", where)


def _in_id_token(sign_on: SignOn, attribute: str, claim: str, sources: Mapping[str, str]) -> Iterator[Diagnostic]:
    where, client = f"{sign_on.where}.attributes.{attribute}", sign_on.client
    source = sources.get(claim)
    if source is None and claim == "sub":
        if attribute in _TOLD:
            yield note(f"sub: the ID token has it for every user: {_MEANINGS['sub']}", where)
    elif source is None and client.shared:
        yield warning(
            f"{claim}: the ID token has it only by a mapper, and the client {client.client_id} is somebody else's",
            where,
            "ask its owner for the mapper",
        )
    elif source is None:
        yield error(
            f"{claim}: the ID token has it for no user: only a mapper could put it there, and nothing says from what",
            where,
            f'say [clients.{client.name}.claims] {claim} = "email" (or sub, or attribute:NAME of the user), or let '
            f"{attribute} be another claim",
        )
    elif source.startswith("attribute:"):
        name = source.removeprefix("attribute:")
        yield warning(
            f"{claim}: the ID token has it only for users whose metadata hold {name}; for all others it is absent",
            where,
            f"write {name} into the metadata of every user",
        )
    elif attribute in _TOLD:
        meaning = _MEANINGS.get(source, f"it is always {source.removeprefix('value:')}")
        yield note(f"{claim}: the ID token has it by the mapper {mapper_address(client, claim)}: {meaning}", where)


def _review_guide(sign_on: SignOn, sources: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Of the guide's server only what the guide prints is known."""
    unknown = sorted(set(sign_on.attributes.values()) - _GUIDE_CLAIMS - sources.keys())
    yield note(
        "this Clavex speaks the guide's dialect, and of its claims only what the guide prints is known: it expects "
        "preferred_username, email, given_name, family_name and groups to arrive by scopes"
        + (f"; nothing is known of {', '.join(unknown)}" if unknown else ""),
        f"{sign_on.where}.attributes",
        "log in once and look which attributes arrive",
    )
    if "groups" in sign_on.attributes.values() and "groups" not in sign_on.scopes:
        text = "groups: the guide has it arrive by the scope groups, which the sign-on does not ask for"
        yield warning(text, f"{sign_on.where}.scopes", 'add "groups" to the scopes')
