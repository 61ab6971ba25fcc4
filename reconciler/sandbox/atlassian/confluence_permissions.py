"""Confluence's REST for permissions of groups, in the whole product and in single spaces.

Documented (facts atlassian 1.1, 7.3): paths, codes, the pairs of target and operation, a grant only adds, a revoke
skips what is not there, revoking the use of the application takes all, the versions in which the pages are there.
Assumed: they came with just those versions, only the group's global permissions are taken along, lists have no pages.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reconciler.sandbox.atlassian.access import Door
from reconciler.sandbox.atlassian.world import ConfluenceWorld, parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue
    from starlette.requests import Request

    from reconciler.sandbox.atlassian.world import Permissions

_GLOBAL = "/rest/api/permissions"
_SPACE = "/rest/api/space/{key}/permissions"
_USE = ("application", "use")
_GLOBAL_PAIRS = frozenset(
    {_USE, ("application", "administer"), ("system", "administer"), ("personal_space", "create"), ("space", "create")}
)
_SPACE_PAIRS = frozenset(
    {("space", word) for word in ("read", "administer", "export", "restrict", "delete_own", "delete_mail")}
    | {(kind, word) for kind in ("page", "blogpost", "comment", "attachment") for word in ("create", "delete")}
)


def make_routes(world: ConfluenceWorld, door: Door) -> list[Route]:
    """The paths of permissions."""
    permissions = _Permissions(world, door)
    return [
        Route(_GLOBAL, permissions.list_global, methods=["GET"]),
        Route(f"{_GLOBAL}/group/{{name}}/{{act}}", permissions.change_global, methods=["PUT"]),
        Route(_SPACE, permissions.list_space, methods=["GET"]),
        Route(f"{_SPACE}/group/{{name}}/{{act}}", permissions.change_space, methods=["PUT"]),
    ]


@dataclass(frozen=True, slots=True)
class _Permissions:
    world: ConfluenceWorld
    door: Door

    async def list_global(self, request: Request) -> Response:
        self._admit_global(request)
        administrator: JsonValue = {
            "operation": {"operationKey": "administer", "targetType": "system"},
            "subject": {"type": "user", "displayName": self.world.username},
        }
        return JSONResponse([administrator, *_show(self.world.permissions)])

    async def change_global(self, request: Request) -> Response:
        self._admit_global(request)
        return await self._change(request, self.world.permissions, _GLOBAL_PAIRS)

    async def list_space(self, request: Request) -> Response:
        return JSONResponse([*_show(self._admit_space(request))])

    async def change_space(self, request: Request) -> Response:
        return await self._change(request, self._admit_space(request), _SPACE_PAIRS)

    def _admit_global(self, request: Request) -> None:
        numbers = parse_version(self.world.version)
        if numbers < (9, 2, 18) or (9, 3) <= numbers < (9, 3, 1):
            raise self.door.refuse(404, "Not Found")
        self.door.admit_administrator(request)

    def _admit_space(self, request: Request) -> Permissions:
        if not self.world.reaches("9.2"):
            raise self.door.refuse(404, "Not Found")
        self.door.admit_administrator(request)
        if (found := self.world.spaces.get(request.path_params["key"])) is None:
            raise self.door.refuse(404, "No space found with that key.")
        return found

    async def _change(self, request: Request, held: Permissions, known: frozenset[tuple[str, str]]) -> Response:
        group = self.world.find_group(request.path_params["name"])
        if group is None or request.path_params["act"] not in {"grant", "revoke"}:
            raise self.door.refuse(404, "No group found with that name.")
        pairs = await self._read_pairs(request)
        if not pairs <= known:
            raise self.door.refuse(400, "No such permission.")
        if request.path_params["act"] == "grant":
            held[group] = held.get(group, set()) | pairs
        elif _USE in pairs:
            held.pop(group, None)
        else:
            held[group] = held.get(group, set()) - pairs
        return Response(status_code=204)

    async def _read_pairs(self, request: Request) -> set[tuple[str, str]]:
        try:
            return {(item["targetType"], item["operationKey"]) for item in json.loads(await request.body())}
        except (ValueError, TypeError, KeyError):
            raise self.door.refuse(400, "The body is not a list of operations.") from None


def _show(held: Permissions) -> Iterator[JsonValue]:
    for group, pairs in sorted(held.items()):
        for target, operation in sorted(pairs):
            yield {
                "operation": {"operationKey": operation, "targetType": target},
                "subject": {"type": "group", "displayName": group},
            }
