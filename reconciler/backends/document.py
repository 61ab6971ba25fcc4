"""The one document in which a server of Terraform's `http` protocol keeps a state.

```json
{"format": "reconciler document", "version": 2, "serial": 7, "lineage": "…",
 "snapshot": {"text": "…"}, "journal": {"text": "…"}, "companions": {"team.secrets.age": {"text": "…"}}}
```

`serial` counts the writes; GitLab needs it, and refuses a second document of the same one. Without companions the
version is 1; a program that knows only that one must not write the document without them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from reconciler.errors import StateError


@dataclass(frozen=True, slots=True)
class Document:
    """All that lies at the address. Without a serial there is nothing yet."""

    serial: int = 0
    lineage: str = ""
    snapshot: bytes | None = None
    journal: bytes = b""
    companions: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The digest of the snapshot; empty if there is none."""
        return digest(self.snapshot)

    @property
    def following(self) -> Document:
        """The same with the next serial; a lineage begins with the first."""
        return replace(self, serial=self.serial + 1, lineage=self.lineage or str(uuid4()))


@dataclass(frozen=True, slots=True)
class _Blob:
    """Bytes in JSON: as text where they are."""

    text: str | None = None
    base64: str | None = None


@dataclass(frozen=True, slots=True)
class _File:
    """The document as it is written."""

    format: Literal["reconciler document"]
    version: Literal[1, 2]
    serial: int
    lineage: str
    snapshot: _Blob | None = None
    journal: _Blob = _Blob()
    companions: Mapping[str, _Blob] | None = None


def encode(document: Document) -> bytes:
    """The document as it is written."""
    snapshot = None if document.snapshot is None else _blob(document.snapshot)
    journal = _blob(document.journal)
    companions = {name: _blob(data) for name, data in document.companions.items()} or None
    version: Literal[1, 2] = 2 if companions else 1
    file = _File("reconciler document", version, document.serial, document.lineage, snapshot, journal, companions)
    return TypeAdapter(_File).dump_json(file, exclude_none=True) + b"\n"


def parse(data: bytes, where: str) -> Document:
    """What was written. StateError for anything else."""
    try:
        file = TypeAdapter(_File).validate_json(data)
        companions = {name: _bytes(blob) or b"" for name, blob in (file.companions or {}).items()}
        return Document(file.serial, file.lineage, _bytes(file.snapshot), _bytes(file.journal) or b"", companions)
    except (ValidationError, binascii.Error):
        raise StateError(
            f"{where}: what lies there was not written by this reconciler", "give the state an address of its own"
        ) from None


def _blob(data: bytes) -> _Blob:
    try:
        return _Blob(text=data.decode())
    except UnicodeDecodeError:
        return _Blob(base64=base64.b64encode(data).decode())


def _bytes(blob: _Blob | None) -> bytes | None:
    if blob is None:
        return None
    return base64.b64decode(blob.base64) if blob.base64 is not None else (blob.text or "").encode()


def digest(data: bytes | None) -> str:
    """The version of what is in a document; empty if it is not there."""
    return "" if data is None else hashlib.sha256(data).hexdigest()


def md5(data: bytes) -> str:
    """What a header Content-MD5 says."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
