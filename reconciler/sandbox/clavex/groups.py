"""Groups of an organisation; facts clavex 3.1, recordings groups and groups-paging."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from reconciler.sandbox.clavex.auth import uuid_of
from reconciler.sandbox.clavex.binding import bind, tag
from reconciler.sandbox.clavex.routing import ORG, Marker, done, or_404, page_limit

if TYPE_CHECKING:
    from starlette.responses import Response

    from reconciler.sandbox.clavex.routing import Call, Routes
    from reconciler.sandbox.clavex.world import Group

GROUPS, GROUP = f"{ORG}/groups", f"{ORG}/groups/{{gid}}"


@dataclass
class CreateGroupRequest:
    """The body of a create."""

    name: str = field(default="", metadata=tag("required,min=1"))
    description: str = ""


def add_routes(routes: Routes) -> None:
    """The routes of groups; there is none to change one."""
    routes.admin("POST", GROUPS, "groups", create)
    routes.admin("GET", GROUPS, "groups", show_page)
    routes.admin("GET", GROUP, "groups", show)
    routes.admin("DELETE", GROUP, "groups", delete)


async def create(call: Call) -> Response:
    """201; 500 for a name that is taken, and for an organisation that is gone."""
    body = await bind(call.request, CreateGroupRequest)
    taken = any(group.name == body.name for group in _groups(call))
    if taken or call.org_id not in call.world.orgs:
        raise HTTPException(500, "internal server error")
    group = call.world.add_group(body.name, call.org_id, body.description)
    Marker.of(call.request).put(group)
    call.world.audited(call.org_id)
    return JSONResponse(_shown(group), 201)


async def show_page(call: Call) -> Response:
    """A page by name; `after` is the id of the last item seen, which must still be there."""
    rows = sorted(_groups(call), key=attrgetter("name", "id"))
    after = call.request.query_params.get("after")
    if after:
        last = uuid_of(after, "invalid cursor")
        start = next((index for index, row in enumerate(rows) if row.id == last), None)
        if start is None:
            raise HTTPException(500)
        rows = rows[start + 1 :]
    items = rows[: page_limit(call.request)]
    page: dict[str, object] = {"items": [_shown(row) for row in items], "has_more": len(rows) > len(items)}
    if page["has_more"]:
        page["next_cursor"] = items[-1].id
    return JSONResponse(page)


async def show(call: Call) -> Response:
    """One group."""
    return JSONResponse(_shown(_group(call)))


async def delete(call: Call) -> Response:
    """204; 404 the second time."""
    del call.world.groups[_group(call).id]
    call.world.audited(call.org_id)
    return done()


def _groups(call: Call) -> list[Group]:
    return [group for group in call.world.groups.values() if group.org_id == call.org_id]


def _group(call: Call) -> Group:
    group = or_404(call.world.groups.get(uuid_of(call.path("gid"), "id must be a valid UUID")))
    return or_404(group if group.org_id == call.org_id else None)


def _shown(group: Group) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": group.id,
        "org_id": group.org_id,
        "name": group.name,
        "is_system": False,
        "member_count": 0,
        "created_at": group.created_at,
        "updated_at": group.created_at,
    }
    kept = {"description": group.description, "managed_by": group.managed_by, "managed_ref": group.managed_ref}
    return shown | {name: value for name, value in kept.items() if value}
