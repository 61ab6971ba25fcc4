"""Secrets in one document that age encrypts: it may lie in Git, or beside a state that others can read."""

from __future__ import annotations

import json
from threading import RLock
from typing import TYPE_CHECKING

from pydantic import ConfigDict, SecretStr, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from reconciler.errors import SecretError

if TYPE_CHECKING:
    from reconciler.secrets.age import AgeKeys
    from reconciler.secrets.keepers import Keeper, Sealed

_ATTEMPTS = 5


@with_config(ConfigDict(extra="forbid", strict=True))
class _Content(TypedDict):
    format: str
    version: int
    secrets: dict[str, SecretStr]


_CONTENT = TypeAdapter(_Content)


class AgeStore:
    """The secrets in an encrypted document, which the first write makes.

    Each write decrypts what is there, adds, and puts a new document in its place, if nobody else did meanwhile.
    Without an identity one that is there can be neither read nor added to: the others' secrets would be lost.
    """

    def __init__(self, keeper: Keeper, keys: AgeKeys) -> None:
        self._keeper = keeper
        self._keys = keys
        self._lock = RLock()
        self._known: tuple[Sealed, dict[str, SecretStr]] | None = None

    @property
    def writable(self) -> bool:
        """Whether it looks as if secrets could be added. Writes nothing."""
        if not self._keys.identities and self._keeper.read().data is not None:
            return False
        return self._keeper.open

    def get(self, name: str) -> SecretStr | None:
        """The secret, as the document had it when it was first asked, or as it was put since."""
        with self._lock:
            return self._current()[1].get(name)

    def put(self, name: str, value: SecretStr) -> None:
        """Adds the secret; durable when it returns."""
        self._add({name: value})

    def check_writable(self) -> None:
        """Encrypts what is there anew, reads that back, and proves that it could be kept.

        SecretError too if this run's own identity is not among the recipients: it could not read what it keeps.
        """
        with self._lock:
            proof = self._keys.encrypt(_encode(self._current()[1]))
            if self._keys.identities:
                self._keys.decrypt(proof, f"what would be written to {self._keeper.where}")
            if not self._keeper.prove():
                self._add({})

    def _add(self, more: dict[str, SecretStr]) -> None:
        with self._lock:
            for _ in range(_ATTEMPTS):
                old, secrets = self._current()
                secrets = {**secrets, **more}
                new = self._keeper.replace(old, self._keys.encrypt(_encode(secrets)))
                if new is not None:
                    self._known = new, secrets
                    return
                self._known = None
        raise SecretError(f"{self._keeper.where} is written by somebody else all the time", "run the command again")

    def _current(self) -> tuple[Sealed, dict[str, SecretStr]]:
        """What was last read or written. Whoever replaces something else than that is told."""
        if self._known is None:
            self._known = self._read()
        return self._known

    def _read(self) -> tuple[Sealed, dict[str, SecretStr]]:
        found = self._keeper.read()
        if found.data is None:
            return found, {}
        plain = self._keys.decrypt(found.data, self._keeper.where)
        try:
            content = _CONTENT.validate_json(plain)
        except ValidationError:  # it holds the text, so it must not be the context of what is raised
            content = None
        if content is None or (content["format"], content["version"]) != ("reconciler secrets", 1):
            raise SecretError(
                f"{self._keeper.where} was decrypted, and is no secret store of this version of reconciler",
                "put it back from Git or a backup, or name another file",
            )
        return found, content["secrets"]


def _encode(secrets: dict[str, SecretStr]) -> bytes:
    plain = {name: secret.get_secret_value() for name, secret in sorted(secrets.items())}
    content = {"format": "reconciler secrets", "version": 1, "secrets": plain}
    return json.dumps(content, indent=1).encode()
