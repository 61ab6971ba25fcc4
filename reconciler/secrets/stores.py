"""All secret stores behind their handles, and the key of the fingerprints."""

from __future__ import annotations

import hashlib
import re
from secrets import token_hex
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pydantic import SecretStr

from reconciler import files
from reconciler.core.secret import KEY_NAME, AgeFile, SecretStatus, fingerprint, parse_handle
from reconciler.errors import SecretError
from reconciler.secrets.env import EnvironmentStore
from reconciler.secrets.file import FileStore
from reconciler.secrets.operator import Configuration, configuration_path
from reconciler.storage import Backend, SecretStore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reconciler.secrets.keepers import Keeper

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Store(SecretStore, Protocol):
    """A secret store that can also say, without writing, whether it seems to take new values."""

    @property
    def writable(self) -> bool:
        """Whether a put looks possible."""


class Surroundings(NamedTuple):
    """What stores are opened in: the folder of the state, that of the stack, and what the operator gave.

    `backend` has the state where it does not lie in `home`.
    """

    home: Path
    folder: Path
    environ: Mapping[str, str]
    configuration: Configuration = Configuration.model_construct()
    age: Mapping[str, AgeFile] = {}
    backend: Backend | None = None


def open_store(name: str, around: Surroundings) -> Store:
    """The store that `name` names: `file:NAME`, `env`, `age:NAME` or `command:NAME`. SecretError for any other.

    A file store is `NAME.secrets` in the folder of the state. Nothing is read or run yet.
    """
    kind, _, rest = name.partition(":")
    if kind == "file" and _FILE_NAME.fullmatch(rest):
        return FileStore(around.home / f"{rest}.secrets")
    if name == "env":
        return EnvironmentStore(around.environ)
    if kind == "age" and rest in around.age:
        return _open_age(rest, around)
    if kind == "command" and rest in around.configuration.commands:
        from reconciler.secrets.command import CommandStore  # noqa: PLC0415 - most runs start no other program

        return CommandStore(rest, around.configuration.commands[rest], around.environ)
    if kind == "command":
        raise SecretError(
            f"the spec names the command {rest}, and {configuration_path(around.environ)} defines no such command",
            f"say there how secrets are fetched and kept, for example:\n"
            f"[commands.{rest}]\n"
            f'get = ["pass", "show", "sso/{{name}}"]\n'
            f'put = ["pass", "insert", "--multiline", "--force", "sso/{{name}}"]\n'
            f"absent = 1",
        )
    raise SecretError(f"{name} is no secret store", "write file:NAME, env, age:NAME, or command:NAME")


def _open_age(name: str, around: Surroundings) -> Store:
    from reconciler.secrets.age import AgeKeys, require_age  # noqa: PLC0415 - an extra
    from reconciler.secrets.age_store import AgeStore  # noqa: PLC0415 - an extra

    require_age()
    recipients = around.age[name].recipients
    keys = AgeKeys(f"age:{name}", recipients, around.configuration.identities, around.environ)
    return AgeStore(_find_keeper(name, around), keys)


def _find_keeper(name: str, around: Surroundings) -> Keeper:
    """Where an age store lies: in the folder of the stack, or beside the state."""
    from reconciler.secrets.keepers import Companion, SealedFile  # noqa: PLC0415 - many stacks have no age store

    file, beside = around.age[name].file, f"{name}.secrets.age"
    if not file:
        return Companion(around.backend, beside) if around.backend else SealedFile(around.home / beside)
    path = around.folder / file
    if not files.is_inside(path, around.folder):
        raise SecretError(
            f"{path} leads out of the folder of the stack", "a spec names no file outside of it: put the file there"
        )
    return SealedFile(path)


