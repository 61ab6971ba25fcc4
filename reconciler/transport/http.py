"""One system's HTTP: its URL, its credentials, and one rule for what may be sent again."""

from __future__ import annotations

from contextlib import closing, contextmanager
from enum import IntEnum
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import httpx

from reconciler import __version__
from reconciler.errors import (
    BadAnswerError,
    InDoubtError,
    RefusedError,
    RequestError,
    SecretError,
    UnreachableError,
    UntrustedError,
)
from reconciler.transport.answers import HttpAnswer, hidden_words, nonsense, refusal, secret_texts
from reconciler.transport.bodies import read_body
from reconciler.transport.budget import Retries
from reconciler.transport.connections import Connections, connections
from reconciler.transport.faults import Lost, explain
from reconciler.transport.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from pydantic import SecretStr

    from reconciler.core.intent import System
    from reconciler.ports import Http
    from reconciler.transport.websocket import Stream

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
IN_FLIGHT = 20
"""Requests that a system gets at once, unless something else is said."""
_BUSY = frozenset({429})
_GATEWAY = frozenset({502, 503, 504})
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": f"reconciler/{__version__}",
}

PROOF = {"grant_type": "authorization_code", "code": "made-up-code"}
"""What goes along with a secret that is to be proved: nobody gets anything for it."""
_PROOF_FORM = frozenset((*PROOF, "client_id", "client_secret", "redirect_uri"))

Outcome = HttpAnswer | Lost


class Access(IntEnum):
    """What an open system may be sent: reads; the proof of a secret too, which changes nothing; everything."""

    READ = 0
    PROVE = 1
    WRITE = 2


@contextmanager
def open_http(
    system: System,
    headers: Mapping[str, SecretStr],
    *,
    access: Access = Access.WRITE,
    retries: Retries | None = None,
    most: int = IN_FLIGHT,
) -> Iterator[Http]:
    """An open system; `headers` carry its credentials. What `access` does not cover is refused, and not sent.

    `retries` is the budget of the whole run; without one it is for this system alone. At most `most` requests are in
    flight; others wait.

    Raises SecretError for a credential that no header can carry, and ReconcilerError for a CA or proxy that cannot
    be used. Nothing is sent yet.
    """
    for value in headers.values():
        text = value.get_secret_value()
        if not (text.isascii() and text.isprintable()):
            raise SecretError(
                f"the credential for {system.url} holds characters that no HTTP header can carry",
                f"was it copied whole, without line breaks? See [systems.{system.name}]",
            )
    with connections(system) as lent:
        yield SystemHttp(system, lent, headers, access, retries or Retries(), Gate(most))


