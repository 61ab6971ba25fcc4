"""OIDC clients of the admin API; facts clavex 2, recordings client-*."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from reconciler.sandbox.clavex.binding import bind, tag
from reconciler.sandbox.clavex.records import Client
from reconciler.sandbox.clavex.routing import ORG, Marker, done, or_404, page_limit, page_offset

if TYPE_CHECKING:
    from starlette.responses import Response

    from reconciler.sandbox.clavex.routing import Call, Routes
    from reconciler.sandbox.clavex.world import ClavexWorld

CLIENTS, CLIENT = f"{ORG}/clients", f"{ORG}/clients/{{cid}}"


@dataclass
class CreateClientRequest:
    """The body of a create."""

    client_id: str = field(default="", metadata=tag("omitempty,min=1,max=120,alphanumunicode"))
    name: str = field(default="", metadata=tag("required,min=1,max=120"))
    redirect_uris: list[str] | None = field(default=None, metadata=tag("required,min=1,dive,redirect_uri"))
    post_logout_redirect_uris: list[str] | None = field(default=None, metadata=tag("omitempty,dive,url"))
    grant_types: list[str] | None = None
    response_types: list[str] | None = None
    is_active: bool | None = None
    is_public: bool = False
    logo_url: str | None = field(default=None, metadata=tag("omitempty,url"))


@dataclass
class UpdateClientRequest:
    """The body of a PATCH; None keeps what is stored."""

    name: str | None = field(default=None, metadata=tag("omitempty,min=1,max=120"))
    redirect_uris: list[str] | None = field(default=None, metadata=tag("omitempty,dive,redirect_uri"))
    post_logout_redirect_uris: list[str] | None = field(default=None, metadata=tag("omitempty,dive,url"))
    grant_types: list[str] | None = None
    response_types: list[str] | None = None
    logo_url: str | None = field(default=None, metadata=tag("omitempty,url"))
    is_active: bool | None = None
    mfa_required: bool | None = None
    keycloak_compat: bool | None = None
    access_token_ttl: int | None = None
    refresh_token_ttl: int | None = None
    enabled_login_providers: list[str] | None = None


@dataclass
class GuideCreateClientRequest(CreateClientRequest):
    """The guide's create: `client_name`, and two fields that it expects to be kept."""

    name: str = field(default="", metadata=tag("required,min=1,max=120", key="client_name"))
    scopes: list[str] | None = None
    token_endpoint_auth_method: str | None = None


@dataclass
class GuideUpdateClientRequest(UpdateClientRequest):
    """The guide prints no update; the same names are taken."""

    name: str | None = field(default=None, metadata=tag("omitempty,min=1,max=120", key="client_name"))
    scopes: list[str] | None = None
    token_endpoint_auth_method: str | None = None


def add_routes(routes: Routes) -> None:
    """The routes of clients; their mappers have a module of their own."""
    routes.admin("POST", CLIENTS, "clients", create)
    routes.admin("GET", CLIENTS, "clients", show_page)
    routes.admin("GET", CLIENT, "clients", show)
    routes.admin("PATCH", CLIENT, "clients", update)
    routes.admin("DELETE", CLIENT, "clients", delete)
    routes.admin("POST", f"{CLIENT}/secret", "clients", rotate)


async def create(call: Call) -> Response:
    """201; 500 for an id that is taken anywhere in the installation, and for an organisation that is gone."""
    guide = call.world.switches.guide_dialect
    body = await bind(call.request, GuideCreateClientRequest if guide else CreateClientRequest, strict=guide)
    client_id = body.client_id or secrets.token_urlsafe(18)
    if client_id in call.world.clients or call.org_id not in call.world.orgs:
        raise HTTPException(500, "internal server error")
    client = Client(client_id, call.org_id, body.name, body.redirect_uris or [])
    client.post_logout_redirect_uris = body.post_logout_redirect_uris or []
    client.grant_types = body.grant_types or client.grant_types
    client.response_types = body.response_types or client.response_types
    client.is_active = body.is_active is not False
    secret = None if body.is_public else secrets.token_urlsafe(32)
    if body.is_public:
        client.token_endpoint_auth_method = "none"  # noqa: S105 - the name of a method
    if isinstance(body, GuideCreateClientRequest):
        _keep(client, body.scopes, body.token_endpoint_auth_method)
    marked = Marker.of(call.request).put(client)
    call.world.add_client(client, secret)
    call.world.audited(call.org_id, "oidc_client.created", "oidc_client", client_id, name=client.name)
    shown = _shown(call.world, client, marker=marked)
    return JSONResponse({"client": shown, "client_secret": secret}, 201)


