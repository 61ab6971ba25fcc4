"""The kinds of resources in a Clavex."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.resource import Mark, ResourceType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.resource import Attributes


def stops_logins(before: Attributes, after: Attributes) -> Iterator[str]:
    """A sentence for each way in which a change to a client keeps everybody out who uses it."""
    if before.get("active") is True and after.get("active") is False:
        yield "the client is switched off: nobody can log in through it"
    if _has_code(before) and "response_types" in after and not _has_code(after):
        yield "the response type code goes: nobody can log in through the client"


def _has_code(attributes: Attributes) -> bool:
    types = attributes.get("response_types")
    return isinstance(types, tuple) and "code" in types


CLIENT = ResourceType(
    "client",
    key=("client_id",),
    attributes={
        "client_id": Mark.FORCE_NEW,
        "name": Mark.PLAIN,
        "redirect_uris": Mark.UNORDERED | Mark.TWO_STEPS,
        "post_logout_redirect_uris": Mark.UNORDERED,
        "grant_types": Mark.UNORDERED,
        "response_types": Mark.UNORDERED,
        "active": Mark.PLAIN,
        "public": Mark.FORCE_NEW,
        "access_token_ttl": Mark.PLAIN,
        "refresh_token_ttl": Mark.PLAIN,
        "scopes": Mark.UNORDERED,
        "token_endpoint_auth_method": Mark.PLAIN,
        "client_secret": Mark.GENERATED,
    },
    marked=True,
    locks_out=stops_logins,
)
"""An OIDC client. Its remote id is the client id: there is no other (facts clavex 2)."""

MAPPER = ResourceType(
    "mapper",
    key=("client_id", "name"),
    attributes={
        "client_id": Mark.FORCE_NEW,
        "name": Mark.PLAIN,
        "mapper_type": Mark.FORCE_NEW,
        "claim_name": Mark.PLAIN,
        "attribute_name": Mark.PLAIN,
        "claim_value": Mark.PLAIN,
        "in_tokens": Mark.PLAIN,
    },
    inside=CLIENT.name,
)
"""A protocol mapper of a client: adds one claim to its tokens. `in_tokens`: it does so at all (facts clavex 4.1)."""

GROUP = ResourceType(
    "group",
    key=("name",),
    attributes={"name": Mark.FORCE_NEW, "description": Mark.FORCE_NEW},
)
"""A group. There is no way to change one, and its mark is set at creation only (facts clavex 2.7, 3.1)."""
