"""Calls a minute: counted, refused, read and set; facts clavex 6.1, recording rate-limits."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from reconciler.sandbox.clavex.binding import bind, tag
from reconciler.sandbox.clavex.records import Limits
from reconciler.sandbox.clavex.routing import ORG, or_404

if TYPE_CHECKING:
    from starlette.responses import Response

    from reconciler.sandbox.clavex.routing import Call, Routes
    from reconciler.sandbox.clavex.world import ClavexWorld

WINDOW = 60
CACHED = 30
"""Seconds that limits which were looked at stay in force after a change."""


@dataclass
class UpdateRateLimitsRequest:
    """The body of a PUT: all three are needed."""

    login_per_ip_per_min: int = field(default=0, metadata=tag("min=1,max=600"))
    token_per_client_per_min: int = field(default=0, metadata=tag("min=1,max=3600"))
    global_per_ip_per_min: int = field(default=0, metadata=tag("min=1,max=3600"))


def add_routes(routes: Routes) -> None:
    """The routes of an organisation's limits."""
    routes.admin("GET", f"{ORG}/rate-limits", "security", show)
    routes.admin("PUT", f"{ORG}/rate-limits", "security", update)


async def show(call: Call) -> Response:
    """The limits."""
    return JSONResponse(_shown(call))


async def update(call: Call) -> Response:
    """200 with the limits; they act when the ones in force have been cached for long enough."""
    body = await bind(call.request, UpdateRateLimitsRequest)
    org = or_404(call.world.orgs.get(call.org_id))
    org.limits = Limits(
        body.login_per_ip_per_min, body.token_per_client_per_min, body.global_per_ip_per_min, call.world.now()
    )
    return JSONResponse(_shown(call))


def count(world: ClavexWorld, slug: str, kind: str, caller: str) -> tuple[dict[str, str], Response | None]:
    """One more call of a kind, `login` or `token`: the headers of its answer, and the refusal if it is one too many.

    Refused calls count too. An organisation that does not exist has no limit.
    """
    limits = _in_force(world, slug)
    if limits is None:
        return {}, None
    most = limits.login if kind == "login" else limits.token
    now = time.monotonic()
    calls = world.calls.setdefault((slug, kind, caller), [])
    calls[:] = [*(call for call in calls if call > now - WINDOW), now]
    left = str(max(most - len(calls), 0))
    headers = {"x-ratelimit-limit": str(most), "x-ratelimit-remaining": left, "x-ratelimit-window": f"{WINDOW}s"}
    if len(calls) <= most:
        return headers, None
    described = f"rate limit exceeded: max {most} requests per {WINDOW} seconds"
    body = {"error": "too_many_requests", "error_description": described}
    return headers, JSONResponse(body, 429, headers)


def _in_force(world: ClavexWorld, slug: str) -> Limits | None:
    limits, until = world.limits.get(slug, (None, 0.0))
    if limits is None or until < time.monotonic():
        org = world.org_by_slug(slug)
        if org is None:
            return None
        limits = org.limits
        world.limits[slug] = limits, time.monotonic() + CACHED
    return limits


def _shown(call: Call) -> dict[str, object]:
    limits = or_404(call.world.orgs.get(call.org_id)).limits
    return {
        "org_id": call.org_id,
        "login_per_ip_per_min": limits.login,
        "token_per_client_per_min": limits.token,
        "global_per_ip_per_min": limits.total,
        "endpoint_limits": {},
        "updated_at": limits.updated_at,
    }
