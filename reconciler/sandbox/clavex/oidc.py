"""What an organisation says of itself under `/{slug}`: discovery, keys, live events.

The event stream says who one is connected to, and nothing after that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from reconciler.sandbox.clavex.auth import authenticate
from reconciler.sandbox.clavex.discovery import document
from reconciler.sandbox.clavex.routing import refusal
from reconciler.sandbox.clavex.signing import published

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

    from reconciler.sandbox.clavex.records import Organisation
    from reconciler.sandbox.clavex.routing import Routes
    from reconciler.sandbox.clavex.world import ClavexWorld


def add_routes(routes: Routes) -> None:
    """The public routes of organisations."""
    world = routes.world

    async def discovery(request: Request) -> Response:
        org = find_org(world, request.path_params["slug"])
        shown = document(issuer_of(request, org.slug))
        shown |= {"issuer": world.switches.issuer} if world.switches.issuer else {}
        return JSONResponse(shown, headers={"cache-control": "no-store"})

    async def jwks(_: Request) -> Response:
        # An unknown slug has keys too (facts clavex 5.1).
        keys = [] if world.switches.jwks == "empty" else published(world.switches.key_backend)
        cached = {"cache-control": "public, max-age=3600, stale-while-revalidate=86400"}
        return JSONResponse({"keys": keys}, headers=cached)

    routes.public("GET", "/{slug}/.well-known/openid-configuration", discovery)
    routes.public("GET", "/{slug}/.well-known/oauth-authorization-server", discovery)
    routes.public("GET", "/{slug}/.well-known/jwks.json", jwks)


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


def find_org(world: ClavexWorld, slug: str) -> Organisation:
    """The organisation of a slug; 404 if there is none."""
    org = world.org_by_slug(slug)
    if org is None:
        raise HTTPException(404, "organization not found")
    return org


def issuer_of(request: Request, slug: str) -> str:
    """The issuer follows the name that the caller used; facts clavex 5.1."""
    return f"{request.url.scheme}://{request.url.netloc}/{slug}"


async def read_form(request: Request) -> dict[str, str]:
    """The first value of each field of a form; empty for a body of another type."""
    media = request.headers.get("content-type", "").partition(";")[0]
    if media != "application/x-www-form-urlencoded":
        return {}
    pairs = parse_qs((await request.body()).decode(), keep_blank_values=True)
    return {name: values[0] for name, values in pairs.items()}
