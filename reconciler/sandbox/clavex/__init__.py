"""Clavex as its recordings have it: the admin API for clients, mappers, groups and users, and people's logins.

What it answers is held by the recordings (`tests/recordings/`), which a real server of commit `044ce5c` gave. Known
routes that it does not emulate answer 501, so that nothing takes a gap for an empty list.
"""

from __future__ import annotations

from functools import partial

from starlette.applications import Starlette

from reconciler.sandbox.clavex import (
    audit,
    auth,
    authorize,
    clients,
    groups,
    limits,
    mappers,
    oidc,
    organisations,
    roles,
    tokens,
    users,
)
from reconciler.sandbox.clavex.records import Client
from reconciler.sandbox.clavex.routing import ORG, Routes, left_out, no_content, not_found, status
from reconciler.sandbox.clavex.world import EMAIL, ORG_SLUG, PASSWORD, ClavexWorld, Switches
from reconciler.sandbox.emulator import Emulator

__all__ = ["ORG_SLUG", "ClavexWorld", "Client", "Switches", "clavex"]

LEFT_OUT = {"webhooks": "webhooks", "audit/sinks": "audit", "audit/export": "audit"}
"""Routes that the real server has, and the resource of their permission."""
_DEFAULTS = Switches()


def clavex(switches: Switches = _DEFAULTS) -> Emulator[ClavexWorld]:
    """An installation with organisation `acme`, a super admin and a super-admin API key (`token`)."""
    world = ClavexWorld(switches)
    routes = Routes(world)
    routes.public("POST", "/api/v1/auth/login", partial(auth.log_in, world))
    routes.public("POST", "/api/v1/auth/logout", auth.log_out)
    routes.public("OPTIONS", "/{path:path}", no_content)
    for name, word in (("healthz", "ok"), ("readyz", "ready")):
        routes.public("GET", f"/{name}", partial(status, word))
    organisations.add_routes(routes)
    clients.add_routes(routes)
    mappers.add_routes(routes)
    groups.add_routes(routes)
    for module in (users, roles, limits, audit):
        module.add_routes(routes)
    for path, resource in LEFT_OUT.items():
        routes.admin("GET", f"{ORG}/{path}", resource, left_out)
    routes.admin("", "/{path:path}", "", not_found)
    for module in (oidc, authorize, tokens):
        module.add_routes(routes)
    routes.public("", "/{path:path}", not_found)
    app = Starlette(routes=[*routes.routes, oidc.events_route(world)])
    app.router.redirect_slashes = False
    return Emulator(
        "clavex", app, world, world.api_key, username=EMAIL, password=PASSWORD, issued_secrets=world.issued_secrets
    )
