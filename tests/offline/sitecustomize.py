"""No connection leaves this machine while the tests run.

Python imports a module of this name by itself, so that programs which tests start are held to it as well, where
PYTHONPATH names this folder.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from urllib.parse import urlsplit

REAL = urlsplit(os.environ.get("RECONCILER_TEST_CLAVEX_URL", "")).hostname
"""The server that somebody asked to be tested against, wherever it is."""
OFFLINE = os.path.dirname(__file__)  # noqa: PTH120 - every program pays for what is imported here
"""What PYTHONPATH names for a program that a test starts."""
ATTEMPTS: list[str] = []
"""Where somebody tried to connect to; the end of a test run fails if there is one."""


class NetworkIsOffError(RuntimeError):
    """Not an OSError, which would pass for a system that is down."""


def is_here(host: str) -> bool:
    """Whether the host is this machine, without asking anybody."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host in {"", "localhost", REAL} or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified or host == REAL


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event not in {"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}:
        return
    target = arguments[1] if event in {"socket.connect", "socket.sendto"} else arguments[:1]
    host = target[0] if isinstance(target, tuple) else None  # a socket in the file system has a path
    name = host.decode() if isinstance(host, bytes) else host
    if isinstance(name, str) and name.endswith(".invalid"):  # RFC 6761: there is none, and nobody need be asked
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if isinstance(name, str) and not is_here(name):
        ATTEMPTS.append(name)
        raise NetworkIsOffError(f"a test wants to talk to {name}: the network is off")


sys.addaudithook(_watch)
