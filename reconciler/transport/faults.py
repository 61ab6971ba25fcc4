"""Why no answer came, and whether the request may have been carried out all the same."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, NamedTuple

import httpx

if TYPE_CHECKING:
    from reconciler.core.intent import System


class Lost(NamedTuple):
    """No whole answer came.

    `arrived`: the request may have reached the system. `passing`: trying again may help. `bad`: an answer came,
    and it was unfit. `tls`: there is no TLS, or none that can be trusted.
    """

    reason: str
    remedy: str = ""
    arrived: bool = True
    passing: bool = True
    bad: bool = False
    tls: bool = False


def explain(error: httpx.HTTPError, system: System) -> Lost:
    """What a failure of httpx means. Its text is never passed on: it may quote headers."""
    cause = _root(error)
    table = f"[systems.{system.name}]"
    match error:
        case httpx.ConnectTimeout():
            return Lost("no connection in time", f"is the url of {table} right, and is it running?", arrived=False)
        case httpx.ConnectError() | httpx.ProxyError() if isinstance(cause, ssl.SSLError):
            return _tls(cause, table)
        case httpx.ProxyError():
            return Lost("the proxy refused to connect", "is the proxy in the environment right?", arrived=False)
        case httpx.ConnectError():
            reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else "no connection"
            remedy = f"is the url of {table} right, is the system running, and can it be reached from here?"
            return Lost(reason[0].lower() + reason[1:], remedy, arrived=False)
        case httpx.TimeoutException():
            return Lost("no answer in time", "is the system overloaded?")
        case httpx.DecodingError():
            return Lost("the answer is compressed, and broken", passing=False, bad=True)
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol():
            return Lost("the request cannot be sent", f"is the url of {table} right?", arrived=False, passing=False)
        case _:
            return Lost("the connection was cut before the whole answer came", "is a proxy in front?")


def _root(error: BaseException) -> BaseException:
    while not isinstance(error, OSError) and (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return error


def _tls(cause: ssl.SSLError, table: str) -> Lost:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Lost(
            f"the certificate is not trusted: {cause.verify_message}",
            f"if the system has a CA of its own, name it in ca_file of {table} or in SSL_CERT_FILE",
            arrived=False,
            passing=False,
            tls=True,
        )
    return Lost(
        f"no TLS: {(cause.reason or 'handshake failed').lower().replace('_', ' ')}",
        f"does the url of {table} mean http, or another port?",
        arrived=False,
        passing=False,
        tls=True,
    )
