"""Secrets in a file: one JSON line each, appended, the last of a name wins. For its owner alone (mode 0600)."""

from __future__ import annotations

import json
import os
from functools import cache, cached_property
from threading import RLock
from typing import TYPE_CHECKING

from pydantic import ConfigDict, SecretStr, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from reconciler import files
from reconciler.errors import SecretError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path


@with_config(ConfigDict(extra="forbid", strict=True))
class _Line(TypedDict):  # half the time of a model, and there are thousands
    name: str
    value: SecretStr


class FileStore:
    """The secrets in the file `path`, which the first write makes. One process writes at a time.

    Every call raises SecretError if the file is not this user's own, lets others in, is a link, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        self._values: dict[str, SecretStr] | None = None
        self._lines: files.LineFile | None = None

    @cached_property
    def writable(self) -> bool:
        """Whether it looks as if the file could be written, when it was first asked. Writes nothing."""
        place = self._path
        with self._guard("looked at"):
            while not place.exists():
                place = place.parent
        return os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids)

    def get(self, name: str) -> SecretStr | None:
        """The secret, as the file had it when it was first asked, or as it was put since."""
        if (values := self._values) is None:
            with self._lock:
                if self._values is None:
                    self._values, _ = self._read()
                values = self._values
        return values.get(name)

    def put(self, name: str, value: SecretStr) -> None:
        """Appends the secret; durable when it returns. One sync carries what other threads put meanwhile."""
        with self._guard("written"):
            lines, values = self._open()
            lines.append(_encode(name, value))
        values[name] = value

    def check_writable(self) -> None:
        """Opens the file for writing, and proves that there is room beside it."""
        with self._guard("written"):
            self._open()
            files.prove_writable(self._path)

    def _open(self) -> tuple[files.LineFile, dict[str, SecretStr]]:
        """The file, open for appending, and what it holds. Rewritten first when more than half of it is dead."""
        with self._lock:
            if self._lines is None or self._values is None:
                files.make_directory(self._path.parent)
                self._values, count = self._read()
                if count > 2 * len(self._values):
                    files.replace(self._path, b"".join(_encode(*item) for item in self._values.items()))
                self._lines = files.LineFile(self._path)
            return self._lines, self._values

    def _read(self) -> tuple[dict[str, SecretStr], int]:
        """What the file holds, and in how many lines. A last line without its end was never kept."""
        with self._guard("read"):
            data = files.read_private(self._path) or b""
        texts = data.split(b"\n")[:-1]
        lines = _decode(b"[" + b",".join(texts) + b"]")  # at once: one by one takes three times as long
        if lines is None or len(lines) != len(texts):
            number = next(at for at, text in enumerate(texts, 1) if len(_decode(b"[" + text + b"]") or ()) != 1)
            raise SecretError(
                f"{self._path}, line {number}: not a line of a secret store",
                "put the file back from a backup; or remove that line, and the secret is made anew if it can be",
            )
        return {line["name"]: line["value"] for line in lines}, len(lines)

    def _guard(self, done: str) -> AbstractContextManager[None]:
        return files.failing_as(SecretError, self._path, done)


@cache
def _lines() -> TypeAdapter[list[_Line]]:
    return TypeAdapter(list[_Line])


def _decode(text: bytes) -> list[_Line] | None:
    try:
        return _lines().validate_json(text)
    except ValidationError:  # it holds the text, so it must not be the context of what is raised
        return None


def _encode(name: str, value: SecretStr) -> bytes:
    return json.dumps({"name": name, "value": value.get_secret_value()}).encode() + b"\n"
