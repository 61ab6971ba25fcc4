"""A server on loopback that answers by a script, as badly as it is told."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CERTIFICATE = Path(__file__).parent / "localhost.pem"
"""A key and its certificate for localhost, made for these tests alone."""

Reply = Callable[[socket.socket], None]


@dataclass
class Seen:
    """One request as it came in."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Stub:
    """The script (the last reply repeats) and what was seen."""

    script: list[Reply]
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next(self) -> Reply:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


def reply(status: int, body: object = None, **headers: str) -> Reply:
    """An ordinary answer; a body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    fields = {"content-length": str(len(content)), "content-type": "application/json"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return lambda sock: sock.sendall(head.encode() + b"\r\n" + content)


def cut(sock: socket.socket) -> None:
    """The connection ends after the request, without an answer."""
    sock.shutdown(socket.SHUT_RDWR)


def raw(data: bytes) -> Reply:
    """These bytes, then the end of the connection."""

    def send(sock: socket.socket) -> None:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_RDWR)

    return send


@contextmanager
def serve(*script: Reply, tls: bool | ssl.SSLContext = False) -> Iterator[Stub]:
    """The stub, running."""
    stub = Stub(list(script))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stub.port = listener.getsockname()[1]
        context = tls if isinstance(tls, ssl.SSLContext) else ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if tls is True:
            context.load_cert_chain(CERTIFICATE)
        thread = threading.Thread(target=_accept, args=(listener, stub, context if tls else None), daemon=True)
        thread.start()
        yield stub
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _accept(listener: socket.socket, stub: Stub, context: ssl.SSLContext | None) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        stub.connections += 1
        threading.Thread(target=_talk, args=(sock, stub, context), daemon=True).start()


def _talk(sock: socket.socket, stub: Stub, context: ssl.SSLContext | None) -> None:
    try:
        with (
            context.wrap_socket(sock, server_side=True) if context else sock as secure,
            secure.makefile("rb") as file,
        ):
            while line := file.readline():
                headers: dict[str, str] = {}
                while (header := file.readline().strip()) != b"":
                    name, _, value = header.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = file.read(int(headers.get("content-length", "0")))
                stub.seen.append(Seen(line.decode().strip(), headers, body))
                stub.next()(secure)
    except OSError:
        return
