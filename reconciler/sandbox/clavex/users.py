"""Users of an organisation; facts clavex 4.3, recording users."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from reconciler.sandbox.clavex.auth import uuid_of
from reconciler.sandbox.clavex.binding import bind, tag
from reconciler.sandbox.clavex.routing import ORG, done, or_404, page_after

if TYPE_CHECKING:
    from starlette.responses import Response

    from reconciler.sandbox.clavex.records import User
    from reconciler.sandbox.clavex.routing import Call, Routes

USERS, USER = f"{ORG}/users", f"{ORG}/users/{{uid}}"
NEVER_READ = {
    "is_email_verified": False,
    "required_actions": None,
    "metadata": None,
    "updated_at": "0001-01-01T00:00:00Z",
}
"""What a member of a group is shown with, whatever is stored; facts clavex 3.1."""


@dataclass
class CreateUserRequest:
    """The body of a create; there is no rule for passwords."""

    email: str = field(default="", metadata=tag("required,email"))
    password: str = field(default="", repr=False)
    first_name: str = ""
    last_name: str = ""
    role_ids: list[str] | None = None


@dataclass
class UpdateUserRequest:
    """The body of a PATCH; None keeps what is stored."""

    first_name: str | None = None
    last_name: str | None = None
    is_active: bool | None = None
    is_email_verified: bool | None = None


def add_routes(routes: Routes) -> None:
    """The routes of users."""
    routes.admin("POST", USERS, "users", create)
    routes.admin("GET", USERS, "users", show_page)
    routes.admin("GET", USER, "users", show)
    routes.admin("PATCH", USER, "users", update)
    routes.admin("DELETE", USER, "users", delete)
    routes.admin("PUT", f"{USER}/attributes", "users", replace_attributes)


async def create(call: Call) -> Response:
    """201; the password is set after the row is read, so the answer's `updated_at` is older than the stored one."""
    body = await bind(call.request, CreateUserRequest)
    if call.world.user_by_email(call.org_id, body.email):
        raise HTTPException(409, "user already exists")
    user = call.world.add_user(body.email, first_name=body.first_name, last_name=body.last_name, org_id=call.org_id)
    shown = show_user(user) | {"required_actions": None}
    if body.password:
        call.world.set_password(user, body.password)
        user.updated_at = call.world.now()
    for role_id in body.role_ids or []:
        role = call.world.roles.get(role_id)
        if role and role.org_id == call.org_id:
            role.users.add(user.id)
    return JSONResponse(shown, 201)


async def show_page(call: Call) -> Response:
    """A page by address; `q` looks into addresses and names, with the wildcards of SQL."""
    asked = call.request.query_params.get("q", "")
    pattern = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in asked)
    wanted = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    rows = [
        user
        for user in call.world.users_of(call.org_id)
        if any(wanted.search(text) for text in (user.email, user.first_name, user.last_name))
    ]
    rows.sort(key=attrgetter("email"))
    return JSONResponse(page_after(call.request, [(user.id, show_user(user)) for user in rows]))


async def show(call: Call) -> Response:
    """One user."""
    return JSONResponse(show_user(_user(call)))


async def update(call: Call) -> Response:
    """200; an address that is verified stays so, and no address can be changed."""
    body = await bind(call.request, UpdateUserRequest)
    user = _user(call)
    user.first_name = user.first_name if body.first_name is None else body.first_name
    user.last_name = user.last_name if body.last_name is None else body.last_name
    user.is_active = user.is_active if body.is_active is None else body.is_active
    user.is_email_verified = user.is_email_verified or bool(body.is_email_verified)
    user.updated_at = call.world.now()
    return JSONResponse(show_user(user))


async def delete(call: Call) -> Response:
    """204; 404 the second time."""
    call.world.remove_user(_user(call).id)
    return done()


async def replace_attributes(call: Call) -> Response:
    """200; the parameters of the path get into what is stored."""
    try:
        body = json.loads(await call.request.body() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise HTTPException(400, "invalid request body")
    user = _user(call)
    user.metadata = body | {"id": user.id, "org_id": user.org_id}
    user.updated_at = call.world.now()
    return JSONResponse(show_user(user))


def show_user(user: User) -> dict[str, object]:
    """The user in an answer; names are left out when they are empty."""
    shown: dict[str, object] = {
        "id": user.id,
        "org_id": user.org_id,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "is_active": user.is_active,
        "is_email_verified": user.is_email_verified,
        "mfa_required": False,
        "required_actions": [],
        "metadata": user.metadata,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }
    return {name: value for name, value in shown.items() if value or name not in {"first_name", "last_name"}}


def _user(call: Call) -> User:
    user = or_404(call.world.users.get(uuid_of(call.path("uid"), "id must be a valid UUID")))
    return or_404(user if user.org_id == call.org_id else None)
