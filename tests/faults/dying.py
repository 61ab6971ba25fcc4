"""A command in a process of its own that dies, or finds its disk broken, at exactly one request or write.

The process is a fork of this one: a second of start-up less for each of hundreds of points. What it does is counted
and spoilt from within, by hooks around the calls of the operating system and of the HTTP library, so that the product
knows nothing of it.
"""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from acceptance.workplace import Ran

from reconciler.sandbox.faults import READS

if TYPE_CHECKING:
    from acceptance.workplace import Workplace

PATIENCE = 60
"""Seconds after which a process that hangs is ended."""
WRITES = ("write", "ftruncate", "fsync", "replace", "link", "unlink", "mkdir")
"""The calls that make something of what a state is durable."""
BROKEN = {"disk full": errno.ENOSPC, "disk read-only": errno.EROFS, "disk broken": errno.EIO}
SPOILT = {
    "disk full": {"write", "mkdir", "link"},
    "disk read-only": {*WRITES, "open"} - {"fsync", "write"},
    "disk broken": {"fsync"},
}
"""Which calls fail, from the point on: a full disk still renames, one that is read-only still has open files."""


@dataclass(frozen=True)
class Point:
    """Where and how a run is struck, at the `number`th (from 0) request that writes, or write to the disk.

    unsent, unwritten: it dies before that; answered: when the answer has come, and nothing was done with it; torn:
    half-way in the next write of data; power: before it, and what was not synced is lost; the keys of BROKEN: it
    lives, and the disk fails from there on.
    """

    way: str
    number: int

    @property
    def of_requests(self) -> bool:
        """Whether requests are counted, and not writes."""
        return self.way in {"unsent", "answered"}


NOWHERE = Point("", -1)


@dataclass
class Seen:
    """What a run did: how it ended (None: it was killed), its requests that write, its writes in their order.

    kept: how many of its writes to a backend came to a gate.
    """

    ran: Ran | None
    requests: int = 0
    writes: list[str] = field(default_factory=list)
    kept: int = 0


@dataclass(frozen=True)
class Launched:
    """A command under way in a process of its own."""

    place: Workplace
    pid: int
    reader: int

    def end(self) -> Seen:
        """What it did, when it has ended."""
        with os.fdopen(self.reader, "rb") as pipe:
            told = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        if code := os.waitstatus_to_exitcode(status):
            assert code == -signal.SIGKILL, f"it hung, or ended with {code}"
            return Seen(None)
        content = json.loads(told)
        ran = Ran(*content["ran"])
        self.place.shown += [ran.out, ran.err]
        return Seen(ran, content["requests"], content["writes"])


def launch(place: Workplace, point: Point, *arguments: str) -> Launched:
    """Begins a command in a process of its own, struck at that point."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            signal.alarm(PATIENCE)
            hooks = _Hooks(place.folder, point)
            hooks.install()
            ran = place.run(*arguments)
            hooks.over = True
            _tell(writer, {"ran": [ran.code, ran.out, ran.err], "requests": hooks.requests, "writes": hooks.writes})
        finally:
            os._exit(0)
    os.close(writer)
    return Launched(place, child, reader)


def strike(place: Workplace, point: Point, *arguments: str) -> Seen:
    """Runs a command in a process of its own, struck at that point."""
    return launch(place, point, *arguments).end()


def _tell(writer: int, content: dict[str, Any]) -> None:
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(json.dumps(content).encode())


class _Hooks:
    """The counting and the striking, within the process."""

    def __init__(self, folder: Path, point: Point) -> None:
        self.folder, self.point = str(folder), point
        self.requests = 0
        self.writes: list[str] = []
        self.over = False
        self._struck = False
        self._synced: dict[str, int] = {}

    def install(self) -> None:
        send = httpx.HTTPTransport.handle_request

        def handle(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            if request.method in READS:
                return send(transport, request)
            here = self.point.of_requests and self.requests == self.point.number
            self.requests += 1
            if here and self.point.way == "unsent":
                _die()
            answer = send(transport, request)
            if here:
                _die()
            return answer

        httpx.HTTPTransport.handle_request = handle
        for name in (*WRITES, "open"):
            setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def act(first: Any, *rest: Any, **options: Any) -> Any:
            path = Path(f"/proc/self/fd/{first}").readlink() if isinstance(first, int) else first
            if self.over or not str(path).startswith(self.folder):
                return call(first, *rest, **options)
            creates = name != "open" or rest[0] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR)
            if name != "open":
                self._reach(name, first, rest)
            if self._struck and creates and name in SPOILT[self.point.way]:
                number = BROKEN[self.point.way]
                raise OSError(number, os.strerror(number))
            if name == "write":
                self._synced.setdefault(str(path), os.fstat(first).st_size)
            elif name == "fsync":
                self._synced.pop(str(path), None)
            return call(first, *rest, **options)

        return act

    def _reach(self, name: str, first: Any, rest: tuple[Any, ...]) -> None:
        """One more write; the process dies if it is the one."""
        way = self.point.way
        self.writes.append(name)
        here = len(self.writes) > self.point.number and (way != "torn" or name == "write")
        if self.point.of_requests or self.point == NOWHERE or not here:
            return
        if way in BROKEN:
            self._struck = True
            return
        if way == "torn":
            os.pwrite(first, rest[0][: len(rest[0]) // 2], os.fstat(first).st_size)
        if way == "power":
            for path, size in self._synced.items():
                if Path(path).exists():
                    os.truncate(path, size)
        _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
