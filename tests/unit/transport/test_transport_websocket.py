from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import httpcore
import pytest
from http_stub import Reply, reply, serve
from pydantic import SecretStr
from websockets.utils import accept_key

from reconciler.core.intent import System
from reconciler.errors import BadAnswerError, StatusError
from reconciler.transport.http import open_http
from reconciler.transport.websocket import read_message

if TYPE_CHECKING:
    from http_stub import Stub


def upgrade(stub: list[Stub], *frames: bytes) -> Reply:
    def answer(sock: socket.socket) -> None:
        key = accept_key(stub[0].seen[-1].headers["sec-websocket-key"])
        head = f"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {key}\r\n\r\n"
        sock.sendall(head.encode() + b"".join(frames))
        sock.shutdown(socket.SHUT_WR)

    return answer


def ask(*frames: bytes) -> tuple[str, Stub]:
    box: list[Stub] = []
    with serve(upgrade(box, *frames)) as stub:
        box.append(stub)
        with open_http(System("clavex", "clavex", stub.url), {"X-API-Key": SecretStr("clv_x")}) as http:
            return http.first_message("/acme/events"), stub


def test_the_first_text_message_with_our_credentials() -> None:
    message, stub = ask(b"\x81\x05hello", b"\x81\x05other")
    assert message == "hello"
    assert stub.seen[0].line == "GET /acme/events HTTP/1.1"
    assert stub.seen[0].headers["x-api-key"] == "clv_x"
    assert stub.seen[0].headers["upgrade"] == "websocket"


def test_pings_and_binary_frames_come_before_and_a_message_may_come_in_pieces() -> None:
    assert ask(b"\x89\x01p", b"\x82\x01b", b"\x01\x02he", b"\x89\x00", b"\x80\x03llo")[0] == "hello"


@pytest.mark.parametrize("frames", [(), (b"\x88\x02\x03\xe8",), (b"\x81\xff" + b"\x01" * 9,), (b"\x82\x01b",)])
def test_no_message_is_an_error(frames: tuple[bytes, ...]) -> None:
    with pytest.raises(BadAnswerError, match="no WebSocket message"):
        ask(*frames)


def test_an_upgrade_to_something_else_is_an_error() -> None:
    other = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x02hi"
    with (
        serve(lambda sock: sock.sendall(other)) as stub,
        open_http(System("c", "clavex", stub.url), {}) as http,
        pytest.raises(BadAnswerError, match="no WebSocket message"),
    ):
        http.first_message("/acme/events")


def test_a_refusal_is_a_status() -> None:
    with (
        serve(reply(401, {"error": "Unauthorized", "message": "Unauthorized"})) as stub,
        open_http(System("c", "clavex", stub.url), {}) as http,
        pytest.raises(StatusError, match="401 Unauthorized"),
    ):
        http.first_message("/acme/events")


class Silent:
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        raise httpcore.ReadTimeout


class Chatty:
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        threading.Event().wait(0.01)
        return b"\x89\x00"


@pytest.mark.parametrize("stream", [Silent(), Chatty()])
def test_waiting_has_an_end(stream: Silent | Chatty) -> None:
    assert read_message(stream, 0.05) is None
