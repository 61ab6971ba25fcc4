"""The parts of Confluence's own REST that concern sign-on: version, access mode, people, groups.

Documented (facts atlassian 1.1, 7.1, 7.2): paths, codes, pages with `_links.next`, 200 for a new group, 409 for one
that exists, 204 and the last administrators' group, server-information from 9.1 and writing groups from 8.2 on. Seen
in public code: the groups of a user, the members of a group, 404 for a missing group, the required `type`, 405 for
POST on `/rest/api/group`. Assumed: 403 for nobody where the documents name no 401, fields of a user, pages of 200 at
most, `next` relative to `base`. The access mode of 9.0, "an object", is left out: its form is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reconciler.sandbox.atlassian import confluence_permissions
from reconciler.sandbox.atlassian.access import Door, base_url
from reconciler.sandbox.atlassian.world import ConfluenceWorld

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.sandbox.atlassian.miniorange_document import JsonObject

_ROOT = "/rest/api"
_LONGEST_PAGE = 200
_INFORMATION_SINCE = "9.1"
_GROUP_WRITES_SINCE = "8.2"


def make_routes(world: ConfluenceWorld) -> list[Route]:
    """The paths under `/rest/api`."""
    confluence = _Confluence(world, Door(world, _describe, anonymous=403), Door(world, _describe, anonymous=401))
    return [
        Route(f"{_ROOT}/server-information", confluence.get_server_information, methods=["GET"]),
        Route(f"{_ROOT}/accessmode", confluence.get_access_mode, methods=["GET"]),
        Route(f"{_ROOT}/user/current", confluence.get_current_user, methods=["GET"]),
        Route(f"{_ROOT}/user/memberof", confluence.list_groups_of, methods=["GET"]),
        Route(f"{_ROOT}/group", confluence.list_groups, methods=["GET"]),
        Route(f"{_ROOT}/group/{{name}}", confluence.get_group, methods=["GET"]),
        Route(f"{_ROOT}/group/{{name}}/member", confluence.list_members, methods=["GET"]),
        Route(f"{_ROOT}/admin/group", confluence.create_group, methods=["POST"]),
        Route(f"{_ROOT}/admin/group/{{name}}", confluence.delete_group, methods=["DELETE"]),
        *confluence_permissions.make_routes(world, confluence.door),
    ]


def _describe(status: int, message: str) -> JsonObject:
    return {"statusCode": status, "message": message, "reason": HTTPStatus(status).phrase, "data": {}}


@dataclass(frozen=True, slots=True)
class _Confluence:
    world: ConfluenceWorld
    door: Door
    information_door: Door

    async def get_server_information(self, request: Request) -> Response:
        self._require(_INFORMATION_SINCE)
        self.information_door.admit_user(request)
        return JSONResponse(
            {
                "version": self.world.version,
                "buildNumber": 9012,
                "buildDate": "2025-01-15",
                "baseUrl": base_url(request, self.world),
                "marketplaceBuildNumber": 9012,
            }
        )

    async def get_access_mode(self, request: Request) -> Response:
        self.door.admit_user(request)
        return JSONResponse(self.world.access_mode)

    async def get_current_user(self, request: Request) -> Response:
        """Nobody is the anonymous user."""
        if self.door.identify(request) == "nobody":
            return JSONResponse({"type": "anonymous", "displayName": "Anonymous"})
        name = self.door.name(request)
        person = self.world.find_user(name)
        display_name = person.display_name if person else name
        return JSONResponse({"type": "known", "username": name, "userKey": name, "displayName": display_name})

    async def list_groups_of(self, request: Request) -> Response:
        """The groups of the user named by `username` or `key`."""
        self.door.admit_user(request)
        asked = request.query_params.get("username") or request.query_params.get("key", "")
        person = self.world.find_user(asked)
        if person is None:
            raise self.door.refuse(404, f"No user found: {asked}")
        base = base_url(request, self.world)
        return self._page(request, [_show_group(name, base) for name in self.world.groups_of(person.name)])

    async def list_groups(self, request: Request) -> Response:
        self.door.admit_user(request)
        base = base_url(request, self.world)
        return self._page(request, [_show_group(name, base) for name in sorted(self.world.groups)])

    async def list_members(self, request: Request) -> Response:
        self.door.admit_user(request)
        members = self.world.groups[self._find_group(request)]
        return self._page(request, [{"type": "known", "username": name, "userKey": name} for name in members])

    def _page(self, request: Request, items: list[JsonObject]) -> Response:
        path = request.url.path.removeprefix(self.world.switches.context_path)
        start = self.door.read_number(request, "start", 0)
        limit = min(self.door.read_number(request, "limit", _LONGEST_PAGE), _LONGEST_PAGE)
        page = items[start : start + limit]
        base = base_url(request, self.world)
        links = {
            "base": base,
            "context": self.world.switches.context_path,
            "self": f"{base}{path}?start={start}&limit={limit}",
        }
        if start + limit < len(items):
            links["next"] = f"{path}?start={start + limit}&limit={limit}"
        return JSONResponse({"results": page, "start": start, "limit": limit, "size": len(page), "_links": links})

    async def get_group(self, request: Request) -> Response:
        self.door.admit_user(request)
        return JSONResponse(_show_group(self._find_group(request), base_url(request, self.world)))

    async def create_group(self, request: Request) -> Response:
        self._require(_GROUP_WRITES_SINCE)
        self.door.admit_administrator(request)
        body = await self.door.read_object(request)
        if body.get("type") != "group":
            raise self.door.refuse(400, "Unexpected token: missing property 'type' that is to contain type id")
        name = body.get("name")
        if not isinstance(name, str) or not name.strip():
            raise self.door.refuse(400, "A group needs a name.")
        if self.world.find_group(name):
            raise self.door.refuse(409, "A group of this name exists.")
        if self.world.directory_refusal is not None:
            raise self.door.refuse(self.world.directory_refusal, "The directory is read-only.")
        self.world.groups[name] = []
        return JSONResponse(_show_group(name, base_url(request, self.world)))

    async def delete_group(self, request: Request) -> Response:
        self._require(_GROUP_WRITES_SINCE)
        self.door.admit_administrator(request)
        name = self._find_group(request)
        if self.world.administrators & set(self.world.groups) == {name}:
            raise self.door.refuse(400, "The last administrators' group cannot be deleted.")
        del self.world.groups[name]
        return Response(status_code=204)

    def _require(self, version: str) -> None:
        if not self.world.reaches(version):
            raise self.door.refuse(404, "Not Found")

    def _find_group(self, request: Request) -> str:
        asked = request.path_params["name"]
        name = self.world.find_group(asked)
        if name is None:
            raise self.door.refuse(404, f"No group found with name: {asked}")
        return name


def _show_group(name: str, base: str) -> JsonObject:
    return {"type": "group", "name": name, "_links": {"self": f"{base}{_ROOT}/group/{quote(name, safe='')}"}}
