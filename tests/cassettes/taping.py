"""Cassettes for our transport: vcrpy at the seam of httpx, each request held to be the next one on the tape."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import vcr
from vcr.cassette import Cassette
from vcr.errors import CannotOverwriteExistingCassetteException, UnhandledHTTPRequestError
from vcr.record_mode import RecordMode
from websockets.frames import Frame, Opcode

from reconciler.transport.websocket import read_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cassettes.scrubbing import Scrubber
    from vcr.request import Request

SEND = httpx.HTTPTransport.handle_request
"""How a request really leaves."""
KEY = "Y2Fzc2V0dGVzLWFsaWtlIQ=="
"""The key of every WebSocket handshake here, so that the recorded acceptance fits."""
_UPGRADED = 101
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer, as they are compared: times are all alike."""

    request: str
    answer: str


@dataclass(slots=True)
class Tape:
    """A cassette that is being recorded or replayed.

    `asked` are the requests so far, in order; `refused` says what was asked for and is not on the tape.
    """

    cassette: Cassette
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _losses: list[tuple[str, str]] = field(default_factory=list)

    def lose_answer(self, method: str, path: str) -> None:
        """The next answer to such a request does not arrive, although the server acts; `path` is the path's end."""
        self._losses.append((method, path))

    def is_lost(self, request: httpx.Request) -> bool:
        """Whether the answer to this request gets lost; once for each loss."""
        for loss in self._losses:
            if request.method == loss[0] and request.url.path.endswith(loss[1]):
                self._losses.remove(loss)
                return True
        return False

    def problems(self) -> list[str]:
        """What is wrong with a replay: requests that are not on the tape, in another order, or that did not come."""
        taped = [describe(request) for request in self.cassette.requests]
        if self.refused or self.asked == taped:
            return self.refused
        place = next((n for n, pair in enumerate(zip(self.asked, taped, strict=False)) if pair[0] != pair[1]), None)
        if place is not None:
            return [f"request {place + 1} is\n  {self.asked[place]}\nand on the tape\n  {taped[place]}"]
        return ["\n".join(("these did not come:", *taped[len(self.asked) :]))]

    def exchanges(self) -> list[Exchange]:
        """All that is on the tape."""
        pairs = zip(self.cassette.requests, self.cassette.responses, strict=True)
        return [Exchange(describe(request), _describe_answer(response)) for request, response in pairs]


def describe(request: Request) -> str:
    """A scrubbed request on one line."""
    body = request.body.decode() if request.body else ""
    return f"{request.method} {request.uri} {dict(sorted(request.headers.items()))} {body}"


def _describe_answer(response: dict[str, Any]) -> str:
    body = response["body"]["string"].decode()
    with suppress(ValueError):
        value = json.loads(body)
        if isinstance(value, dict) and "_clavex" in value:  # the emulator signs no proof: who it is for is all
            value = {name: value[name] for name in ("_clavex", "org_id", "org_slug")}
        body = json.dumps(value, sort_keys=True)
    return f"{response['status']['code']} {response['headers']} {_TIME.sub('TIME', body)}"


@contextmanager
def play(path: Path, scrubber: Scrubber, *, record: bool) -> Iterator[Tape]:
    """Our transport talks to the cassette at `path`; with `record` to the server, and the cassette listens.

    A cassette is written when the context ends without an exception.
    """
    recorder = vcr.VCR(
        record_mode=RecordMode.ALL if record else RecordMode.NONE,
        before_record_request=scrubber.request,
        before_record_response=scrubber.response,
        match_on=("method", "scheme", "host", "port", "path", "query", "body", "headers"),
        decode_compressed_response=True,
        drop_unused_requests=record,  # in a replay it would cut the cassette down to what was played
        record_on_exception=False,
    )
    with (
        patch("vcr.patch._HttpxHttpTransport_handle_request", _send),
        patch("reconciler.transport.websocket.make_key", lambda: KEY),
        recorder.use_cassette(str(path)) as cassette,
    ):
        tape = Tape(cassette)
        with patch.object(httpx.HTTPTransport, "handle_request", _watched(tape, scrubber)):
            yield tape


def _send(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
    """The server's answer; of a WebSocket, its first message as if it were the body."""
    response = SEND(transport, request)
    if response.status_code != _UPGRADED:
        return response
    message = read_message(response.extensions["network_stream"], seconds=10)
    response.close()
    return httpx.Response(_UPGRADED, headers=response.headers, stream=httpx.ByteStream((message or "").encode()))


@dataclass(slots=True)
class _Frames:
    """An upgraded connection over which one text message comes."""

    data: bytes

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data, self.data = self.data[:max_bytes], self.data[max_bytes:]
        return data


def _watched(tape: Tape, scrubber: Scrubber) -> Callable[[httpx.HTTPTransport, httpx.Request], httpx.Response]:
    """vcrpy's way to answer a request, one at a time, with a note of each."""
    answer, lock = httpx.HTTPTransport.handle_request, Lock()

    def handle(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        with lock:
            body = b"".join(request.stream)
            request.stream = httpx.ByteStream(body)
            asked = vcr.request.Request(request.method, str(request.url), body, dict(request.headers))
            tape.asked.append(describe(scrubber.request(asked)))
            try:
                response = answer(transport, request)
            except (CannotOverwriteExistingCassetteException, UnhandledHTTPRequestError) as problem:
                tape.refused.append(f"{tape.asked[-1]}\n{problem}")
                raise
        if tape.is_lost(request):
            raise httpx.ReadError("the answer is lost, as the test asked for", request=request)
        if response.status_code == _UPGRADED:
            frame = Frame(Opcode.TEXT, b"".join(response.stream))
            response.extensions["network_stream"] = _Frames(frame.serialize(mask=False))
        return response

    return handle
