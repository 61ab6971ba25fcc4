"""Groups of an organisation and their members; facts clavex 3.1, recordings groups, groups-members, groups-paging."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from reconciler.sandbox.clavex.auth import uuid_of
from reconciler.sandbox.clavex.binding import bind, tag
from reconciler.sandbox.clavex.routing import ORG, Marker, done, or_404, page_after
from reconciler.sandbox.clavex.users import NEVER_READ, show_user

if TYPE_CHECKING:
    from starlette.responses import Response

    from reconciler.sandbox.clavex.records import Group
    from reconciler.sandbox.clavex.routing import Call, Routes

GROUPS, GROUP = f"{ORG}/groups", f"{ORG}/groups/{{gid}}"


@dataclass
class CreateGroupRequest:
    """The body of a create."""

    name: str = field(default="", metadata=tag("required,min=1"))
    description: str = ""


@dataclass
class MemberRequest:
    """The body that puts a user into a group."""

    user_id: str = field(default="", metadata=tag("required,uuid"))


def add_routes(routes: Routes) -> None:
    """The routes of groups; there is none to change one."""
    routes.admin("POST", GROUPS, "groups", create)
    routes.admin("GET", GROUPS, "groups", show_page)
    routes.admin("GET", GROUP, "groups", show)
    routes.admin("DELETE", GROUP, "groups", delete)
    routes.admin("GET", f"{GROUP}/members", "groups", show_members)
    routes.admin("POST", f"{GROUP}/members", "groups", add_member)
    routes.admin("DELETE", f"{GROUP}/members/{{uid}}", "groups", remove_member)


async def create(call: Call) -> Response:
    """201; 500 for a name that is taken, and for an organisation that is gone."""
    body = await bind(call.request, CreateGroupRequest)
    taken = any(group.name == body.name for group in _groups(call))
    if taken or call.org_id not in call.world.orgs:
        raise HTTPException(500, "internal server error")
    group = call.world.add_group(body.name, call.org_id, body.description)
    Marker.of(call.request).put(group)
    call.world.audited(call.org_id, "group.created", "group", group.name)
    return JSONResponse(_shown(group), 201)


async def show_page(call: Call) -> Response:
    """A page by name; `after` is the id of the last item seen, which must still be there."""
    rows = sorted(_groups(call), key=attrgetter("name", "id"))
    return JSONResponse(page_after(call.request, [(row.id, _shown(row)) for row in rows]))


async def show(call: Call) -> Response:
    """One group."""
    return JSONResponse(_shown(find_group(call)))


async def delete(call: Call) -> Response:
    """204; 404 the second time."""
    group = find_group(call)
    del call.world.groups[group.id]
    call.world.audited(call.org_id, "group.deleted", "group", group.id)
    return done()


async def show_members(call: Call) -> Response:
    """A bare array by address, of users with holes."""
    group = find_group(call)
    members = sorted((call.world.users[user_id] for user_id in group.members), key=attrgetter("email"))
    return JSONResponse([show_user(user) | NEVER_READ for user in members])


async def add_member(call: Call) -> Response:
    """204, the second time too; the group is looked up before the body is read."""
    group = find_group(call)
    body = await bind(call.request, MemberRequest)
    user = or_404(call.world.users.get(body.user_id.lower()))
    group.members.add(or_404(user if user.org_id == call.org_id else None).id)
    return done()


async def remove_member(call: Call) -> Response:
    """204, for a user who is no member too."""
    find_group(call).members.discard(uuid_of(call.path("uid"), "user_id must be a valid UUID"))
    return done()


def find_group(call: Call) -> Group:
    """The group of the path; 404 if there is none."""
    group = or_404(call.world.groups.get(uuid_of(call.path("gid"), "id must be a valid UUID")))
    return or_404(group if group.org_id == call.org_id else None)


def _groups(call: Call) -> list[Group]:
    return [group for group in call.world.groups.values() if group.org_id == call.org_id]


def _shown(group: Group) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": group.id,
        "org_id": group.org_id,
        "name": group.name,
        "is_system": False,
        "member_count": len(group.members),
        "created_at": group.created_at,
        "updated_at": group.created_at,
    }
    kept = {"description": group.description, "managed_by": group.managed_by, "managed_ref": group.managed_ref}
    return shown | {name: value for name, value in kept.items() if value}
