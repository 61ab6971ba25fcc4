"""Connections to one system: one for each request in flight, one TLS context for all, proxies of the environment."""

from __future__ import annotations

import os
import ssl
from collections import deque
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from reconciler.core.hosts import is_loopback
from reconciler.errors import ReconcilerError
from reconciler.transport.bounds import BoundedTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reconciler.core.intent import System


class Connections:
    """The connections to one system: each is lent to one request at a time, and made when none is free.

    httpx's own pool searches all its connections at each request, for each waiting request: with 50 threads it
    reaches less than a tenth of this.
    """

    def __init__(self, make: Callable[[], BoundedTransport]) -> None:
        self._make = make
        self._free: deque[BoundedTransport] = deque()
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[BoundedTransport]:
        """A connection for one request and its whole answer; the one that was used last, if one is free."""
        try:
            connection = self._free.pop()
        except IndexError:
            connection = self._make()
        try:
            yield connection
        finally:
            self._free.append(connection)
            if self._closed:
                self.close()

    def close(self) -> None:
        """Closes all connections; one that is still lent, since nobody waited for its thread, when it comes back."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._free.pop().close()


@contextmanager
def connections(system: System) -> Iterator[Connections]:
    """The connections to `system`. ReconcilerError if its CA, or the proxy in the environment, cannot be used."""
    proxy = find_proxy(system)
    secure = proxy is not None or system.url.startswith("https:")
    context = trust(system) if secure else _trust_nobody()
    made = Connections(lambda: BoundedTransport(context, proxy))
    try:
        yield made
    finally:
        made.close()


def find_proxy(system: System) -> httpx.Proxy | None:
    """The proxy of the system, else what the environment names for its URL, which loopback goes without.

    A proxy would look for loopback on its own machine.
    """
    parts = urlsplit(system.url)
    host = parts.hostname or ""
    found: str | None = system.proxy
    if not found and not is_loopback(host):
        proxies = getproxies()
        found = None if proxy_bypass(host) else proxies.get(parts.scheme) or proxies.get("all")
    if not found:
        return None
    try:
        proxy = httpx.Proxy(found if "://" in found else f"http://{found}")
        if proxy.url.scheme in {"http", "https"} and proxy.url.host:
            return proxy
    except (ValueError, httpx.InvalidURL):
        pass
    raise ReconcilerError(  # the value is not shown: it may hold a password
        f"the proxy of {system.url} cannot be used",
        f"give {parts.scheme}_proxy, or proxy of [systems.{system.name}], as http://HOST:PORT; "
        f"or add {host} to no_proxy",
    )


def trust(system: System) -> ssl.SSLContext:
    """The TLS context for `system`; the same for all systems that name the same CA and certificate, or none."""
    try:
        return _trust(system.ca_file, system.client_certificate, system.client_key)
    except OSError as problem:
        named = f"ca_file of [systems.{system.name}], and" if system.ca_file else ""
        if system.client_certificate:
            named = f"{named} client_certificate and client_key of [hosts], and"
        reason = problem.strerror if problem.errno and not isinstance(problem, ssl.SSLError) else "not a PEM file"
    raise ReconcilerError(
        f"the certificates for {system.url} cannot be read: {reason}",
        f"{named} SSL_CERT_FILE if it is set, must name readable files of PEM certificates".lstrip(),
    )


@cache
def _trust(ca_file: str, certificate: str, key: str) -> ssl.SSLContext:
    context = httpx.create_ssl_context()  # 30 ms; reads SSL_CERT_FILE and SSL_CERT_DIR
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    if bundle := os.environ.get("REQUESTS_CA_BUNDLE"):
        context.load_verify_locations(**{"capath" if Path(bundle).is_dir() else "cafile": bundle})
    if certificate:
        context.load_cert_chain(certificate, key or None, password=_no_password)
    return context


def _no_password() -> str:
    """A key that wants a password is refused: OpenSSL would ask for it on the terminal."""
    return ""


@cache
def _trust_nobody() -> ssl.SSLContext:
    """A TLS context that no server satisfies, where none is needed: it costs 1 ms instead of 30."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
