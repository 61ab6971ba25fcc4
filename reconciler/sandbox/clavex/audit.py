"""The audit log of an organisation; facts clavex 6.3, recording audit.

The live streams, the export and the sinks are left out.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from reconciler.sandbox.clavex.routing import ORG, number

if TYPE_CHECKING:
    from starlette.responses import Response

    from reconciler.sandbox.clavex.records import Event
    from reconciler.sandbox.clavex.routing import Call, Routes

FILTERS = ("action", "resource_type", "resource_id")
LONGEST, USUAL = 500, 50


def add_routes(routes: Routes) -> None:
    """The one route."""
    routes.admin("GET", f"{ORG}/audit", "audit", show_page)


async def show_page(call: Call) -> Response:
    """A page, newest first; `total` counts what is left from the cursor on."""
    asked = call.request.query_params
    cursor, limit = number(call.request, "cursor"), number(call.request, "limit")
    since, until = _moment(call, "since"), _moment(call, "until")
    rows = [
        event
        for event in reversed(call.world.events)
        if event.org_id == call.org_id
        and all(asked.get(name, "") in {"", getattr(event, name)} for name in FILTERS)
        and asked.get("status", "") in {"", "success"}
        and not asked.get("actor_id")  # no event says who acted
        and (cursor <= 0 or event.number < cursor)
        and (since is None or datetime.fromisoformat(event.time) >= since)
        and (until is None or datetime.fromisoformat(event.time) <= until)
    ]
    page = rows[: limit if 0 < limit <= LONGEST else USUAL]
    shown: dict[str, object] = {"events": [_shown(call, event) for event in page], "total": len(rows)}
    if len(rows) > len(page):
        shown["next_cursor"] = page[-1].number
    return JSONResponse(shown)


def _moment(call: Call, name: str) -> datetime | None:
    text = call.request.query_params.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise HTTPException(400, f"{name} must be RFC3339")
    return moment


def _shown(call: Call, event: Event) -> dict[str, object]:
    base = f"{call.request.url.scheme}://{call.request.url.netloc}"
    shown: dict[str, object] = {
        "id": event.number,
        "event_id": event.id,
        "specversion": "1.0",
        "source": f"{base}/{event.org_id}",
        "type": f"com.clavex.audit.{event.action}",
        "time": event.time,
        "subject": f"/orgs/{event.org_id}/{event.resource_type}s/{event.resource_id}",
        "org_id": event.org_id,
        "action": event.action,
        "resource_type": event.resource_type,
        "resource_id": event.resource_id,
        "status": "success",
    }
    return shown | ({"metadata": event.metadata} if event.metadata else {})
