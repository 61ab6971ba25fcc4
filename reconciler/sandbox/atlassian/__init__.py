"""Emulated Jira and Confluence Data Center with the built-in SSO app and miniOrange, and the Crowd they may share.

They cover what the product touches, no more. Nothing here was compared with a licensed instance: each module says
which of its answers are documented, which were seen in public code and which are assumed; what is unknown is a field
of `Switches`. Facts atlassian 12.1 is the list that they follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount

from reconciler.sandbox.atlassian import authconfig, confluence_rest, jira_rest, login, plugins
from reconciler.sandbox.atlassian.access import RefusedError
from reconciler.sandbox.atlassian.crowd import CrowdWorld, crowd
from reconciler.sandbox.atlassian.people import Person
from reconciler.sandbox.atlassian.switches import Switches
from reconciler.sandbox.atlassian.world import (
    SSO_APP,
    ApplicationRole,
    ConfluenceWorld,
    JiraWorld,
    Plugin,
    ProductWorld,
)
from reconciler.sandbox.emulator import Emulator

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

__all__ = [
    "SSO_APP",
    "ApplicationRole",
    "ConfluenceWorld",
    "CrowdWorld",
    "JiraWorld",
    "Person",
    "Plugin",
    "ProductWorld",
    "Switches",
    "confluence",
    "crowd",
    "jira",
]

_DEFAULTS = Switches()
_W = TypeVar("_W", bound=ProductWorld)


def jira(version: str = "10.3.24", switches: Switches = _DEFAULTS) -> Emulator[JiraWorld]:
    """A Jira of that version, newly installed."""
    world = JiraWorld(version, switches)
    return _assemble(world, jira_rest.make_routes(world))


def confluence(version: str = "9.2.18", switches: Switches = _DEFAULTS) -> Emulator[ConfluenceWorld]:
    """A Confluence of that version, newly installed."""
    world = ConfluenceWorld(version, switches)
    return _assemble(world, confluence_rest.make_routes(world))


def _assemble(world: _W, own_routes: list[Route]) -> Emulator[_W]:
    routes = [*own_routes, *authconfig.make_routes(world), *plugins.make_routes(world), *login.make_routes(world)]
    app = Starlette(
        routes=[Mount(world.switches.context_path, routes=routes)],
        exception_handlers={RefusedError: _answer_refusal, ValidationError: _answer_invalid},
    )
    return Emulator(world.product, app, world, world.token, world.username, world.password, world.issued_secrets)


async def _answer_refusal(_request: Request, error: Exception) -> Response:
    return cast("RefusedError", error).response


async def _answer_invalid(_request: Request, error: Exception) -> Response:
    return JSONResponse(authconfig.describe_invalid(cast("ValidationError", error)), 400)
