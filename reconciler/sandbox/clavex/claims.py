"""What stands in a token and in UserInfo; facts clavex 3.3, 4.1, 5.4, recordings login and login-mappers."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from reconciler.sandbox.clavex.records import Mapper, User
    from reconciler.sandbox.clavex.signing import Claims
    from reconciler.sandbox.clavex.world import ClavexWorld

METADATA = (
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
)
"""Claims that UserInfo takes from a user's metadata."""


def token_claims(issuer: str, subject: str, client_id: str, lifetime: int) -> Claims:
    """What every token has."""
    now = int(time.time())
    return {"iss": issuer, "sub": subject, "aud": [client_id], "iat": now, "exp": now + lifetime, "jti": str(uuid4())}


def access_claims(user: User, scope: str, groups: list[str], roles: list[str]) -> Claims:
    """What a user's access token has besides."""
    realm = {"roles": roles}
    return {"scope": scope, "org_id": user.org_id, "email": user.email, "realm_access": realm, "groups": groups}


def mapped_claims(
    world: ClavexWorld, client_id: str, user: User, groups: list[str] | None, roles: list[str]
) -> dict[str, object]:
    """What the client's mappers add to both tokens: `add_to_access_token` alone counts, the other flags do nothing.

    `groups` None: not looked up. A user without roles has null, one without groups an empty list.
    """
    mappers = [mapper for mapper in world.mappers.values() if mapper.client_id == client_id]
    return {
        mapper.claim_name: value
        for mapper in sorted(mappers, key=lambda mapper: mapper.name)
        if mapper.add_to_access_token
        for value in _values(mapper, user, groups, roles)
    }


def _values(mapper: Mapper, user: User, groups: list[str] | None, roles: list[str]) -> list[object]:
    """The claim's value; none if there is no such property or attribute."""
    properties = {"email": user.email, "first_name": user.first_name, "last_name": user.last_name, "sub": user.id}
    name = mapper.attribute_name or ""
    match mapper.mapper_type:
        case "user_property":
            return [properties[name]] if name in properties else []
        case "user_attribute":
            return [user.metadata[name]] if name in user.metadata else []
        case "hardcoded":
            return [] if mapper.claim_value is None else [mapper.claim_value]
        case "role_list":
            return [roles or None]
        case _:
            return [groups]


def userinfo(world: ClavexWorld, user: User, scope: str) -> dict[str, object]:
    """The answer of UserInfo: groups and roles always, read now; no mapper is looked at."""
    shown: dict[str, object] = {"sub": user.id}
    scopes = scope.split()
    if "email" in scopes:
        shown |= {"email": user.email, "email_verified": user.is_email_verified}
    if "profile" in scopes:
        name = f"{user.first_name} {user.last_name}".strip()
        named = {"name": name, "given_name": user.first_name, "family_name": user.last_name}
        kept = {key: user.metadata.get(key) for key in METADATA}
        shown |= {key: value for key, value in (named | kept).items() if isinstance(value, str) and value}
        shown["updated_at"] = int(datetime.fromisoformat(user.updated_at).timestamp())
    return shown | {"groups": world.groups_of(user.id), "roles": world.roles_of(user.id)}
