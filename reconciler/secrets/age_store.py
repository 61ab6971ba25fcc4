"""Secrets in one file that age encrypts: it may lie in Git, or beside a state that others can read."""

from __future__ import annotations

import json
import os
from threading import RLock
from typing import TYPE_CHECKING

from pydantic import ConfigDict, SecretStr, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from reconciler import files
from reconciler.errors import SecretError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from reconciler.secrets.age import AgeKeys

_ATTEMPTS = 5


@with_config(ConfigDict(extra="forbid", strict=True))
class _Content(TypedDict):
    format: str
    version: int
    secrets: dict[str, SecretStr]


_CONTENT = TypeAdapter(_Content)


class AgeStore:
    """The secrets in the encrypted file `path`, which the first write makes.

    Each write decrypts what is there, adds, and puts a new file in its place, if nobody else did meanwhile. Without
    an identity a file that is there can be neither read nor added to: the others' secrets would be lost.
    """

    def __init__(self, path: Path, keys: AgeKeys) -> None:
        self._path = path
        self._keys = keys
        self._lock = RLock()
        self._known: tuple[bytes | None, dict[str, SecretStr]] | None = None

    @property
    def writable(self) -> bool:
        """Whether it looks as if secrets could be added. Writes nothing."""
        place = self._path
        with self._guard("looked at"):
            if place.exists() and not self._keys.identities:
                return False
            while not place.exists():
                place = place.parent
        return os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids)

    def get(self, name: str) -> SecretStr | None:
        """The secret, as the file had it when it was first asked, or as it was put since."""
        with self._lock:
            if self._known is None:
                self._known = self._read()
            return self._known[1].get(name)

    def put(self, name: str, value: SecretStr) -> None:
        """Adds the secret; durable when it returns."""
        with self._lock:
            for _ in range(_ATTEMPTS):
                old, secrets = self._current()
                secrets = {**secrets, name: value}
                new = self._keys.encrypt(_encode(secrets))
                with self._guard("written"):
                    files.make_directory(self._path.parent)
                    done = files.exchange(self._path, old, new)
                if done:
                    self._known = new, secrets
                    return
        raise SecretError(f"{self._path} is written by somebody else all the time", "run the command again")

    def check_writable(self) -> None:
        """Encrypts what is there anew, reads that back, and proves that there is room for it.

        SecretError too if this run's own identity is not among the recipients: it could not read what it keeps.
        """
        with self._lock:
            _, secrets = self._current()
            proof = self._keys.encrypt(_encode(secrets))
            if self._keys.identities:
                self._keys.decrypt(proof, f"what would be written to {self._path}")
            with self._guard("written"):
                files.make_directory(self._path.parent)
                files.prove_writable(self._path)

    def _current(self) -> tuple[bytes | None, dict[str, SecretStr]]:
        """What the file holds now, decrypted only if it is not what this process knows already."""
        if self._known is None or self._bytes() != self._known[0]:
            self._known = self._read()
        return self._known

    def _bytes(self) -> bytes | None:
        with self._guard("read"):
            return files.read(self._path)

    def _read(self) -> tuple[bytes | None, dict[str, SecretStr]]:
        data = self._bytes()
        if data is None:
            return None, {}
        plain = self._keys.decrypt(data, str(self._path))
        try:
            content = _CONTENT.validate_json(plain)
        except ValidationError:  # it holds the text, so it must not be the context of what is raised
            content = None
        if content is None or (content["format"], content["version"]) != ("reconciler secrets", 1):
            raise SecretError(
                f"{self._path} was decrypted, and is no secret store of this version of reconciler",
                "put it back from Git or a backup, or name another file",
            )
        return data, content["secrets"]

    def _guard(self, done: str) -> AbstractContextManager[None]:
        return files.failing_as(SecretError, self._path, done, "let this user write there, or name another file")


def _encode(secrets: dict[str, SecretStr]) -> bytes:
    plain = {name: secret.get_secret_value() for name, secret in sorted(secrets.items())}
    content = {"format": "reconciler secrets", "version": 1, "secrets": plain}
    return json.dumps(content, indent=1).encode()
