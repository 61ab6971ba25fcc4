"""Which host a URL means."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def is_below(url: str, base: str) -> bool:
    """Whether `url` is `base` or lies below it, on the same host."""
    try:
        if _host(url) != _host(base):
            return False
        given, wanted = urlsplit(url).path, urlsplit(base).path
    except ValueError:  # a port that is no number, a host that is none
        return False
    if {".", ".."} & set(given.split("/")) or "%2e" in given.lower():
        return False
    return given.rstrip("/") == wanted.rstrip("/") or given.startswith(f"{wanted.rstrip('/')}/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or number alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _host(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
