"""Where an age store lies: in a file, or beside the state, wherever that is kept."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reconciler import files
from reconciler.errors import SecretError, StateError
from reconciler.storage import Backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


@dataclass(frozen=True, slots=True)
class Sealed:
    """The bytes of an encrypted store (None: there is none yet), and by which version they are replaced."""

    data: bytes | None = None
    version: str = ""


class Keeper(Protocol):
    """Keeps the bytes of one encrypted store. What goes wrong is a SecretError."""

    @property
    def where(self) -> str:
        """What to call it in a message."""

    @property
    def open(self) -> bool:
        """Whether it looks as if it could be replaced. Writes nothing."""

    def read(self) -> Sealed:
        """What is there now."""

    def replace(self, old: Sealed, data: bytes) -> Sealed | None:
        """Puts `data` in the place of `old`, durable when this returns; None if something else is there by now."""

    def prove(self) -> bool:
        """Proves that it can be replaced, and changes nothing. False if only `replace` itself proves that."""


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file of this machine, which the first write makes."""

    path: Path

    @property
    def where(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def open(self) -> bool:
        """Whether the file, or else the folder that it would be in, may be written."""
        place = self.path
        with self._guard("looked at"):
            while not place.exists():
                place = place.parent
        return os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids)

    def read(self) -> Sealed:
        """What the file holds."""
        with self._guard("read"):
            return Sealed(files.read(self.path))

    def replace(self, old: Sealed, data: bytes) -> Sealed | None:
        """A new file in the place of the old one."""
        with self._guard("written"):
            files.make_directory(self.path.parent)
            return Sealed(data) if files.exchange(self.path, old.data, data) else None

    def prove(self) -> bool:
        """That there is room beside the file."""
        with self._guard("written"):
            files.make_directory(self.path.parent)
            files.prove_writable(self.path)
        return True

    def _guard(self, done: str) -> AbstractContextManager[None]:
        return files.failing_as(SecretError, self.path, done, "let this user write there, or name another file")


@dataclass(frozen=True, slots=True)
class Companion:
    """A companion of the state in its backend."""

    backend: Backend
    name: str

    @property
    def where(self) -> str:
        """The backend, and the name in it."""
        return f"{self.name} in {self.backend.where}"

    @property
    def open(self) -> bool:
        """As far as anybody knows: a backend tells only who writes."""
        return True

    def read(self) -> Sealed:
        """What the backend has."""
        with self._guard():
            return Sealed(*self.backend.companion(self.name))

    def replace(self, old: Sealed, data: bytes) -> Sealed | None:
        """By compare-and-swap of the backend."""
        with self._guard():
            version = self.backend.put_companion(self.name, data, old.version)
        return None if version is None else Sealed(data, version)

    def prove(self) -> bool:
        """A backend takes no proofs."""
        return False

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except StateError as problem:
            raise SecretError(f"{self.name} beside the state: {problem.message}", problem.remedy) from None