class StoredSecrets:
    """Every secret by its handle. Open it after the state was locked: a store is read once.

    Fingerprints are keyed, since a state is read by more eyes than its secrets. The key lies in the `default` store
    under `fingerprint-key`; or still in `key_store`, the one that the state names, if another one is the default by
    now: `ensure_key` carries it over. While there is none, no fingerprint was ever recorded, so that a key of this
    process will do, which `ensure_key` makes durable. Where the default store takes no values the key is derived
    from the state's lineage: that is weaker, since who reads the state can try guesses against a fingerprint. Nobody
    guesses one of the 256 random bits that Clavex makes its secrets of (facts clavex 2.5); it matters for passwords
    that people choose.
    """

    def __init__(
        self,
        *,
        default: str,
        around: Surroundings,
        lineage: str,
        key_store: str = "",
    ) -> None:
        self._default = default
        self._around = around
        self._lineage = lineage
        self._key_store = key_store or default
        self._lock = RLock()
        self._stores: dict[str, Store] = {}
        self._proved: set[str] = set()
        self._key: SecretStr | None = None
        self._key_is_durable = False

    def value(self, handle: str) -> SecretStr | None:
        """The secret, or None if its store has none of that name."""
        store, name = parse_handle(handle)
        return self._store(store).get(name)

    def put(self, handle: str, value: SecretStr) -> None:
        """Keeps the secret; durable when it returns."""
        store, name = parse_handle(handle)
        self._store(store).put(name, value)

    def check_writable(self, handle: str) -> None:
        """Proves, by writing, that the store of this secret takes values. Each store is asked once."""
        name = parse_handle(handle).store
        if name not in self._proved:
            self._store(name).check_writable()
            self._proved.add(name)

    def status(self, handle: str) -> SecretStatus:
        """Whether there is a value, its fingerprint, and whether the store seems to take values. Writes nothing."""
        kind, name = parse_handle(handle)
        store = self._store(kind)
        value = store.get(name)
        return SecretStatus(None if value is None else self.fingerprint(value), writable=store.writable)

    def fingerprint(self, value: SecretStr) -> str:
        """The keyed fingerprint of a value."""
        key = self._key or self._find_key()
        return fingerprint(key.get_secret_value().encode(), value.get_secret_value())

    def ensure_key(self) -> str:
        """The store that now holds the key; before the first fingerprint is recorded."""
        with self._lock:
            key = self._find_key()
            if not self._key_is_durable:
                self._store(self._default).put(KEY_NAME, key)
                self._key_store, self._key_is_durable = self._default, True
            return self._key_store

    def _find_key(self) -> SecretStr:
        if self._key is not None:
            return self._key
        with self._lock:
            if self._key is None:
                kept, default = self._kept_key(), self._store(self._default)
                self._key_is_durable = not default.writable or (kept is not None and self._key_store == self._default)
                self._key = kept or self._make_key()
            return self._key

    def _make_key(self) -> SecretStr:
        """A key where none is kept: the one that was derived where nothing could be kept, else a new one."""
        writable = self._store(self._key_store).writable
        return SecretStr(token_hex(32) if writable else _derive_key(self._lineage))

    def _kept_key(self) -> SecretStr | None:
        """The key from where the state says it lies, else from the default store, and then it lies there."""
        try:
            kept, failure = self._store(self._key_store).get(KEY_NAME), None
        except SecretError as problem:
            if self._key_store == self._default:
                raise
            kept, failure = None, problem
        if kept is None and self._key_store != self._default:
            kept = self._store(self._default).get(KEY_NAME)
            if kept is not None:
                self._key_store = self._default
            elif failure is not None:
                raise SecretError(
                    f"the key of the fingerprints lies in {self._key_store}: {failure.message}",
                    f"let it be read until the next apply has brought the key into {self._default}; if it is lost, "
                    f"put a long random text there under {KEY_NAME}, and every secret is written once more",
                ) from None
        return kept

    def _store(self, name: str) -> Store:
        if (store := self._stores.get(name)) is not None:
            return store
        with self._lock:
            if name not in self._stores:
                self._stores[name] = open_store(name, self._around)
            return self._stores[name]


def _derive_key(lineage: str) -> str:
    return hashlib.sha256(f"reconciler fingerprint key {lineage}".encode()).hexdigest()
