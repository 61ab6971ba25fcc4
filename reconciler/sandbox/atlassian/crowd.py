"""An emulated Crowd: the groups of its shared directory, as an application sees them.

Seen in public code (facts atlassian 8): paths, fields, 201 for a new group, 204 for one that is deleted, 404 for one
that is missing. Assumed: 400 for a group that exists, 403 without the right to make one, XML unless JSON is asked
for, names compared without regard to case and stored as they were sent, error bodies, 401 without credentials.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from reconciler.sandbox.atlassian.access import RefusedError
from reconciler.sandbox.emulator import Emulator

if TYPE_CHECKING:
    from pydantic import JsonValue
    from starlette.requests import Request

    from reconciler.sandbox.atlassian.world import ProductWorld

CONTEXT = "/crowd"
_ROOT = "/rest/usermanagement/1"


class CrowdWorld:
    """What an emulated Crowd remembers.

    groups: name to description.
    may_write: whether the application may make and delete groups.
    """

    username = "reconciler"
    groups: dict[str, str]
    may_write: bool

    def __init__(self) -> None:
        self.password = secrets.token_urlsafe(16)
        self.issued_secrets = {self.password}
        self.reset()

    def reset(self) -> None:
        """The directory is as new, in place, with the same credentials."""
        self.groups = {"crowd-administrators": ""}
        self.may_write = True

    def find_group(self, name: str) -> str | None:
        """The stored spelling of a group's name."""
        return next((group for group in self.groups if group.lower() == name.lower()), None)

    def synchronise(self, product: ProductWorld) -> None:
        """The directory synchronisation of a product: it knows every group of the directory."""
        for name in self.groups:
            if product.find_group(name) is None:
                product.groups[name] = []


def crowd() -> Emulator[CrowdWorld]:
    """A Crowd, newly installed. It knows no tokens."""
    world = CrowdWorld()
    server = _Crowd(world)
    routes = [
        Route(f"{_ROOT}/group", server.get_group, methods=["GET"]),
        Route(f"{_ROOT}/group", server.create_group, methods=["POST"]),
        Route(f"{_ROOT}/group", server.delete_group, methods=["DELETE"]),
    ]
    app = Starlette(routes=[Mount(CONTEXT, routes=routes)], exception_handlers={RefusedError: _answer_refusal})
    return Emulator("crowd", app, world, "", world.username, world.password, world.issued_secrets)


async def _answer_refusal(_request: Request, error: Exception) -> Response:
    return cast("RefusedError", error).response


@dataclass(frozen=True, slots=True)
class _Crowd:
    world: CrowdWorld

    async def get_group(self, request: Request) -> Response:
        self._admit(request)
        return _answer(request, self._show(self._find(request)))

    async def create_group(self, request: Request) -> Response:
        self._admit(request)
        self._require_write()
        try:
            body = json.loads(await request.body())
            name, kind = body["name"], body["type"]
        except (ValueError, TypeError, KeyError):
            raise _refuse(400, "ILLEGAL_ARGUMENT", "The body is no group.") from None
        if kind != "GROUP" or self.world.find_group(name):
            raise _refuse(400, "INVALID_GROUP", f"Group already exists: {name}")
        self.world.groups[name] = body.get("description", "")
        return _answer(request, self._show(name), 201)

    async def delete_group(self, request: Request) -> Response:
        self._admit(request)
        self._require_write()
        del self.world.groups[self._find(request)]
        return Response(status_code=204)

    def _admit(self, request: Request) -> None:
        expected = b64encode(f"{self.world.username}:{self.world.password}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            raise RefusedError(Response("Application failed to authenticate", 401, media_type="text/plain"))

    def _require_write(self) -> None:
        if not self.world.may_write:
            raise _refuse(403, "APPLICATION_PERMISSION_DENIED", "Not allowed to change groups of the directory.")

    def _find(self, request: Request) -> str:
        asked = request.query_params.get("groupname", "")
        if (name := self.world.find_group(asked)) is None:
            raise _refuse(404, "GROUP_NOT_FOUND", f"Group <{asked}> does not exist")
        return name

    def _show(self, name: str) -> dict[str, JsonValue]:
        return {"name": name, "description": self.world.groups[name], "type": "GROUP", "active": True}


def _refuse(status: int, reason: str, message: str) -> RefusedError:
    return RefusedError(JSONResponse({"reason": reason, "message": message}, status))


def _answer(request: Request, group: dict[str, JsonValue], status: int = 200) -> Response:
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(group, status)
    return Response(f'<group name="{group["name"]}"/>', status, media_type="application/xml")
