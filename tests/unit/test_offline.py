"""The network is off in every test, and in the programs that tests start."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from offline.sitecustomize import ATTEMPTS, NetworkIsOffError, is_here

if TYPE_CHECKING:
    from collections.abc import Iterator

ELSEWHERE = "192.0.2.1"  # RFC 5737: nobody's


@pytest.fixture
def attempts() -> Iterator[list[str]]:
    """What was tried; here it is meant."""
    yield ATTEMPTS
    ATTEMPTS.clear()


def test_no_socket_leaves_this_machine(attempts: list[str]) -> None:
    with socket.socket() as stream, pytest.raises(NetworkIsOffError, match=ELSEWHERE):
        stream.connect((ELSEWHERE, 80))
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams, pytest.raises(NetworkIsOffError):
        datagrams.sendto(b"", (ELSEWHERE, 53))
    with pytest.raises(NetworkIsOffError):
        asyncio.run(asyncio.open_connection(ELSEWHERE, 80))
    with pytest.raises(NetworkIsOffError):
        socket.getaddrinfo("jira.acme.eu", 443)
    assert attempts == [*[ELSEWHERE] * 3, "jira.acme.eu"]


def test_this_machine_is_reached(attempts: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        assert attempts == []
    assert all(map(is_here, ("127.0.0.1", "127.1.2.3", "::1", "localhost", "")))
    assert not any(map(is_here, (ELSEWHERE, "2001:db8::1", "acme.eu", "localhost.acme.eu")))


def test_programs_are_held_to_it_too() -> None:
    script = f"import socket; socket.create_connection(('{ELSEWHERE}', 80))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode
    assert f"a test wants to talk to {ELSEWHERE}: the network is off" in ran.stderr
