"""The parts of Jira's own REST that concern sign-on: version, permissions, people, groups, application roles.

Documented (facts atlassian 6): paths, codes, a group that exists is 400, DELETE is 200, a page of members is the test
of existence, the picker matches substrings and is empty without rights, If-Match and 412, only the two sets of a role
change. Seen in public code: fields of serverInfo, members' pages of 50 at most, roles as an array, the ETag, groups
and roles of `myself` listed only where `expand` names them. Assumed: fields of the session, one version hash for all
roles, a set that is not sent is kept, `html` of the picker, swapGroup is not looked at.
"""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reconciler.sandbox.atlassian.access import Door, base_url
from reconciler.sandbox.atlassian.people import Person
from reconciler.sandbox.atlassian.world import ApplicationRole, JiraWorld, parse_version

if TYPE_CHECKING:
    from pydantic import JsonValue
    from starlette.requests import Request

    from reconciler.sandbox.atlassian.miniorange_document import JsonObject

_ROOT = "/rest/api/2"
_LONGEST_PAGE = 50
_BUILT = "2025-01-15T00:00:00.000+0000"


def make_routes(world: JiraWorld) -> list[Route]:
    """The paths under `/rest/api/2`."""
    jira = _Jira(world, Door(world, _describe, anonymous=401))
    return [
        Route(f"{_ROOT}/serverInfo", jira.get_server_info, methods=["GET"]),
        Route(f"{_ROOT}/mypermissions", jira.get_permissions, methods=["GET"]),
        Route(f"{_ROOT}/myself", jira.get_myself, methods=["GET"]),
        Route("/rest/auth/1/session", jira.get_session, methods=["GET"]),
        Route(f"{_ROOT}/group", jira.create_group, methods=["POST"]),
        Route(f"{_ROOT}/group", jira.delete_group, methods=["DELETE"]),
        Route(f"{_ROOT}/group/member", jira.list_members, methods=["GET"]),
        Route(f"{_ROOT}/groups/picker", jira.pick_groups, methods=["GET"]),
        Route(f"{_ROOT}/applicationrole", jira.list_roles, methods=["GET"]),
        Route(f"{_ROOT}/applicationrole/{{key}}", jira.get_role, methods=["GET"]),
        Route(f"{_ROOT}/applicationrole/{{key}}", jira.put_role, methods=["PUT"]),
    ]


def _describe(_status: int, message: str) -> JsonObject:
    return {"errorMessages": [message], "errors": {}}