class SystemHttp:
    """Implements ports.Http for one system.

    Requests go to the transport as they are: cookies, redirects, netrc and the other things that a client of httpx
    adds are not wanted, and take a fifth of the time of a request.
    """

    def __init__(
        self,
        system: System,
        lent: Connections,
        headers: Mapping[str, SecretStr],
        access: Access,
        retries: Retries,
        gate: Gate,
    ) -> None:
        self._system = system
        self._connections = lent
        self._credentials = headers
        self._hidden = tuple(hidden_words(value.get_secret_value() for value in headers.values()))
        self._access = access
        self._retries = retries
        self._gate = gate

    @property
    def url(self) -> str:
        """The system's base URL, without a trailing slash."""
        return self._system.url

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        ok: Sequence[int] = (200,),
        headers: Mapping[str, str] | None = None,
        anonymous: bool = False,
        pages: bool = False,
    ) -> HttpAnswer:
        """Reads; sent again where that may help."""
        where = f"GET {self.url}{path}"
        request = self._request("GET", path, headers, anonymous=anonymous, params=params)
        return self._exchange(request, where, ok=ok, repeatable=True, sent=(), pages=pages)

    def send(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        ok: Sequence[int] = (200,),
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        anonymous: bool = False,
        pages: bool = False,
    ) -> HttpAnswer:
        """Writes; sent again where that may help and is safe."""
        where = f"{method} {self.url}{path}"
        bare = anonymous and not (json or params or headers)
        proof = method == "POST" and path.endswith("/token") and bare and _is_proof(form or {})
        if self._access < (Access.PROVE if proof else Access.WRITE):
            raise RefusedError(f"{where}: this run only reads, so this was not sent")
        body = {"content": json} if isinstance(json, bytes) else {"json": json, "data": form}
        request = self._request(method, path, headers, anonymous=anonymous, params=params, **body)
        sent = (*secret_texts(json), *secret_texts(form))
        return self._exchange(request, where, ok=ok, repeatable=repeatable, sent=sent, pages=pages)

    def first_message(self, path: str) -> str:
        """The first text message of the WebSocket at `path`."""
        from reconciler.transport import websocket  # noqa: PLC0415 - 20 ms, for a first run at most

        where = f"WebSocket {self.url}{path}"
        key = websocket.make_key()
        request = self._request("GET", path, websocket.handshake(key), anonymous=False)

        def read(response: httpx.Response) -> bytes | Lost:
            if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
                return read_body(response)
            message = None
            if websocket.is_accepted(key, response.headers):
                stream = cast("Stream", response.extensions["network_stream"])
                message = websocket.read_message(stream, seconds=10)
            return Lost("no WebSocket message came", passing=False, bad=True) if message is None else message.encode()

        answer = self._exchange(request, where, ok=(101,), repeatable=True, sent=(), read=read)
        return answer.content.decode()

    def _request(
        self,
        method: str,
        path: str,
        own: Mapping[str, str] | None,
        *,
        anonymous: bool,
        **content: Any,  # noqa: ANN401 - what httpx takes as parameters and body
    ) -> httpx.Request:
        _check_path(path, f"{method} {self.url}{path}")
        credentials = {} if anonymous else {name: item.get_secret_value() for name, item in self._credentials.items()}
        headers = {**_HEADERS, **credentials, **(own or {})}
        extensions = {"timeout": TIMEOUT.as_dict()}
        return httpx.Request(method, _parse(self.url + path), headers=headers, extensions=extensions, **content)

    def _exchange(
        self,
        request: httpx.Request,
        where: str,
        *,
        ok: Sequence[int],
        repeatable: bool,
        sent: Collection[str],
        pages: bool = False,
        read: Callable[[httpx.Response], bytes | Lost] | None = None,
    ) -> HttpAnswer:
        in_doubt = False

        def attempt(*, first: bool = False) -> Outcome:
            nonlocal in_doubt
            if not first:
                self._retries.spend(self._system.name)
            with self._gate.passing(again=not first) as passage:
                outcome = self._once(request, where, read or read_body, (*self._hidden, *sent))
                passage.busy, passage.wait = _is_busy(outcome)
            in_doubt = in_doubt or _may_have_arrived(outcome, ok)
            return outcome

        def worth(outcome: Outcome) -> bool:
            if isinstance(outcome, Lost):
                return outcome.passing and (repeatable or not outcome.arrived)
            return outcome.status not in ok and outcome.status in (_BUSY | _GATEWAY if repeatable else _BUSY)

        outcome = attempt(first=True)
        if worth(outcome):
            from reconciler.transport.retry import persist  # noqa: PLC0415 - tenacity costs 10 ms, rarely needed

            outcome = persist(outcome, attempt, lambda outcome: worth(outcome) and self._retries.left)
        if isinstance(outcome, HttpAnswer) and outcome.status in ok:
            if pages or (problem := nonsense(outcome, where)) is None:
                return outcome
            if request.method == "GET":
                raise problem
            raise InDoubtError(
                f"{problem.message.removeprefix(f'{where}: ')}; whether it was carried out is unknown",
                where,
                problem.remedy or "run plan again: it looks what became of it",
            )
        failure = self._failure(outcome, where, in_doubt=in_doubt and request.method != "GET", sent=sent)
        if worth(outcome) and not self._retries.left:
            spent = (
                f"this run has sent {self._retries.spent} requests again, and may not do so more often (--retries)"
            )
            failure.remedy = f"{spent}; {failure.remedy}" if failure.remedy else spent
        raise failure

    def _once(
        self,
        request: httpx.Request,
        where: str,
        read: Callable[[httpx.Response], bytes | Lost],
        hidden: tuple[str, ...],
    ) -> Outcome:
        try:
            with self._connections.lend() as connection, closing(connection.handle_request(request)) as response:
                content = read(response)
        except httpx.HTTPError as error:
            return explain(error, self._system)
        if isinstance(content, Lost):
            return content
        return HttpAnswer(response.status_code, response.headers, content, where, hidden)

    def _failure(self, outcome: Outcome, where: str, *, in_doubt: bool, sent: Collection[str]) -> RequestError:
        """The error that an outcome means. Made outside of any handler: no context of httpx, no headers in it."""
        match outcome:
            case Lost(reason=reason) if in_doubt:
                return InDoubtError(
                    f"{reason}; whether it was carried out is unknown",
                    where,
                    "run plan again: it looks what became of it",
                )
            case Lost(reason=reason, remedy=remedy, bad=True):
                return BadAnswerError(reason, where, remedy)
            case Lost(reason=reason, remedy=remedy, tls=True):
                return UntrustedError(reason, where, remedy)
            case Lost(reason=reason, remedy=remedy):
                return UnreachableError(reason, where, remedy)
            case HttpAnswer(status=status) if in_doubt and status in _GATEWAY:
                return InDoubtError(
                    f"{status} from a gateway; whether it was carried out is unknown",
                    where,
                    "run plan again: it looks what became of it",
                )
            case _:
                return refusal(outcome, [*self._hidden, *sent])


def _check_path(path: str, where: str) -> None:
    """Holds for a path that means what it says, whatever names are in it."""
    if path[:1] not in {"", "/", "?"}:
        raise ValueError("a path begins with a slash: what follows the host would else be part of its name")
    if "/." in path and {".", ".."} & set(path.split("/")):
        raise RefusedError(f"{where}: a name that is . or .. would make it another path; it was not sent")


@lru_cache(maxsize=64)  # thousands of requests go to the same few URLs
def _parse(url: str) -> httpx.URL:
    return httpx.URL(url)


def _is_proof(form: Mapping[str, str]) -> bool:
    return form.items() >= PROOF.items() and form.keys() <= _PROOF_FORM


def _is_busy(outcome: Outcome) -> tuple[bool, float]:
    """Whether the system limits requests, and the seconds that it asks to wait."""
    if isinstance(outcome, Lost) or outcome.status not in _BUSY:
        return False, 0.0
    from reconciler.transport.retry import asked_wait  # noqa: PLC0415 - tenacity costs 10 ms, rarely needed

    return True, asked_wait(outcome) or 0.0


def _may_have_arrived(outcome: Outcome, ok: Sequence[int]) -> bool:
    if isinstance(outcome, Lost):
        return outcome.arrived
    return outcome.status in _GATEWAY and outcome.status not in ok
