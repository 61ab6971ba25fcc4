"""Routes of the emulated Clavex, and the checks that every admin route makes before its handler."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reconciler.sandbox.clavex.auth import Caller, authenticate, check_org, check_permission, uuid_of
from reconciler.sandbox.clavex.world import ClavexWorld

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reconciler.sandbox.clavex.records import Client, Group, Role

T = TypeVar("T")
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
ORG = "/organizations/{org}"


@dataclass(frozen=True, slots=True)
class Call:
    """An admin request that passed the checks; `org_id` is empty on routes without an organisation."""

    request: Request
    world: ClavexWorld
    caller: Caller
    org_id: str

    def path(self, name: str) -> str:
        """A parameter of the path."""
        return str(self.request.path_params[name])


@dataclass(frozen=True, slots=True)
class Marker:
    """The managed marker of a request; facts clavex 2.7."""

    by: str
    ref: str
    release: bool

    @classmethod
    def of(cls, request: Request) -> Marker:
        """Read from the request's headers."""
        by, ref, release = (
            request.headers.get(f"x-clavex-managed-{name}", "").strip() for name in ("by", "ref", "release")
        )
        return cls(by, ref, release.lower() == "true")

    def put(self, row: Client | Group | Role) -> bool:
        """Set or released on `row`; whether an answer to the request shows the row's marker."""
        if self.release:
            row.managed_by = row.managed_ref = None
        elif self.by:
            row.managed_by, row.managed_ref = self.by, self.ref or None
        return bool(self.by) and not self.release


class Routes:
    """The routes of one emulator, first match first."""

    def __init__(self, world: ClavexWorld) -> None:
        self.world = world
        self.routes: list[Route] = []

    def admin(self, method: str, path: str, permission: str, handler: Callable[[Call], Awaitable[Response]]) -> None:
        """A route under `/api/v1`: credential, organisation, permission, UUID, then `handler`; facts clavex 9.2.

        `permission` is a resource (read for GET, write else), `superadmin`, or empty.
        """
        if permission not in {"", "superadmin"}:
            permission += ":read" if method == "GET" else ":write"

        async def endpoint(request: Request) -> Response:
            try:
                caller = authenticate(request, self.world)
                org_id = self._org_id(request, caller, permission)
                answer = await handler(Call(request, self.world, caller, org_id))
            except HTTPException as error:
                answer = refusal(error)
            if "clavex_csrf" not in request.cookies:  # facts clavex 1.1: on every admin answer, no session
                answer.set_cookie("clavex_csrf", secrets.token_urlsafe(32), samesite="lax")
            return answer

        self._add([method] if method else METHODS, f"/api/v1{path}", endpoint)

    def public(self, method: str, path: str, handler: Callable[[Request], Awaitable[Response]]) -> None:
        """A route that asks for no credential."""

        async def endpoint(request: Request) -> Response:
            try:
                answer = await handler(request)
            except HTTPException as error:
                answer = refusal(error)
            if targets := self.world.switches.form_action:
                answer.headers["content-security-policy"] = f"form-action {targets}"
            return answer

        self._add([method] if method else METHODS, path, endpoint)

    def _add(self, methods: list[str], path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        route = Route(path, endpoint, methods=methods)
        route.methods = set(methods)  # Starlette adds HEAD to GET; the server answers it with 404 (recording routes)
        self.routes.append(route)

    def _org_id(self, request: Request, caller: Caller, permission: str) -> str:
        text = request.path_params.get("org")
        if text is not None and self.world.switches.guide_dialect:
            org = self.world.org_by_slug(text)
            if org is None:
                raise HTTPException(404, "organization not found")
            check_org(caller, org.id)
            check_permission(caller, permission)
            return org.id
        if text is not None and permission != "superadmin":
            check_org(caller, text)
        check_permission(caller, permission)
        if text is None:
            return ""
        return uuid_of(
            text, "id must be a valid UUID" if permission == "superadmin" else "org_id must be a valid UUID"
        )


def refusal(error: HTTPException) -> Response:
    """The admin API's form of an error; facts clavex 9.1."""
    phrase = HTTPStatus(error.status_code).phrase
    return JSONResponse({"error": phrase, "message": error.detail}, error.status_code)


def done() -> Response:
    """204."""
    return Response(status_code=204)


async def no_content(_: Request) -> Response:
    """204."""
    return done()


async def status(word: str, _: Request) -> Response:
    """The server is well."""
    return JSONResponse({"status": word})


async def not_found(_: Call | Request) -> Response:
    """404: no such route, or no such method on it; the server has no 405 (facts clavex 2)."""
    raise HTTPException(404)


async def left_out(call: Call) -> Response:
    """501, after the checks: the real server has this route, the sandbox has not."""
    path = call.request.url.path
    raise HTTPException(501, f"the sandbox does not emulate {call.request.method} {path}")


def or_404(found: T | None) -> T:
    """`found`; 404 if there is none."""
    if found is None:
        raise HTTPException(404)
    return found


def page_limit(request: Request) -> int:
    """`limit` of a list: 50 unless it is a positive number, 200 at most; facts clavex 2.6."""
    limit = number(request, "limit")
    return min(limit, 200) if limit > 0 else 50


def page_after(request: Request, rows: list[tuple[str, dict[str, object]]]) -> dict[str, object]:
    """A page of rows and their ids by `after`, the id of the last one seen, which must still be there."""
    after = request.query_params.get("after")
    if after:
        last = uuid_of(after, "invalid cursor")
        start = next((index for index, (row_id, _) in enumerate(rows) if row_id == last), None)
        if start is None:
            raise HTTPException(500)
        rows = rows[start + 1 :]
    items = rows[: page_limit(request)]
    page: dict[str, object] = {"items": [row for _, row in items], "has_more": len(rows) > len(items)}
    if page["has_more"]:
        page["next_cursor"] = items[-1][0]
    return page


def page_offset(request: Request) -> int:
    """`offset` of a list, 0 if it is no number."""
    return number(request, "offset")


def number(request: Request, name: str) -> int:
    """A parameter's first value as Go's Atoi reads it: 64 bits, no blanks, no underscores; 0 for anything else."""
    text = next(iter(request.query_params.getlist(name)), "")
    value = int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else 0
    return value if -(2**63) <= value < 2**63 else 0
