"""A system that says it is too much, and one that never ends: fewer requests at once, a budget, a last moment."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from http_stub import raw, reply, serve

from reconciler.core.intent import System
from reconciler.errors import BadAnswerError, StatusError, UnreachableError
from reconciler.transport import bodies, bounds
from reconciler.transport.budget import Retries
from reconciler.transport.connections import Connections
from reconciler.transport.gate import Gate
from reconciler.transport.http import open_http

if TYPE_CHECKING:
    from collections.abc import Iterator


def system(url: str) -> System:
    return System("clavex", "clavex", url)


# --- fewer at once ------------------------------------------------------------------------------------------------


class Meter:
    """How many were inside at once, at most."""

    def __init__(self) -> None:
        self.most, self._inside, self._lock = 0, 0, threading.Lock()

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1


def pass_through(gate: Gate, count: int, *, busy: bool = False, wait: float = 0.0) -> None:
    """So many requests side by side, of which all end so."""
    here = threading.Barrier(count)

    def one(_: int) -> None:
        with gate.passing(again=True) as passage:
            here.wait(5)
            passage.busy, passage.wait = busy, wait

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(one, range(count)))


def test_no_more_are_let_through_than_may_be() -> None:
    gate, together = Gate(3), Meter()

    def one(_: int) -> None:
        with gate.passing(again=False), together.counted():
            threading.Event().wait(0.005)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(one, range(60)))
    assert together.most == 3


def test_one_burst_of_refusals_halves_what_goes_at_once() -> None:
    gate = Gate(8)
    pass_through(gate, 8)
    assert gate.width == 8
    pass_through(gate, 8, busy=True)
    assert gate.width == 4
    pass_through(gate, 4, busy=True)
    assert gate.width == 2
    pass_through(gate, 2, busy=True)
    pass_through(gate, 1, busy=True)
    assert gate.width == 1


def test_half_of_those_on_their_way_go_on_where_more_might() -> None:
    gate = Gate(20)
    pass_through(gate, 6, busy=True)
    assert gate.width == 3


def test_the_gate_grows_again_and_is_open_in_the_end() -> None:
    gate = Gate(8)
    pass_through(gate, 8, busy=True)
    widths = []
    for _ in range(60):
        pass_through(gate, 1)
        widths.append(gate.width)
    assert [*dict.fromkeys(widths)] == [4, 5, 6, 7, 8]


def test_nobody_begins_before_the_time_that_a_system_named(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    gate = Gate(8)
    pass_through(gate, 2, busy=True, wait=20.0)
    monkeypatch.setattr("reconciler.transport.gate.time.sleep", slept.append)
    with gate.passing(again=True):
        assert slept == []
    with gate.passing(again=False):
        assert 19 < slept[0] <= 20


def test_who_waits_at_the_gate_begins_no_sooner_either() -> None:
    gate, begun = Gate(1), []
    inside = threading.Event()

    def refused() -> None:
        with gate.passing(again=False) as passage:
            inside.set()
            threading.Event().wait(0.1)
            passage.busy, passage.wait = True, 0.4

    def one(_: int, *, again: bool = False) -> None:
        with gate.passing(again=again):
            begun.append((again, time.monotonic()))

    with ThreadPoolExecutor(5) as pool:
        pool.submit(refused)
        assert inside.wait(5)
        since = time.monotonic()
        waiting = [pool.submit(one, number) for number in range(3)]
        waiting.append(pool.submit(one, 3, again=True))  # has waited by itself, and is not held up by the others
        for each in waiting:
            each.result(5)
    assert [again for again, _ in begun] == [True, False, False, False]
    assert all(when - since > 0.45 for _, when in begun[1:])


@contextmanager
def bounded(most: int, retry_after: str) -> Iterator[tuple[str, list[int]]]:
    """A server that takes `most` requests at once, and answers 429 to the others: its URL, and every status."""
    inside, lock, answered = [0], threading.Lock(), []

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with lock:
                inside[0] += 1
                status = 200 if inside[0] <= most else 429
            threading.Event().wait(0.01)  # not time.sleep, which the tests replace
            with lock:
                inside[0] -= 1
                answered.append(status)
            self.send_response(status)
            if status == 429 and retry_after:
                self.send_header("Retry-After", retry_after)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", answered
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@pytest.mark.parametrize("retry_after", ["", "0"])
def test_a_system_that_takes_few_at_once_gets_few_at_once(
    retry_after: str, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.transport.retry.ATTEMPTS", 50)
    retries = Retries(500)
    with bounded(3, retry_after) as (url, answered), open_http(system(url), {}, retries=retries) as http:
        with ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(lambda _: http.get("/x").status, range(150)))
        refused = answered.count(429)
    assert statuses == [200] * 150
    assert refused == retries.spent
    assert 0 < refused < 100  # it has learned: 22 to 34 were measured, and 187 to 294 where it does not


# --- the budget ---------------------------------------------------------------------------------------------------


def test_a_budget_that_is_spent_ends_the_retries_and_says_so(naps: list[float]) -> None:
    retries = Retries(3)
    with serve(reply(429)) as stub, open_http(system(stub.url), {}, retries=retries) as http:
        for _ in range(2):
            with pytest.raises(StatusError) as caught:
                http.get("/x")
    assert "this run has sent 3 requests again, and may not do so more often (--retries)" in caught.value.remedy
    assert len(stub.seen) == 2 + 3
    assert retries.summary == "requests sent again: 3 of at most 3 (clavex 3)"


def test_a_budget_is_for_all_systems_of_a_run(naps: list[float]) -> None:
    retries = Retries()
    assert retries.summary == ""
    with serve(reply(503), reply(200, {})) as one, serve(reply(503), reply(200, {})) as two:
        for name, stub in (("jira", one), ("clavex", two)):
            with open_http(System(name, name, stub.url), {}, retries=retries) as http:
                http.get("/x")
    assert retries.summary == "requests sent again: 2 of at most 200 (clavex 1, jira 1)"


def test_without_a_budget_nothing_is_sent_again(naps: list[float]) -> None:
    with (
        serve(reply(503)) as stub,
        open_http(system(stub.url), {}, retries=Retries(0)) as http,
        pytest.raises(StatusError, match="503") as caught,
    ):
        http.get("/x")
    assert "--retries" in caught.value.remedy
    assert len(stub.seen) == 1


# --- the last moment ----------------------------------------------------------------------------------------------


def test_a_head_that_comes_byte_by_byte_is_given_up(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    """Each byte comes well within the time-out of a read."""
    monkeypatch.setattr(bounds, "LONGEST", 0.2)
    over = threading.Event()

    def drip(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not over.wait(0.02):
            sock.sendall(b"x")

    with serve(drip) as stub, open_http(system(stub.url), {}, retries=Retries(0)) as http:
        started = time.monotonic()
        with pytest.raises(UnreachableError, match="no answer in time"):
            http.get("/x")
        assert time.monotonic() - started < 10
        over.set()


# --- the size -----------------------------------------------------------------------------------------------------


def get(body: bytes, encoding: str) -> bytes | str:
    """What is read of such an answer, or what is said of it."""
    with serve(reply(200, body, content_encoding=encoding)) as stub, open_http(system(stub.url), {}) as http:
        try:
            return bytes(http.get("/x").content)
        except BadAnswerError as problem:
            return problem.message.partition(": ")[2]


def test_what_is_packed_is_unpacked() -> None:
    raw_deflate = zlib.compressobj(wbits=-15)
    text = b'{"a": 1}' * 9999
    assert get(gzip.compress(text), "gzip") == text
    assert get(gzip.compress(text), "X-GZIP") == text
    assert get(zlib.compress(text), "deflate") == text
    assert get(raw_deflate.compress(text) + raw_deflate.flush(), "deflate") == text
    assert get(text, "identity") == text


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_never_unpacked_whole(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(bodies, "LARGEST", 2 << 20)
    largest: list[int] = []
    gather = bodies._gather

    def watched(parts: Iterator[bytes]) -> object:
        return gather(part for part in parts if not largest.append(len(part)))

    monkeypatch.setattr(bodies, "_gather", watched)
    bomb = (gzip.compress if encoding == "gzip" else zlib.compress)(bytes(200 << 20))
    assert get(bomb, encoding) == "the answer is larger than 2 MiB"
    assert max(largest) <= 1 << 20
    assert sum(largest) <= 4 << 20


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "gzip, deflate"])
def test_what_is_packed_twice_or_strangely_is_not_touched(encoding: str) -> None:
    bomb = gzip.compress(gzip.compress(bytes(1 << 20)))
    assert get(bomb, encoding) == "the answer is compressed in a way that was not asked for"


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"{}" * 9999)[:-9], b"no gzip", gzip.compress(b"{}" * 9999)[:40] + b"x" * 40],
    ids=["cut short", "no gzip", "broken"],  # gzip writes the time into what it packs
)
def test_what_is_broken_or_cut_short_is_said(body: bytes) -> None:
    assert get(body, "gzip") == "the answer is compressed, and broken"
    assert get(body, "deflate") == "the answer is compressed, and broken"


def test_an_empty_body_may_say_that_it_is_packed() -> None:
    empty = raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n")
    with serve(empty) as stub, open_http(system(stub.url), {}) as http:
        assert http.get("/x").content == b""


# --- connections --------------------------------------------------------------------------------------------------


class Closable(bounds.BoundedTransport):
    """A connection that knows whether it is closed."""

    def __init__(self) -> None:
        super().__init__(ssl.create_default_context(), None)
        self.closed = False

    def close(self) -> None:
        super().close()
        self.closed = True


def test_a_connection_is_lent_to_one_at_a_time_and_then_to_the_next() -> None:
    lent = Connections(Closable)
    with lent.lend() as one, lent.lend() as other:
        assert one is not other
    with pytest.raises(ZeroDivisionError), lent.lend() as again:
        raise ZeroDivisionError
    assert again is one
    with lent.lend() as again:
        assert again is one
    lent.close()
    assert isinstance(one, Closable)
    assert isinstance(other, Closable)
    assert (one.closed, other.closed) == (True, True)


def test_a_connection_that_nobody_waited_for_is_closed_when_it_comes_back() -> None:
    lent = Connections(Closable)
    with lent.lend() as one:
        lent.close()
        assert isinstance(one, Closable)
        assert not one.closed
    assert one.closed
