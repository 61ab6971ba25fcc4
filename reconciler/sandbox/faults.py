"""Misbehaviour on demand, and the count of what was asked: the wrapper around every emulator's application.

It works in process (`faults.add(Fault(kind=Kind.HTML))`) and over HTTP on the emulator's own port; these paths are
neither counted nor hit by faults:

```text
GET    /_sandbox/requests      {"writes": 1, "requests": [["POST", "/x"], …]}
POST   /_sandbox/reset-counts  forgets them
POST   /_sandbox/faults        one fault, or a list: {"kind": "too-many", "path": "/clients", "retry_after": 1}
DELETE /_sandbox/faults        disarms all
```
"""

from __future__ import annotations

import asyncio
import re
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from types import MethodType

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTROL = "/_sandbox/"
READS = frozenset({"GET", "HEAD", "OPTIONS"})
CHUNKS = 8
WEBSUDO = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><status><status-code>401</status-code>'
    "<message>This resource requires WebSudo.</message></status>"
)


class Kind(StrEnum):
    """What goes wrong."""

    LATENCY = "latency"
    """The request waits `seconds`, then is served."""
    SLOW_BODY = "slow-body"
    """The request is served; the body comes in pieces over `seconds`."""
    TRUNCATED_JSON = "truncated-json"
    """The request is served; only the first half of the body comes, as a whole HTTP message."""
    CUT_BEFORE = "cut-before"
    """The connection is closed; the application never saw the request."""
    CUT_AFTER = "cut-after"
    """The application acts, then the connection is closed without an answer."""
    TOO_MANY = "too-many"
    """429, with Retry-After if `retry_after` is given."""
    SERVER_ERROR = "server-error"
    """503, or `status`."""
    HTML = "html"
    """An HTML page with 200, or `status`."""
    ERROR_IN_200 = "error-in-200"
    """200 with JSON that tells of an error."""
    LOGIN_REDIRECT = "login-redirect"
    """302 to a login page."""
    EXPIRED_TOKEN = "expired-token"  # noqa: S105 - a kind of fault
    """401 with JSON."""
    WEBSUDO = "websudo"
    """401 with XML, as Jira asks for a secure administrator session (facts atlassian 2.3)."""


class Fault(BaseModel):
    """What goes wrong, for which requests, how often.

    method: of the requests meant; None: any.
    path: regular expression found somewhere in the path; None: any.
    times: how many requests are hit; None: all.
    skip: how many matching requests pass before.
    acts: an answer in place of the application's comes only after the application has acted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    method: Annotated[str, Field(pattern="^[A-Z]+$")] | None = None
    path: str | None = None
    times: int | None = 1
    skip: int = 0
    seconds: float = 0.2
    status: int | None = None
    retry_after: int | None = None
    acts: bool = False

    @field_validator("path")
    @classmethod
    def _compiles(cls, path: str | None) -> str | None:
        try:
            re.compile(path or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return path


class _Cycle(Protocol):
    """What uvicorn's `send` is a method of."""

    transport: asyncio.Transport


