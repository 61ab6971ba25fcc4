"""What goes over the wire: the two dialects of Clavex as data, the shapes of answers, and the way between both.

The released server and the published guide differ in the path, in names, and in what is kept (facts clavex 7).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Required, TypeVar, cast
from urllib.parse import quote, unquote

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from reconciler.core.observed import Owner, Present
from reconciler.core.ownership import MANAGED_BY
from reconciler.core.resource import unordered

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from reconciler.core.resource import Attributes

T = TypeVar("T")

RELEASED, GUIDE = "released", "guide"


# --- shapes of answers --------------------------------------------------------------------------------------------


class WireClient(TypedDict, total=False):
    """A client, as far as it concerns us."""

    client_id: Required[str]
    name: str
    client_name: str
    redirect_uris: tuple[str, ...] | None
    post_logout_redirect_uris: tuple[str, ...] | None
    grant_types: tuple[str, ...] | None
    response_types: tuple[str, ...] | None
    scopes: tuple[str, ...] | None
    token_endpoint_auth_method: str
    is_active: bool
    access_token_ttl: int | None
    refresh_token_ttl: int | None
    managed_by: str | None
    managed_ref: str | None


class Wrapped(TypedDict):
    """A client as a member of an answer."""

    client: WireClient


class Page(TypedDict, total=False):
    """A part of the list of clients. `total` is left out when it is 0 (facts clavex 2.6)."""

    items: Required[list[WireClient]]
    total: int
    has_more: bool


class Secret(TypedDict):
    """The one time that a secret is shown."""

    client_secret: str | None


class WireMapper(TypedDict, total=False):
    """A protocol mapper."""

    id: Required[str]
    name: Required[str]
    mapper_type: Required[str]
    claim_name: Required[str]
    claim_value: str | None
    attribute_name: str | None
    add_to_access_token: bool
    add_to_id_token: bool
    add_to_userinfo: bool


class Mappers(TypedDict):
    """A list of mappers as a page."""

    items: list[WireMapper]


class WireGroup(TypedDict, total=False):
    """A group."""

    id: Required[str]
    name: Required[str]
    description: str | None
    managed_by: str | None
    managed_ref: str | None


class Groups(TypedDict, total=False):
    """A part of the list of groups."""

    items: Required[list[WireGroup]]
    has_more: bool
    next_cursor: str


class TokenError(TypedDict, total=False):
    """A refusal of the token endpoint."""

    error: Required[str]
    error_description: str


class WireOrganisation(TypedDict):
    """An organisation, as far as it concerns us."""

    id: str
    slug: str


class Proof(TypedDict):
    """The public proof of an organisation's audit log."""

    org_id: str
    org_slug: str


class Connected(TypedDict):
    """The greeting of the event stream."""

    org_id: str
    slug: str


class Discovery(TypedDict, total=False):
    """The discovery document, as far as plugins store it."""

    issuer: Required[str]
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    end_session_endpoint: str


OneClient = cast("type[Wrapped | WireClient]", Wrapped | WireClient)
"""A client as the answer to a request for it."""


def adapter(shape: type[T]) -> TypeAdapter[T]:
    """What validates an answer of that shape. Made when it is first needed, since each costs a millisecond."""
    made: TypeAdapter[T] = _adapter(cast("Hashable", shape))
    return made


@cache
def _adapter(shape: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("type[Any]", shape))


def unwrap(answer: Wrapped | WireClient) -> WireClient:
    """The client in an answer."""
    return cast("Wrapped", answer)["client"] if "client" in answer else answer


# --- dialects -----------------------------------------------------------------------------------------------------


class Dialect(NamedTuple):
    """How one Clavex wants to be talked to.

    `by_slug`: the path holds the organisation's slug, not its UUID. `plain`, `sets` and `seconds` give the field of
    each attribute of a client that it keeps. Seconds are taken by a PATCH only, and 0 is shown as nothing.
    """

    name: str
    by_slug: bool
    plain: Mapping[str, str]
    sets: Mapping[str, str]
    seconds: Mapping[str, str]

    @property
    def fields(self) -> Mapping[str, str]:
        """The field of each attribute that this Clavex keeps."""
        return {**self.plain, **self.sets, **self.seconds}

    def sent(self, attributes: Attributes, names: frozenset[str]) -> dict[str, object]:
        """The fields of a request that carry those of `names` that this Clavex keeps."""
        return {
            wire: list(value) if isinstance(value := attributes[name], tuple) else value
            for name, wire in self.fields.items()
            if name in names
        }

    def present(self, client: WireClient) -> Present:
        """What was found, in canonical form; attributes that the answer does not show are left out."""
        shown: Mapping[str, Any] = client
        attributes = {name: shown[wire] for name, wire in self.plain.items() if wire in shown}
        for name, wire in self.sets.items():
            if wire in shown:
                attributes[name] = unordered(shown[wire] or ())
        for name, wire in self.seconds.items():
            attributes[name] = shown.get(wire) or 0
        if "name" not in attributes and "name" in client:
            attributes["name"] = client["name"]
        # No answer holds `is_public`: the method is its only sign (facts clavex 2.2).
        attributes["public"] = client.get("token_endpoint_auth_method") == "none"
        owner = read_owner(client["managed_by"], client.get("managed_ref")) if "managed_by" in client else None
        return Present(client["client_id"], attributes, owner)


DIALECTS: Mapping[str, Dialect] = {
    RELEASED: Dialect(
        RELEASED,
        by_slug=False,
        plain={"client_id": "client_id", "name": "name", "active": "is_active", "public": "is_public"},
        sets={
            "redirect_uris": "redirect_uris",
            "post_logout_redirect_uris": "post_logout_redirect_uris",
            "grant_types": "grant_types",
            "response_types": "response_types",
        },
        seconds={"access_token_ttl": "access_token_ttl", "refresh_token_ttl": "refresh_token_ttl"},
    ),
    GUIDE: Dialect(
        GUIDE,
        by_slug=True,
        plain={
            "client_id": "client_id",
            "name": "client_name",
            "token_endpoint_auth_method": "token_endpoint_auth_method",
        },
        sets={"redirect_uris": "redirect_uris", "grant_types": "grant_types", "scopes": "scopes"},
        seconds={},
    ),
}
"""The dialects by name. Of the guide's, only what the guide prints is known."""


# --- the managed-by mark ------------------------------------------------------------------------------------------


def mark_headers(owner: Owner) -> dict[str, str]:
    """The headers that leave a mark (facts clavex 2.7); the reference quoted, since a group's name may be in it."""
    return {
        "X-Clavex-Managed-By": owner.managed_by,
        "X-Clavex-Managed-Ref": quote(owner.ref, safe="/+:@"),
    }


RELEASE_HEADERS = {"X-Clavex-Managed-Release": "true"}


def read_owner(managed_by: str | None, ref: str | None) -> Owner | None:
    """The mark that an answer shows."""
    if not managed_by:
        return None
    text = ref or ""
    return Owner(managed_by, unquote(text) if managed_by == MANAGED_BY and "%" in text else text)
