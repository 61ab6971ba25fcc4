"""A connection on which an answer has a last moment: time-outs alone let a server send a byte a minute for ever."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

LONGEST = 120.0
"""Seconds for one answer, head and body."""
KEPT = 30
"""Seconds that a connection without work is kept."""


class BoundedTransport(httpx.HTTPTransport):
    """One connection. All that an answer takes, from connecting to the end of its body, ends by a last moment."""

    def __init__(self, context: ssl.SSLContext, proxy: httpx.Proxy | None) -> None:
        super().__init__(verify=context)
        self._bounds = _Bounds()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            proxy=_proxy(proxy, context) if proxy else None,
            max_connections=1,
            keepalive_expiry=KEPT,
            network_backend=self._bounds,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer; reading its body is under the same bound."""
        self._bounds.last = monotonic() + LONGEST
        return super().handle_request(request)


def _proxy(proxy: httpx.Proxy, context: ssl.SSLContext) -> httpcore.Proxy:
    url = proxy.url
    return httpcore.Proxy(
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        auth=proxy.raw_auth,
        headers=proxy.headers.raw,
        ssl_context=context if url.scheme == "https" else None,
    )


class _Bounds(httpcore.NetworkBackend):
    """Sockets of which no operation lasts beyond `last`."""

    def __init__(self) -> None:
        self._sockets = httpcore.SyncBackend()
        self.last = float("inf")

    def left(self, timeout: float | None) -> float:
        """The seconds that an operation may take; at least a moment, in which it says that it was too long."""
        return max(0.001, min(self.last - monotonic(), float("inf") if timeout is None else timeout))

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection."""
        stream = self._sockets.connect_tcp(host, port, self.left(timeout), local_address, socket_options)
        return _BoundedStream(stream, self)


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, bounds: _Bounds) -> None:
        self._stream = stream
        self._bounds = bounds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What came."""
        return self._stream.read(max_bytes, self._bounds.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Sends."""
        self._stream.write(buffer, self._bounds.left(timeout))

    def close(self) -> None:
        """Closes."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same, encrypted."""
        stream = self._stream.start_tls(ssl_context, server_hostname, self._bounds.left(timeout))
        return _BoundedStream(stream, self._bounds)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore has it
        """What httpcore wants to know of the socket."""
        return self._stream.get_extra_info(info)
