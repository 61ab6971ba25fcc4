"""A jira-config.properties: changed key by key, everything else kept byte for byte (facts atlassian 10)."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

from javaproperties import InvalidUEscapeError, PropertiesFile

from reconciler import files
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_REMEDY = "run as the user who owns the file, in most cases the one that Jira runs as"
_BARE_NEWLINE = re.compile(r"(?<!\r)\n")


def load(path: Path) -> PropertiesFile:
    """What the file says; nothing if there is none. ReconcilerError if it cannot be read; no value is quoted."""
    return _parse(path, _read(path))


def change(path: Path, edit: Callable[[PropertiesFile], None]) -> None:
    """Changes the file by `edit`, all or nothing; a new one is for its owner alone.

    ReconcilerError if it cannot be written, or if somebody changed it meanwhile.
    """
    before = _read(path)
    properties = _parse(path, before)
    edit(properties)
    after = _render(properties, before or b"")
    if after == (before or b""):
        return
    with files.failing_as(ReconcilerError, path, "written", _REMEDY):
        _check_writable(path)
        try:
            held = files.exchange(path, before, after)
        except FileNotFoundError:
            held = False
    if not held:
        raise ReconcilerError(
            f"{path} was changed by somebody else in this moment; nothing was written", "plan again"
        )


def prove_writable(path: Path) -> None:
    """Leaves everything as it is. ReconcilerError if we may not write the file, or make one where none is."""
    _read(path)
    with files.failing_as(ReconcilerError, path, "written", _REMEDY):
        _check_writable(path)


def _check_writable(path: Path) -> None:
    """PermissionError if the file or its folder is not ours to write: a file can be replaced without its leave."""
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _read(path: Path) -> bytes | None:
    with files.failing_as(ReconcilerError, path, "read", _REMEDY):
        data = files.read(path)
    if data is None and not path.parent.is_dir():
        raise ReconcilerError(
            f"{path} cannot be read: there is no such folder on this machine",
            "run where Jira runs, and name the file in its local home directory",
        )
    return data


def _parse(path: Path, data: bytes | None) -> PropertiesFile:
    try:
        return PropertiesFile.loads(data or b"")
    except InvalidUEscapeError:  # its text would quote the file
        pass
    raise ReconcilerError(
        f"{path} has a \\u that no four hex digits follow, which Java refuses too", "mend that line"
    )


def _render(properties: PropertiesFile, before: bytes) -> bytes:
    text = properties.dumps()
    if b"\r\n" in before and not _BARE_NEWLINE.search(before.decode("latin-1")):
        text = _BARE_NEWLINE.sub("\r\n", text)
    return text.encode("latin-1")
