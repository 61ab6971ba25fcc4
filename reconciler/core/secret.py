"""What the core knows of secrets: handles and keyed fingerprints, never values."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

KEY_NAME = "fingerprint-key"
"""The name, in a secret store, of the key of the fingerprints. No other secret is called so."""
_ENVIRONMENT = "env"


class Handle(NamedTuple):
    """The name of a secret: which store (`file:acme`, `env`, `command:vault`) and which name in it."""

    store: str
    name: str

    def __str__(self) -> str:
        """As a spec spells it: `env:NAME`, `file:STORE#NAME`, `command:STORE#NAME`."""
        return f"{self.store}{':' if self.store == _ENVIRONMENT else '#'}{self.name}"


def parse_handle(text: str) -> Handle:
    """The handle that `str(handle)` spelled; older states hold `env#NAME` for `env:NAME`."""
    if text.startswith("env:"):
        return Handle(_ENVIRONMENT, text.removeprefix("env:"))
    store, _, name = text.rpartition("#")
    return Handle(store, name)


def fingerprint(key: bytes, value: str) -> str:
    """What is recorded of a secret: 32 hex digits that tell whether two values are equal, to who has the key.

    Keyed BLAKE2b, which takes a third of the time of an HMAC; keys have up to 64 bytes.
    """
    return hashlib.blake2b(value.encode(), key=key, digest_size=16).hexdigest()


class AgeFile(NamedTuple):
    """An encrypted file of secrets: whom it is encrypted for, and its path in the folder of the stack.

    Without a path it lies beside the state, wherever that is kept.
    """

    recipients: tuple[str, ...]
    file: str = ""


class SecretStatus(NamedTuple):
    """What is known of one handle while planning.

    `fingerprint` is that of the value in the store, None when the store has none. `writable` says whether the
    store takes new values. `proved` is what the server said of the value: right, wrong, or None (not asked, or no
    answer; then `doubt` says why).
    """

    fingerprint: str | None = None
    writable: bool = False
    proved: bool | None = None
    doubt: str = ""
