"""Who calls, whether they may, and the answers that both products and their plugins share.

Documented (facts atlassian 2.2): personal access tokens from a version on, Basic. Seen in public code: Basic
switched off (403 and its message, 2.2), WebSudo's XML for a cookie session (2.3). Assumed: wrong credentials are 401
even where none are needed, a token on a version that knows none counts as no credentials, a write whose body is
not `application/json` is 415, every resource of an administrator asks a session for WebSudo.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from starlette.responses import JSONResponse, Response

from reconciler.sandbox.atlassian.miniorange_document import JsonObject
from reconciler.sandbox.atlassian.world import ProductWorld

if TYPE_CHECKING:
    from pydantic import JsonValue
    from starlette.requests import Request

Caller = Literal["nobody", "session", "header"]
BASIC_DISABLED = "Basic Authentication has been disabled on this instance."
_WEBSUDO = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><status><status-code>401</status-code>'
    "<message>This resource requires WebSudo.</message></status>"
)


class RefusedError(Exception):
    """The request ends with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def describe(_status: int, message: str) -> JsonObject:
    """An error body of the SSO app (facts atlassian 2.7); assumed for the plugin manager and miniOrange."""
    return {"message": message}


@dataclass(frozen=True, slots=True)
class Door:
    """The way into one API: its error bodies, and its status for callers without credentials (None: the switch).

    Its methods raise RefusedError where the request ends.
    """

    world: ProductWorld
    describe: Callable[[int, str], JsonObject] = describe
    anonymous: int | None = None

    def refuse(self, status: int, message: str) -> RefusedError:
        """The error to raise for an answer in this API's shape."""
        return RefusedError(JSONResponse(self.describe(status, message), status))

    def identify(self, request: Request) -> Caller:
        """Who calls; refuses wrong credentials, and Basic while it is switched off."""
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        world = self.world
        if scheme.lower() == "basic":
            if world.basic_disabled:
                raise RefusedError(JSONResponse({"message": BASIC_DISABLED}, 403))
            return self._recognise(credentials, b64encode(f"{world.username}:{world.password}".encode()).decode())
        if scheme.lower() == "bearer" and world.reaches(world.tokens_since):
            return self._recognise(credentials, world.token)
        return "session" if world.who(request.cookies) else "nobody"

    def name(self, request: Request) -> str:
        """Who calls, if somebody does: the session's user, or the sandbox's one account."""
        name = None if self.identify(request) == "header" else self.world.who(request.cookies)
        return name or self.world.username

    def _recognise(self, given: str, accepted: str) -> Caller:
        if given != accepted:
            raise self.refuse(401, "The credentials are wrong.")
        return "header"

    def admit_user(self, request: Request) -> Caller:
        """The caller is somebody."""
        caller = self.identify(request)
        if caller == "nobody":
            raise self.turn_away(request)
        return caller

    def admit_administrator(self, request: Request) -> None:
        """The caller may administer, and a session passed WebSudo."""
        caller = self.admit_user(request)
        if not self.world.may_administer(self.name(request)):
            raise self.refuse(403, "This needs an administrator.")
        if caller == "session" and self.world.websudo:
            raise RefusedError(Response(_WEBSUDO, 401, media_type="application/xml"))

    def turn_away(self, request: Request) -> RefusedError:
        """The error for a caller without credentials."""
        match self.anonymous or self.world.switches.anonymous:
            case 302:
                target = f"{base_url(request, self.world)}{self.world.login_path}"
                location = f"{target}?os_destination={quote(request.url.path, safe='')}"
                return RefusedError(Response(status_code=302, headers={"Location": location}))
            case status:
                return self.refuse(status, "Client must be authenticated to access this resource.")

    async def read_object(self, request: Request) -> JsonObject:
        """The JSON object in the body, of that content type."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise self.refuse(415, "Unsupported Media Type")
        try:
            body: JsonValue = json.loads(await request.body())
        except ValueError:
            raise self.refuse(400, "The body is not JSON.") from None
        if not isinstance(body, dict):
            raise self.refuse(400, "The body is not a JSON object.")
        return body

    def read_number(self, request: Request, name: str, default: int) -> int:
        """A number of the query string."""
        try:
            return int(request.query_params.get(name, default))
        except ValueError:
            raise self.refuse(400, f"{name} is not a number.") from None


def base_url(request: Request, world: ProductWorld) -> str:
    """What the product takes for its own address, without a slash at the end."""
    called = f"{request.url.scheme}://{request.url.netloc}{world.switches.context_path}"
    return world.base_url or called
