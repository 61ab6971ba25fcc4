"""Connections to one system: one for each thread, one TLS context for all, proxies from the environment."""

from __future__ import annotations

import ssl
import threading
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from reconciler.errors import ReconcilerError
from reconciler.transport.bounds import BoundedTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.intent import System


class PerThread(httpx.BaseTransport):
    """A transport with one connection for each thread that uses it.

    httpx's own pool searches all its connections at each request, for each waiting request: with 50 threads it
    reaches less than a tenth of this.
    """

    def __init__(self, make: Callable[[], BoundedTransport]) -> None:
        self._make = make
        self._local = threading.local()
        self._all: list[BoundedTransport] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, over the connection of this thread."""
        own: BoundedTransport | None = getattr(self._local, "transport", None)
        if own is None:
            own = self._local.transport = self._make()
            self._all.append(own)
        return own.handle_request(request)

    def close(self) -> None:
        """Closes the connections of all threads."""
        for transport in self._all:
            transport.close()


def make_transport(system: System) -> PerThread:
    """The connections to `system`. ReconcilerError if its CA, or the proxy in the environment, cannot be used."""
    proxy = find_proxy(system.url)
    secure = proxy is not None or system.url.startswith("https:")
    context = trust(system) if secure else _trust_nobody()
    return PerThread(lambda: BoundedTransport(context, proxy))


def find_proxy(url: str) -> httpx.Proxy | None:
    """The proxy that the environment names for `url`. None for loopback: a proxy would look on its own machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in {"localhost", "::1"} or host.startswith("127."):
        return None
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or proxy_bypass(host):
        return None
    try:
        proxy = httpx.Proxy(found if "://" in found else f"http://{found}")
        if proxy.url.scheme in {"http", "https"} and proxy.url.host:
            return proxy
    except (ValueError, httpx.InvalidURL):
        pass
    raise ReconcilerError(  # the value is not shown: it may hold a password
        f"the proxy that the environment names for {parts.scheme} cannot be used",
        f"give {parts.scheme}_proxy as http://HOST:PORT, or add {host} to no_proxy",
    )


def trust(system: System) -> ssl.SSLContext:
    """The TLS context for `system`; the same for all systems that name the same CA, or none."""
    try:
        return _trust(system.ca_file)
    except OSError as problem:
        named = f"ca_file of [systems.{system.name}], and" if system.ca_file else ""
        reason = problem.strerror if problem.errno and not isinstance(problem, ssl.SSLError) else "not a PEM file"
    raise ReconcilerError(
        f"the certificates for {system.url} cannot be read: {reason}",
        f"{named} SSL_CERT_FILE if it is set, must name readable files of PEM certificates".lstrip(),
    )


@cache
def _trust(ca_file: str) -> ssl.SSLContext:
    context = httpx.create_ssl_context()  # 30 ms; reads SSL_CERT_FILE and SSL_CERT_DIR
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


@cache
def _trust_nobody() -> ssl.SSLContext:
    """A TLS context that no server satisfies, where none is needed: it costs 1 ms instead of 30."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
