"""The first text message of a WebSocket, read over an ordinary HTTP connection that was upgraded."""

from __future__ import annotations

import base64
import secrets
from time import monotonic
from typing import TYPE_CHECKING, Protocol

import httpcore
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri
from websockets.utils import accept_key

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST = 1 << 20
"""Bytes of one message."""


class Stream(Protocol):
    """The bytes of an upgraded connection."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes; none at the end."""


def make_key() -> str:
    """A new key for a handshake."""
    return base64.b64encode(secrets.token_bytes(16)).decode()


def handshake(key: str) -> dict[str, str]:
    """The headers of the request that asks for a WebSocket."""
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
    }


def is_accepted(key: str, headers: Mapping[str, str]) -> bool:
    """Whether the answer's headers are those of a server that speaks WebSocket."""
    return headers.get("sec-websocket-accept", "") == accept_key(key)


def read_message(stream: Stream, seconds: float) -> str | None:
    """The first text message; None if the other side ends, errs, or sends none within `seconds`."""
    protocol = ClientProtocol(parse_uri("ws://upgraded/"), state=State.OPEN, max_size=LARGEST)
    deadline = monotonic() + seconds
    parts: list[bytes] | None = None
    while protocol.state is State.OPEN and (left := deadline - monotonic()) > 0:
        try:
            data = stream.read(65536, timeout=left)
        except (httpcore.NetworkError, httpcore.TimeoutException):
            return None
        if not data:
            return None
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                parts = []
            if isinstance(event, Frame) and event.opcode in {Opcode.TEXT, Opcode.CONT} and parts is not None:
                parts.append(bytes(event.data))
                if event.fin:
                    return b"".join(parts).decode(errors="replace")
    return None
