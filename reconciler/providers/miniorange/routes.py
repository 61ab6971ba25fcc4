"""The two ways to the plugin's document: a file that a person carries, and a REST that no document describes."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import JsonValue, TypeAdapter, ValidationError

from reconciler.errors import ReconcilerError
from reconciler.ports import Http
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.providers.atlassian.fields import JsonObject

_SERVLET = "/plugins/servlet/oauth/configureplugin"
_ADAPTER = TypeAdapter(dict[str, JsonValue])
STATE = "state"
"""The name of the folder that states lie in: nothing with a secret in clear may lie below it."""


class Route(Protocol):
    """One way to the document."""

    def load(self) -> JsonObject:
        """The document as the plugin has it, as far as this way can tell. ReconcilerError if it cannot be had."""

    def begin(self) -> JsonObject:
        """The document to change."""

    def store(self, document: JsonObject, hidden: Sequence[str]) -> tuple[str, ...]:
        """Hands the document over; what a person must do then. `hidden` are the providers without their secrets."""


@dataclass(frozen=True, slots=True)
class RestRoute:
    """The servlet of an old version (facts atlassian 4.2). Nobody says whether a part may be posted: always all."""

    http: Http

    def load(self) -> JsonObject:
        """The document, over the servlet."""
        return decode(self.http.get(_SERVLET), _ADAPTER, f"GET {self.http.url}{_SERVLET}")

    def begin(self) -> JsonObject:
        """The document as it is now."""
        return self.load()

    def store(self, document: JsonObject, hidden: Sequence[str]) -> tuple[str, ...]:
        """Posts the whole document. ReconcilerError where that would destroy a secret that was not shown."""
        if hidden:
            raise ReconcilerError(
                f"the client secret of {', '.join(hidden)} reads back empty or masked, and posting the document "
                f"would write that in its place; nothing was sent",
                'use route = "file" in the miniorange table, or take the provider out of the plugin first',
            )
        # An answer of any of these kinds may mean success (facts atlassian 4.2): what counts is what is read next.
        ok = (200, 201, 204, 302, 303)
        self.http.send("POST", _SERVLET, json=document, headers={"X-Atlassian-Token": "no-check"}, ok=ok, pages=True)
        return ()


@dataclass(slots=True)
class FileRoute:
    """The plugin's Backup/Restore screen (facts atlassian 4.2): reads its export, writes a file for its import.

    Several changes of one run go into one file.
    """

    product: str
    export_file: Path
    import_file: Path
    _written: bool = field(default=False, init=False)

    def load(self) -> JsonObject:
        """The document as of the export."""
        return _read(self.export_file, f"in {self.product}, export it on the Backup/Restore screen of miniOrange")

    def begin(self) -> JsonObject:
        """The export, or what this run has made of it so far."""
        return _read(self.import_file, "plan again") if self._written else self.load()

    def store(self, document: JsonObject, hidden: Sequence[str]) -> tuple[str, ...]:
        """Writes the import file, for its owner only."""
        _check_place(self.import_file)
        _write(self.import_file, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
        self._written = True
        lines = [
            f"{self.product}: miniOrange OAuth/OIDC SSO > Backup/Restore > import {self.import_file}",
            f"export again to {self.export_file}, then run plan: it settles this change",
            f"delete {self.import_file}: it holds client secrets",
        ]
        if hidden:
            lines.insert(
                1, f"the export hides the client secret of {', '.join(hidden)}: enter it again after the import"
            )
        return tuple(lines)


def _read(path: Path, remedy: str) -> JsonObject:
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ReconcilerError(f"{path} does not exist", remedy) from None
    except OSError as problem:
        raise ReconcilerError(f"{path} cannot be read: {problem.strerror}") from None
    except ValidationError:  # its text would quote the file
        pass
    raise ReconcilerError(f"{path} is not a JSON object, or is cut short", remedy)


def _check_place(path: Path) -> None:
    if STATE in path.resolve().parent.parts:
        raise ReconcilerError(
            f"{path} lies below a folder named {STATE}, and would hold secrets in clear",
            "give import a place that is not kept, such as /run/user or a folder of your own",
        )
    if path.is_symlink() or (
        path.exists() and "Identity Providers" not in _read(path, "is it an import file of ours?")
    ):
        raise ReconcilerError(f"{path} is there and is no import file of ours", "name another file, or remove it")


def _write(path: Path, text: str) -> None:
    """Writes all or nothing, readable by its owner only."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise ReconcilerError(f"{path} cannot be written: {problem.strerror}", "is there such a folder?") from None