@dataclass(frozen=True, slots=True)
class _Jira:
    world: JiraWorld
    door: Door

    async def get_server_info(self, request: Request) -> Response:
        self.door.identify(request)
        version = self.world.version
        return JSONResponse(
            {
                "baseUrl": base_url(request, self.world),
                "version": version,
                "versionNumbers": list(parse_version(version)),
                "deploymentType": "Server",
                "buildNumber": 10030024,
                "buildDate": _BUILT,
                "serverTime": _BUILT,
                "scmInfo": "0" * 40,
                "serverTitle": "Jira",
            }
        )

    async def get_permissions(self, request: Request) -> Response:
        self.door.admit_user(request)
        held = dict.fromkeys(("ADMINISTER", "SYSTEM_ADMIN"), self.world.may_administer(self.door.name(request)))
        return JSONResponse({"permissions": {key: {"key": key, "havePermission": has} for key, has in held.items()}})

    async def get_myself(self, request: Request) -> Response:
        """Groups and application roles are counted, and listed where `expand` asks for them."""
        self.door.admit_user(request)
        name = self.door.name(request)
        groups = self.world.groups_of(name)
        held = {group.lower() for group in groups}
        roles = [
            role for role in self.world.application_roles.values() if held & {group.lower() for group in role.groups}
        ]
        asked = request.query_params.get("expand", "").split(",")
        return JSONResponse(
            {
                **self._show_person(name),
                "groups": _show_list("groups", [{"name": group} for group in groups], asked),
                "applicationRoles": _show_list(
                    "applicationRoles", [{"key": role.key, "name": role.name} for role in roles], asked
                ),
                "expand": "groups,applicationRoles",
            }
        )

    async def get_session(self, request: Request) -> Response:
        self.door.admit_user(request)
        address = f"{base_url(request, self.world)}{_ROOT}/user?username={quote(self.door.name(request))}"
        return JSONResponse({"self": address, "name": self.door.name(request), "loginInfo": {"loginCount": 1}})

    async def create_group(self, request: Request) -> Response:
        self.door.admit_administrator(request)
        body = await self.door.read_object(request)
        name = body.get("name")
        if not isinstance(name, str) or not name.strip():
            raise self.door.refuse(400, "A group needs a name.")
        if self.world.find_group(name):
            raise self.door.refuse(400, "A group or user with this name already exists.")
        if self.world.directory_refusal is not None:
            raise self.door.refuse(self.world.directory_refusal, "The directory is read-only.")
        self.world.groups[name] = []
        bean = {
            "name": name,
            "self": f"{base_url(request, self.world)}{_ROOT}/group?groupname={quote(name)}",
            "users": {"size": 0, "items": [], "max-results": 50, "start-index": 0, "end-index": 0},
        }
        return JSONResponse(bean, 201)

    async def delete_group(self, request: Request) -> Response:
        self.door.admit_administrator(request)
        del self.world.groups[self._find_group(request)]
        return Response(status_code=200)

    async def list_members(self, request: Request) -> Response:
        self.door.admit_administrator(request)
        members = self.world.groups[self._find_group(request)]
        start = self.door.read_number(request, "startAt", 0)
        longest = min(self.door.read_number(request, "maxResults", _LONGEST_PAGE), _LONGEST_PAGE)
        values = [self._show_person(name) for name in members[start : start + longest]]
        last = start + len(values) >= len(members)
        page = {"startAt": start, "maxResults": longest, "total": len(members), "isLast": last}
        return JSONResponse(page | {"values": values})

    async def pick_groups(self, request: Request) -> Response:
        self.door.admit_user(request)
        query = request.query_params.get("query", "").lower()
        shown = self.world.groups if self.world.administrator else ()
        matching = sorted(name for name in shown if query in name.lower())
        longest = self.door.read_number(request, "maxResults", 20)
        groups = [{"name": name, "html": html.escape(name), "labels": []} for name in matching[:longest]]
        header = f"Showing {len(groups)} of {len(matching)} matching groups"
        return JSONResponse({"header": header, "total": len(matching), "groups": groups})

    async def list_roles(self, request: Request) -> Response:
        self.door.admit_administrator(request)
        return self._answer([_show_role(role) for role in self.world.application_roles.values()])

    async def get_role(self, request: Request) -> Response:
        self.door.admit_administrator(request)
        return self._answer(_show_role(self._find_role(request)))

    async def put_role(self, request: Request) -> Response:
        self.door.admit_administrator(request)
        role = self._find_role(request)
        body = await self.door.read_object(request)
        expected = request.headers.get("if-match")
        if expected is not None and expected.strip('"') != self._version_hash():
            raise self.door.refuse(412, "The version hash is stale.")
        groups, defaults = (self._read_names(body, key) for key in ("groups", "defaultGroups"))
        role.groups = role.groups if groups is None else groups
        role.default_groups = role.default_groups if defaults is None else defaults
        return self._answer(_show_role(role))

    def _show_person(self, name: str) -> JsonObject:
        person = self.world.find_user(name) or Person(name, f"{name}@acme.test", name)
        return {
            "name": person.name,
            "key": person.name,
            "emailAddress": person.email,
            "displayName": person.display_name,
            "active": True,
        }

    def _find_group(self, request: Request) -> str:
        asked = request.query_params.get("groupname", "")
        if not asked:
            raise self.door.refuse(400, "groupname is empty.")
        name = self.world.find_group(asked)
        if name is None:
            raise self.door.refuse(404, f"The group named '{asked}' does not exist.")
        return name

    def _find_role(self, request: Request) -> ApplicationRole:
        key = request.path_params["key"]
        role = self.world.application_roles.get(key)
        if role is None:
            raise self.door.refuse(404, f"No application role '{key}' is defined.")
        return role

    def _read_names(self, body: JsonObject, key: str) -> list[str] | None:
        value = body.get(key)
        if value is None:
            return None
        names = [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
        if not isinstance(value, list) or len(names) < len(value):
            raise self.door.refuse(400, f"{key} is not a list of names.")
        return sorted(set(names))

    def _answer(self, body: JsonValue) -> Response:
        return JSONResponse(body, headers={"ETag": f'"{self._version_hash()}"'})

    def _version_hash(self) -> str:
        roles = sorted((role.key, role.groups, role.default_groups) for role in self.world.application_roles.values())
        return hashlib.sha256(repr(roles).encode()).hexdigest()[:32]


def _show_list(name: str, items: list[JsonObject], asked: list[str]) -> JsonObject:
    return {"size": len(items), "items": [*items] if name in asked else []}


def _show_role(role: ApplicationRole) -> JsonObject:
    return {
        "key": role.key,
        "name": role.name,
        "groups": list(role.groups),
        "defaultGroups": list(role.default_groups),
        "selectedByDefault": False,
        "defined": True,
        "numberOfSeats": role.number_of_seats,
        "remainingSeats": role.number_of_seats,
        "userCount": 0,
        "userCountDescription": "users",
        "hasUnlimitedSeats": role.number_of_seats < 0,
        "platform": role.key == "jira-core",
    }
