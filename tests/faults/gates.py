"""The backends of the tests behind a gate, which counts what is written to them, and strikes at one of these writes.

Whoever writes knows nothing of it: the servers on loopback ask their gate before they take a request and before they
answer, and PostgreSQL, which is a real one, is reached through a relay that does.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from socketserver import StreamRequestHandler
from typing import TYPE_CHECKING, BinaryIO

from contract.buckets import Buckets
from contract.documents import Documents
from contract.loopback import Loopback
from faults.dying import NOWHERE, PATIENCE, Point, Seen, launch

from reconciler.sandbox.faults import READS

if TYPE_CHECKING:
    from acceptance.workplace import Workplace

BEFORE = {"untaken", "cut before", "gone before"}
"""Where the backend does not take the write. In the ways without these it does, and nobody hears of it."""
DEATHS = ("untaken", "unheard")
"""The process dies."""
LOSSES = ("cut before", "cut after", "gone before", "gone after")
"""The connection is lost: this once, or so that no other is made until the process ends."""


@dataclass
class Gate:
    """What stands before a backend. `point` is of the writes to it, and its way one of the above."""

    point: Point = NOWHERE
    writes: int = 0
    _gone: bool = False
    _processes: SimpleQueue[int] = field(default_factory=SimpleQueue)

    def strike(self, place: Workplace, point: Point, *arguments: str) -> Seen:
        """Runs a command in a process of its own, struck at that point: here, or within if that is not of a gate."""
        here = point.way in DEATHS + LOSSES
        self.point, self.writes = point if here else NOWHERE, 0
        launched = launch(place, NOWHERE if here else point, *arguments)
        self._processes.put(launched.pid)
        seen = launched.end()
        seen.kept = self.writes
        self.point, self._gone, self._processes = NOWHERE, False, SimpleQueue()
        return seen

    def takes(self, *, writes: bool = False) -> bool:
        """Whether a request comes through to the backend."""
        self.writes += writes
        return not self._gone and not (writes and self.point.way in BEFORE and self._strikes())

    def answers(self, *, writes: bool = False) -> bool:
        """Whether its answer comes through."""
        return not self._gone and not (writes and self.point.way not in BEFORE and self._strikes())

    def _strikes(self) -> bool:
        if self.writes != self.point.number + 1:
            return False
        if self.point.way in DEATHS:
            os.kill(self._processes.get(timeout=PATIENCE), signal.SIGKILL)
        self._gone = self.point.way.startswith("gone")
        return True


class _Gated:
    """A handler of HTTP whose requests come through the gate of its world."""

    def handle_one(self, *act):
        if self.world.gate.takes(writes=self.command not in READS):
            super().handle_one(*act)
        else:
            self.close_connection = True

    def answer(self, *content, **headers):
        if self.world.gate.answers(writes=self.command not in READS):
            super().answer(*content, **headers)
        else:
            self.close_connection = True


@dataclass
class GatedBuckets(Buckets):
    gate: Gate = field(default_factory=Gate)
    handler = type("Handler", (_Gated, Buckets.handler), {})


@dataclass
class GatedDocuments(Documents):
    gate: Gate = field(default_factory=Gate)
    handler = type("Handler", (_Gated, Documents.handler), {})


class _Relay(StreamRequestHandler):
    """A session of PostgreSQL, statement by statement (its documents: Frontend/Backend Protocol)."""

    world: RelayedPostgres

    def handle(self) -> None:
        self.texts: dict[bytes, bytes] = {}
        if not self.world.gate.takes():
            return
        with suppress(EOFError, OSError), self.connected() as server, server.makefile("rb") as answers:
            server.sendall(_read_message(self.rfile, kind=b""))
            self.wfile.write(_read_until(answers, b"Z")[0])
            while self.pass_on(server, answers):
                pass

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """The server, until the session ends. It hears of it at once, though a fork may have the socket too."""
        with socket.create_connection(("127.0.0.1", self.world.port)) as server:
            try:
                yield server
            finally:
                with suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)

    def pass_on(self, server: socket.socket, answers: BinaryIO) -> bool:
        """Passes on a statement and its answer. Whether the session goes on."""
        asked, messages = _read_until(self.rfile, b"QSX")
        writes, gate = self.writes(messages), self.world.gate
        if not gate.takes(writes=writes):
            return False
        server.sendall(asked)
        answered = _read_until(answers, b"Z")[0]
        if not gate.answers(writes=writes):
            return False
        self.wfile.write(answered)
        return True

    def writes(self, messages: list[tuple[bytes, bytes]]) -> bool:
        """Whether something is done that changes something. A statement that was prepared is known by its name."""
        does, text = False, b""
        for kind, body in messages:
            if kind == b"P":
                name, text = body.split(b"\0")[:2]
                self.texts[name] = text
            elif kind == b"B":
                text = self.texts[body.split(b"\0")[1]]
            elif kind == b"Q":
                text = body
            does = does or kind in b"QE"
        return does and (not text.split()[0].startswith(PASSIVE) or any(word in text for word in ACTS))


PASSIVE = (b"SELECT", b"SET", b"BEGIN")
ACTS = (b"pg_try_advisory_lock", b"pg_advisory_unlock")


@dataclass
class RelayedPostgres(Loopback):
    """A way to the PostgreSQL server at that port. A client must ask for no encryption."""

    port: int
    gate: Gate = field(default_factory=Gate)
    handler = _Relay


def _read(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _read_message(stream: BinaryIO, kind: bytes) -> bytes:
    size = _read(stream, 4)
    return kind + size + _read(stream, struct.unpack("!I", size)[0] - 4)


def _read_until(stream: BinaryIO, last: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """The messages up to one of these kinds: as they came, and kind and body of each."""
    data, messages = b"", list[tuple[bytes, bytes]]()
    while not messages or messages[-1][0] not in last:
        message = _read_message(stream, _read(stream, 1))
        data += message
        messages.append((message[:1], message[5:]))
    return data, messages
