"""The one document in which a server of Terraform's `http` protocol keeps a state.

```json
{"format": "reconciler document", "version": 1, "serial": 7, "lineage": "…",
 "snapshot": {"text": "…"}, "journal": {"text": "…"}}
```

`serial` counts the writes; GitLab needs it, and refuses a second document of the same one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, replace
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

    @property
    def version(self) -> str:
        """The digest of the snapshot; empty if there is none."""
        return "" if self.snapshot is None else hashlib.sha256(self.snapshot).hexdigest()

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
    version: Literal[1]
    serial: int
    lineage: str
    snapshot: _Blob | None = None
    journal: _Blob = _Blob()


def encode(document: Document) -> bytes:
    """The document as it is written."""
    snapshot = None if document.snapshot is None else _blob(document.snapshot)
    journal = _blob(document.journal)
    file = _File("reconciler document", 1, document.serial, document.lineage, snapshot, journal)
    return TypeAdapter(_File).dump_json(file, exclude_none=True) + b"\n"


def parse(data: bytes, where: str) -> Document:
    """What was written. StateError for anything else."""
    try:
        file = TypeAdapter(_File).validate_json(data)
        return Document(file.serial, file.lineage, _bytes(file.snapshot), _bytes(file.journal) or b"")
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


def md5(data: bytes) -> str:
    """What a header Content-MD5 says."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
