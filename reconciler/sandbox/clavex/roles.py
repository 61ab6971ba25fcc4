"""Roles of an organisation, of users and of groups; facts clavex 3.2, recordings roles and groups-roles.

Composite roles are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from reconciler.sandbox.clavex.auth import uuid_of
from reconciler.sandbox.clavex.binding import bind, tag
from reconciler.sandbox.clavex.groups import GROUP, find_group
from reconciler.sandbox.clavex.routing import ORG, Marker, done, or_404

if TYPE_CHECKING:
    from starlette.responses import Response

    from reconciler.sandbox.clavex.records import Role
    from reconciler.sandbox.clavex.routing import Call, Routes

ROLES, ROLE = f"{ORG}/roles", f"{ORG}/roles/{{rid}}"


@dataclass
class CreateRoleRequest:
    """The body of a create."""

    name: str = field(default="", metadata=tag("required,min=1,max=64"))
    description: str = ""


@dataclass
class RoleRequest:
    """The body that gives a group a role."""

    role_id: str = field(default="", metadata=tag("required,uuid"))


def add_routes(routes: Routes) -> None:
    """The routes of roles; there is none to read or change one."""
    routes.admin("POST", ROLES, "roles", create)
    routes.admin("GET", ROLES, "roles", show_all)
    routes.admin("DELETE", ROLE, "roles", delete)
    routes.admin("PUT", f"{ROLE}/users/{{uid}}", "roles", assign)
    routes.admin("DELETE", f"{ROLE}/users/{{uid}}", "roles", unassign)
    routes.admin("GET", f"{GROUP}/roles", "groups", show_group_roles)
    routes.admin("POST", f"{GROUP}/roles", "groups", add_group_role)
    routes.admin("DELETE", f"{GROUP}/roles/{{rid}}", "groups", remove_group_role)


async def create(call: Call) -> Response:
    """201; 409 for a name that is taken."""
    body = await bind(call.request, CreateRoleRequest)
    if any(role.name == body.name for role in _roles(call)):
        raise HTTPException(409, "role already exists")
    role = call.world.add_role(body.name, call.org_id, body.description)
    Marker.of(call.request).put(role)
    call.world.audited(call.org_id, "role.created", "role", role.name)
    return JSONResponse(_shown(role), 201)


async def show_all(call: Call) -> Response:
    """A bare array by name."""
    return JSONResponse([_shown(role) for role in sorted(_roles(call), key=attrgetter("name"))])


async def delete(call: Call) -> Response:
    """204; 404 the second time."""
    role = _role(call, call.path("rid"))
    del call.world.roles[role.id]
    for group in call.world.groups.values():
        group.roles.discard(role.id)
    call.world.audited(call.org_id, "role.deleted", "role", role.id)
    return done()


async def assign(call: Call) -> Response:
    """204, the second time too; 404 for an unknown user."""
    role = _role(call, call.path("rid"))
    user = or_404(call.world.users.get(uuid_of(call.path("uid"), "user_id must be a valid UUID")))
    role.users.add(or_404(user if user.org_id == call.org_id else None).id)
    return done()


async def unassign(call: Call) -> Response:
    """204, for a user without the role too."""
    _role(call, call.path("rid")).users.discard(call.path("uid"))
    return done()


async def show_group_roles(call: Call) -> Response:
    """A bare array by name."""
    group = find_group(call)
    return JSONResponse([_shown(role) for role in _roles(call) if role.id in group.roles])


async def add_group_role(call: Call) -> Response:
    """204, the second time too. It reaches no token."""
    group = find_group(call)
    body = await bind(call.request, RoleRequest)
    role = _role(call, body.role_id)
    group.roles.add(role.id)
    call.world.audited(call.org_id, "group.updated", "group", group.id, role_assigned=role.id)
    return done()


async def remove_group_role(call: Call) -> Response:
    """204, for a role that the group has not too."""
    group = find_group(call)
    group.roles.discard(call.path("rid"))
    call.world.audited(call.org_id, "group.updated", "group", group.id, role_removed=call.path("rid"))
    return done()


def _roles(call: Call) -> list[Role]:
    return [role for role in call.world.roles.values() if role.org_id == call.org_id]


def _role(call: Call, role_id: str) -> Role:
    role = or_404(call.world.roles.get(uuid_of(role_id, "id must be a valid UUID")))
    return or_404(role if role.org_id == call.org_id else None)


def _shown(role: Role) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": role.id,
        "org_id": role.org_id,
        "name": role.name,
        "is_system": False,
        "created_at": role.created_at,
    }
    kept = {"description": role.description, "managed_by": role.managed_by, "managed_ref": role.managed_ref}
    return shown | {name: value for name, value in kept.items() if value}
