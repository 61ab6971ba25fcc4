"""Which redirect URIs a client of Clavex accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WILDCARD = "*."


def accepts(registered: Iterable[str], uri: str) -> bool:
    """Whether Clavex takes a redirect URI: exact text, or one first label for `*` (facts clavex 2.4)."""
    return any(uri == one or _matches(one, uri) for one in registered)


def _matches(pattern: str, uri: str) -> bool:
    scheme, _, wanted = pattern.partition("://")
    if scheme not in {"http", "https"} or not wanted.startswith(_WILDCARD):
        return False
    same_scheme, _, given = uri.partition("://")
    label, _, rest = given.partition(".")
    return same_scheme == scheme and bool(label) and "/" not in label and rest == wanted.removeprefix(_WILDCARD)