async def show_page(call: Call) -> Response:
    """A page by name; `total` is left out when 0."""
    limit, offset = page_limit(call.request), page_offset(call.request)
    if offset < 0:
        raise HTTPException(500)
    rows = call.world.clients_by_name(call.org_id)
    items = rows[offset : offset + limit]
    end = offset + len(items)
    page: dict[str, object] = {
        "items": [_shown(call.world, row, providers=row.enabled_login_providers) for row in items],
        "has_more": end < len(rows) and bool(items),
    }
    if rows:
        page["total"] = len(rows)
    if page["has_more"]:
        page["next_cursor"] = str(end)
    return JSONResponse(page)


async def show(call: Call) -> Response:
    """One client; the login providers are always null here."""
    return JSONResponse(_shown(call.world, _client(call), audiences=[]))


async def update(call: Call) -> Response:
    """200 with the client as PATCH shows it, which hides a stored marker; facts clavex 2.2, 2.3."""
    guide = call.world.switches.guide_dialect
    body = await bind(call.request, GuideUpdateClientRequest if guide else UpdateClientRequest, strict=guide)
    client = _client(call)
    if body.name is not None:
        client.name = body.name
    if body.redirect_uris is not None:
        client.redirect_uris = body.redirect_uris
    # An empty list is ignored here, other than for redirect_uris.
    client.post_logout_redirect_uris = body.post_logout_redirect_uris or client.post_logout_redirect_uris
    client.grant_types = body.grant_types or client.grant_types
    client.response_types = body.response_types or client.response_types
    for name in ("is_active", "mfa_required", "keycloak_compat"):
        if getattr(body, name) is not None:
            setattr(client, name, getattr(body, name))
    for name in ("access_token_ttl", "refresh_token_ttl"):
        if getattr(body, name) is not None:
            setattr(client, name, getattr(body, name) or None)
    if isinstance(body, GuideUpdateClientRequest):
        _keep(client, body.scopes, body.token_endpoint_auth_method)
    marked = Marker.of(call.request).put(client)
    client.updated_at = call.world.now()
    shown = _shown(call.world, client, providers=body.enabled_login_providers, marker=marked)
    if body.enabled_login_providers is not None:  # a second statement on the server: the answer's time is older
        client.enabled_login_providers = body.enabled_login_providers
        client.updated_at = call.world.now()
    call.world.audited(call.org_id, "oidc_client.updated", "oidc_client", client.client_id, name=client.name)
    return JSONResponse(shown)


async def delete(call: Call) -> Response:
    """204; 404 the second time."""
    client_id = _client(call).client_id
    call.world.remove_client(client_id)
    call.world.audited(call.org_id, "oidc_client.deleted", "oidc_client", client_id)
    return done()


async def rotate(call: Call) -> Response:
    """200 with a new secret; the old one is void at once."""
    client = _client(call)
    secret = secrets.token_urlsafe(32)
    call.world.set_secret(client, secret)
    client.updated_at = call.world.now()
    return JSONResponse({"client_secret": secret})


def _client(call: Call) -> Client:
    return or_404(call.world.client_of(call.org_id, call.path("cid")))


def _keep(client: Client, scopes: list[str] | None, method: str | None) -> None:
    """What only the guide's dialect keeps."""
    client.scopes = client.scopes if scopes is None else scopes
    client.token_endpoint_auth_method = method or client.token_endpoint_auth_method


def _shown(
    world: ClavexWorld,
    client: Client,
    *,
    audiences: list[str] | None = None,
    providers: list[str] | None = None,
    marker: bool = True,
) -> dict[str, object]:
    """The client in an answer; each endpoint shows or nulls other fields (recording client-shapes)."""
    shown: dict[str, object] = {
        "client_id": client.client_id,
        "org_id": client.org_id,
        "client_name" if world.switches.guide_dialect else "name": client.name,
        "redirect_uris": client.redirect_uris,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "grant_types": client.grant_types,
        "response_types": client.response_types,
        "scopes": client.scopes,
        "allowed_audiences": audiences,
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "is_active": client.is_active,
        "mfa_required": client.mfa_required,
        "keycloak_compat": client.keycloak_compat,
        "metadata": {},
        "request_object_signing_alg": "none",
        "enabled_login_providers": providers,
        "created_at": client.created_at,
        "updated_at": client.updated_at,
    }
    names = ["access_token_ttl", "refresh_token_ttl", *(["managed_by", "managed_ref"] if marker else [])]
    return shown | {name: getattr(client, name) for name in names if getattr(client, name) is not None}