class Faults:
    """`app` with its requests counted and its faults acted out. `requests` holds method and path of each."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._armed: list[tuple[Fault, list[int]]] = []
        self.requests: list[tuple[str, str]] = []

    @property
    def writes(self) -> int:
        """How many requests could change something: none of GET, HEAD and OPTIONS, and none to a token endpoint."""
        return sum(method not in READS and not path.endswith("/token") for method, path in self.requests)

    def add(self, *faults: Fault) -> None:
        """Armed, behind those that are armed already: of several that match, the first hits."""
        self._armed += [(fault, [0]) for fault in faults]

    def clear(self) -> None:
        """No fault is armed."""
        self._armed.clear()

    def reset_counts(self) -> None:
        """No request has been counted."""
        self.requests.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: the request is counted, then served or spoilt."""
        path, method = scope["path"], scope.get("method", "GET")
        _, control, order = path.partition(CONTROL)  # also below a context path
        if control:
            answer = await self._control(order, Request(scope, receive))
            await answer(scope, receive, send)
            return
        self.requests.append((method, path))
        fault = self._hit(method, path) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._misbehave(fault, scope, receive, send)

    def _hit(self, method: str, path: str) -> Fault | None:
        for place, (fault, seen) in enumerate(self._armed):
            if fault.method not in {None, method} or not re.search(fault.path or "", path):
                continue
            seen[0] += 1
            if seen[0] <= fault.skip:
                continue
            if fault.times is not None and seen[0] >= fault.skip + fault.times:
                del self._armed[place]
            return fault
        return None

    async def _misbehave(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.kind:
            case Kind.LATENCY:
                await asyncio.sleep(fault.seconds)
                await self._app(scope, receive, send)
            case Kind.CUT_BEFORE:
                await _cut(receive, send)
            case Kind.CUT_AFTER:
                await self._served(scope, receive)
                await _cut(receive, send)
            case Kind.TRUNCATED_JSON:
                start, body = await self._served(scope, receive)
                half = body[: len(body) // 2]
                headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
                headers.append((b"content-length", str(len(half)).encode()))
                await send({**start, "headers": headers})
                await send({"type": "http.response.body", "body": half})
            case Kind.SLOW_BODY:
                start, body = await self._served(scope, receive)
                await send(start)
                for piece in range(CHUNKS):
                    await asyncio.sleep(fault.seconds / CHUNKS)
                    part = body[piece * len(body) // CHUNKS : (piece + 1) * len(body) // CHUNKS]
                    await send({"type": "http.response.body", "body": part, "more_body": piece < CHUNKS - 1})
            case _:
                if fault.acts:
                    await self._served(scope, receive)
                await _instead(fault)(scope, receive, send)

    async def _served(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        """The application's answer, kept back: its start and its body."""
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        await self._app(scope, receive, keep)
        return kept[0], b"".join(message.get("body", b"") for message in kept[1:])

    async def _control(self, order: str, request: Request) -> Response:
        match request.method, order:
            case "GET", "requests":
                return JSONResponse({"writes": self.writes, "requests": self.requests})
            case "POST", "reset-counts":
                self.reset_counts()
            case "DELETE", "faults":
                self.clear()
            case "POST", "faults":
                body = await request.body()
                try:
                    self.add(*_GIVEN.validate_json(body if body.lstrip().startswith(b"[") else b"[" + body + b"]"))
                except ValidationError as error:
                    return JSONResponse({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)
            case _:
                return JSONResponse({"error": "no such control path"}, HTTPStatus.NOT_FOUND)
        return Response(status_code=HTTPStatus.NO_CONTENT)


_GIVEN = TypeAdapter(list[Fault])


def _instead(fault: Fault) -> Response:
    """The answer in place of the application's."""
    match fault.kind:
        case Kind.TOO_MANY:
            waits = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
            return JSONResponse({"error": "too many requests"}, HTTPStatus.TOO_MANY_REQUESTS, waits)
        case Kind.HTML:
            page = (
                "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Not what you asked for</body></html>"
            )
            return Response(page, fault.status or HTTPStatus.OK, media_type="text/html")
        case Kind.ERROR_IN_200:
            told = "something went wrong"
            return JSONResponse({"error": told, "message": told, "errorMessages": [told]})
        case Kind.LOGIN_REDIRECT:
            return Response(status_code=HTTPStatus.FOUND, headers={"location": "/login.jsp?permissionViolation=true"})
        case Kind.EXPIRED_TOKEN:
            return JSONResponse({"error": "Unauthorized", "message": "Unauthorized"}, HTTPStatus.UNAUTHORIZED)
        case Kind.WEBSUDO:
            return Response(WEBSUDO, HTTPStatus.UNAUTHORIZED, media_type="application/xml")
        case _:
            status = HTTPStatus(fault.status or HTTPStatus.SERVICE_UNAVAILABLE)
            return JSONResponse({"error": status.phrase, "message": status.phrase}, status)


async def _cut(receive: Receive, send: Send) -> None:
    """The connection is closed at once; ASGI has no word for it, so uvicorn's transport is taken by the hand."""
    cast("_Cycle", cast("MethodType", send).__self__).transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
