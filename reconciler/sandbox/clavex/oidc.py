"""What an organisation serves to its clients under `/{slug}`: discovery, keys, the token endpoint, live events.

The token endpoint goes as far as proving a client's secret: no code is ever found (facts clavex 5.3). The event
stream says who one is connected to, and nothing after that.
"""

from __future__ import annotations

import base64
import time
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote_plus

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from reconciler.sandbox.clavex.auth import authenticate
from reconciler.sandbox.clavex.discovery import document
from reconciler.sandbox.clavex.routing import refusal
from reconciler.sandbox.clavex.world import digest

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

    from reconciler.sandbox.clavex.routing import Routes
    from reconciler.sandbox.clavex.world import ClavexWorld, Organisation

TOKEN_CALLS = 60
"""Calls of the token endpoint a minute, for each `client_id` in a form, else for each address."""
MISSES = {
    "authorization_code": "authorization code not found or already used",
    "refresh_token": "refresh token not found",
}


def add_routes(routes: Routes) -> None:
    """The public routes of organisations."""
    world = routes.world

    async def discovery(request: Request) -> Response:
        org = _org(world, request.path_params["slug"])
        return JSONResponse(
            document(f"{request.url.scheme}://{request.url.netloc}/{org.slug}"),
            headers={"cache-control": "no-store"},
        )

    async def jwks(_: Request) -> Response:
        # An unknown slug has keys too (facts clavex 5.1).
        cached = {"cache-control": "public, max-age=3600, stale-while-revalidate=86400"}
        return JSONResponse({"keys": [world.jwk]}, headers=cached)

    routes.public("GET", "/{slug}/.well-known/openid-configuration", discovery)
    routes.public("GET", "/{slug}/.well-known/oauth-authorization-server", discovery)
    routes.public("GET", "/{slug}/.well-known/jwks.json", jwks)
    routes.public("POST", "/{slug}/token", partial(_token, world))


def events_route(world: ClavexWorld) -> WebSocketRoute:
    """`/{slug}/events`: refused before the upgrade, or open until the other side hangs up; facts clavex 6.4."""

    async def events(socket: WebSocket) -> None:
        try:
            caller = authenticate(socket, world)
            org = world.org_by_slug(socket.path_params["slug"])
            if org is None:
                raise HTTPException(404, "org not found")  # noqa: TRY301 - the one place that answers refusals
            if caller.org_id not in {None, org.id}:
                raise HTTPException(403, "org mismatch")  # noqa: TRY301 - likewise
        except HTTPException as error:
            await socket.send_denial_response(refusal(error))
            return
        await socket.accept()
        await socket.send_json({"type": "connected", "org_id": org.id, "slug": org.slug})
        try:
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            return

    return WebSocketRoute("/{slug}/events", events)


def _org(world: ClavexWorld, slug: str) -> Organisation:
    org = world.org_by_slug(slug)
    if org is None:
        raise HTTPException(404, "organization not found")
    return org


async def _token(world: ClavexWorld, request: Request) -> Response:
    body = (await request.body()).decode()
    media = request.headers.get("content-type", "").partition(";")[0]
    pairs = parse_qs(body) if media == "application/x-www-form-urlencoded" else {}
    form = {name: values[0] for name, values in pairs.items()}
    headers: dict[str, str] = {}
    if world.org_by_slug(request.path_params["slug"]):  # an unknown slug is no error, but has no limit
        address = request.client.host if request.client else ""
        left = _calls_left(world, request.path_params["slug"], form.get("client_id") or address)
        headers = {"x-ratelimit-limit": str(TOKEN_CALLS), "x-ratelimit-window": "60s"}
        headers["x-ratelimit-remaining"] = str(max(left, 0))
        if left < 0:
            description = f"rate limit exceeded: max {TOKEN_CALLS} requests per 60 seconds"
            return JSONResponse({"error": "too_many_requests", "error_description": description}, 429, headers)
    error, description = _token_fault(world, form, request.headers.get("authorization", ""))
    headers |= {"cache-control": "no-store", "pragma": "no-cache"}
    return JSONResponse({"error": error, "error_description": description}, 400, headers)


def _calls_left(world: ClavexWorld, slug: str, caller: str) -> int:
    """Calls that are left in this minute after this one; refused calls count too."""
    now = time.monotonic()
    calls = world.token_calls.setdefault((slug, caller), [])
    calls[:] = [*(call for call in calls if call > now - 60), now]
    return TOKEN_CALLS - len(calls)


def _token_fault(world: ClavexWorld, form: dict[str, str], authorization: str) -> tuple[str, str]:
    """Error and description; the first fault in the server's order: grant type, client, secret, grant."""
    grant = form.get("grant_type", "")
    if grant not in MISSES:
        return "unsupported_grant_type", "grant_type not supported"
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "basic":
        client_id, _, secret = map(unquote_plus, base64.b64decode(credentials).decode().partition(":"))
    if not client_id:
        return "invalid_client", "client_id required"
    client = world.clients.get(client_id)
    if client is None or not client.is_active:
        return "invalid_client", "unknown client"
    if client.secret_digest not in {None, digest(secret)}:
        return "invalid_client", "invalid client secret"
    return "invalid_grant", MISSES[grant]
