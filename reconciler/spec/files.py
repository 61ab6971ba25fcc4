"""The files of a stack, read and merged: `*.toml` in the order of their names, then the overlay of an environment."""

from __future__ import annotations

import hashlib
import re
from codecs import BOM_UTF8
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import tomli
from pydantic_core import to_json

from reconciler.diagnostic import Diagnostic, Severity, error
from reconciler.errors import SpecError
from reconciler.spec.position import KeyPath, find_lines, key_path, parse_key_path
from reconciler.spec.rules import holds_credential, masked
from reconciler.spec.suggestion import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DEFAULT_ENVIRONMENT: Final = "default"
"""The environment of a stack without an overlay."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LINE = re.compile(r"line (\d+)")
_FIXED_SECTIONS = ("systems", "clients", "sso", "groups")

Tables = dict[str, Any]
"""TOML as tomli gives it."""


@dataclass(frozen=True)  # without slots: the lines are kept once somebody asked for them
class Source:
    """One file of the spec."""

    file: str
    text: str = field(repr=False)

    @cached_property
    def lines(self) -> Mapping[KeyPath, int]:
        """The line of every key."""
        return find_lines(self.text)


@dataclass(frozen=True, slots=True)
class Sources:
    """All files of a stack in one environment, in the order in which they were merged into `tables`."""

    stack: str
    environment: str
    files: tuple[Source, ...]
    tables: Tables = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of what the files say, whatever their comments and the order of their tables."""
        ordered = {section: dict(sorted(tables.items())) for section, tables in sorted(self.tables.items())}
        return hashlib.sha256(to_json(ordered)).hexdigest()

    def locate(self, finding: Diagnostic) -> Diagnostic:
        """The finding with file and line, if its `where` is a key path of the spec.

        A key that is set is found where its value comes from; one that is missing, at the table that lacks it.
        """
        path = () if finding.file else parse_key_path(finding.where)
        for known in (path[:length] for length in range(len(path), 0, -1)):
            places = [(source.file, source.lines[known]) for source in self.files if known in source.lines]
            if places:
                file, line = places[-1] if known == path else places[0]
                return replace(finding, file=file, line=line)
        return finding

    def locate_all(self, findings: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
        """The findings with file and line, in the order of the text."""
        order = {source.file: number for number, source in enumerate(self.files)}
        located = [_masked(self.locate(finding)) for finding in findings]
        return tuple(
            sorted(located, key=lambda item: (order.get(item.file, -1), item.line, item.where, item.message))
        )


def read_files(folder: Path, environment: str | None) -> tuple[Sources, list[Diagnostic]]:
    """The files of a stack, and what is wrong in how they fit together.

    SpecError if there is no such stack or environment, or if a file cannot be read at all.
    """
    paths = _list_files(folder)
    overlay = _find_overlay(folder, environment)
    findings: list[Diagnostic] = []
    root = folder.parent.resolve()
    read = [found for path in (*paths, *overlay) if (found := _read(path, findings, root))]
    if len(read) < len(paths) + len(overlay):
        raise SpecError(findings)
    files = tuple(source for source, _ in read)
    merged: Tables = {}
    for number, (source, tables) in enumerate(read[: len(paths)]):
        findings += (_twice(path, source, files[:number]) for path in _join(merged, tables))
    for _, tables in read[len(paths) :]:
        findings += _drop_strangers(merged, tables)
        _overlay(merged, tables)
    return Sources(folder.resolve().name, environment or DEFAULT_ENVIRONMENT, files, merged), findings


def read_file(path: Path) -> Sources:
    """One file by itself. SpecError if it cannot be read."""
    findings: list[Diagnostic] = []
    read = _read(path, findings, path.parent.resolve())
    if read is None:
        raise SpecError(findings)
    source, tables = read
    return Sources(path.stem, DEFAULT_ENVIRONMENT, (source,), tables)


def _list_files(folder: Path) -> list[Path]:
    place = folder.resolve()
    if not folder.is_dir():
        stacks = {path.parent.name for path in place.parent.glob("*/*.toml")}
        raise SpecError([_broken("no such folder", did_you_mean(place.name, stacks, "the stacks here are"), folder)])
    paths = _toml_files(folder)
    if not paths:
        raise SpecError([_broken("no *.toml file in this folder", "a stack is a folder of TOML files", folder)])
    if not _NAME.fullmatch(place.name):
        remedy = "rename the folder: letters, digits, . - and _, and a letter or digit first"
        raise SpecError([_broken("this cannot be the name of a stack", remedy, folder)])
    return paths


def _find_overlay(folder: Path, environment: str | None) -> list[Path]:
    """The overlay's file, if one was asked for."""
    overlays = {path.stem: path for path in _toml_files(folder / "env") if _NAME.fullmatch(path.stem)}
    if stray := overlays.pop(DEFAULT_ENVIRONMENT, None):
        remedy = "give it another name, or put what it says into the stack itself"
        raise SpecError([_broken("`default` is the environment without an overlay", remedy, stray)])
    if environment in {None, DEFAULT_ENVIRONMENT}:
        return []
    if environment in overlays:
        return [overlays[environment]]
    remedy = did_you_mean(environment, overlays, "the environments here are") or "leave out --env: there is none here"
    raise SpecError([_broken(f"this stack has no environment {environment!r}", remedy, folder / "env")])


def _toml_files(folder: Path) -> list[Path]:
    """The TOML files of a folder by name, without hidden ones, which editors leave."""
    return sorted(path for path in folder.glob("*.toml") if not path.name.startswith("."))


def _read(path: Path, findings: list[Diagnostic], root: Path) -> tuple[Source, Tables] | None:
    if not path.resolve().is_relative_to(root):
        findings.append(
            _broken("a link leads out of the folder that holds the stacks", "put the file itself here", path)
        )
        return None
    if path.is_fifo():
        findings.append(_broken("a pipe, which may never end", "put a file here", path))
        return None
    try:
        data = path.read_bytes().removeprefix(BOM_UTF8)
        text = data.decode()
        if pasted := holds_credential(text):
            findings.append(_pasted(path, text.count("\n", 0, pasted.start()) + 1))
        return Source(str(path), text), tomli.loads(text)
    except OSError as problem:
        findings.append(_broken(f"cannot be read: {problem.strerror}", "is it a file, and may you read it?", path))
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        findings.append(_broken("not UTF-8, which TOML must be", "save the file as UTF-8", path, line))
    except RecursionError:
        findings.append(_broken("lists or tables stand in one another without end", "no key of a spec does so", path))
    except tomli.TOMLDecodeError as problem:
        message, _, place = str(problem).partition(" (at ")
        found = _LINE.match(place)  # else it is the end of the document
        line = int(found[1]) if found else text.rstrip().count("\n") + 1
        findings.append(
            _broken(f"not TOML: {message}", "text goes into quotes; https://toml.io shows the rest", path, line)
        )
    return None


def _broken(message: str, remedy: str, file: Path, line: int = 0) -> Diagnostic:
    return _masked(Diagnostic(Severity.ERROR, message, "", remedy, str(file), line))


def _masked(finding: Diagnostic) -> Diagnostic:
    """The finding without a pasted secret, which may even be a key or the name of a table."""
    return replace(
        finding, message=masked(finding.message), where=masked(finding.where), remedy=masked(finding.remedy)
    )


def _pasted(file: Path, line: int) -> Diagnostic:
    return _broken(
        "this line holds what looks like an API key or a token",
        'take it out and revoke it: what was in a spec is known to others; name a handle, e.g. "env:CLAVEX_TOKEN"',
        file,
        line,
    )


def _twice(path: KeyPath, source: Source, earlier: Sequence[Source]) -> Diagnostic:
    """The error for a key that stands in two files. It names both places."""
    first = next(each for each in earlier if path in each.lines)
    message = f"defined twice; first in {Path(first.file).name}, line {first.lines[path]}"
    remedy = "keep one of them; what differs between environments belongs in env/NAME.toml"
    return Diagnostic(Severity.ERROR, message, key_path(*path), remedy, source.file, source.lines[path])


def _join(into: Tables, more: Tables, above: KeyPath = ()) -> Iterator[KeyPath]:
    """Adds what is new in `more`; gives the paths of what is there already."""
    for key, value in more.items():
        if key not in into:
            into[key] = value
        elif isinstance(value, dict) and isinstance(into[key], dict):
            yield from _join(into[key], value, (*above, key))
        else:
            yield (*above, key)


def _overlay(into: Tables, more: Tables) -> None:
    """Puts the values of `more` in the place of those in `into`; tables are merged."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _overlay(into[key], value)
        else:
            into[key] = value


def _drop_strangers(base: Tables, overlay: Tables) -> Iterator[Diagnostic]:
    """Takes out the tables of an overlay that the stack itself does not have; an error for each.

    An environment says how the same things differ; what exists only there would be another stack.
    """
    for section in _FIXED_SECTIONS:
        names, known = overlay.get(section), base.get(section, {})
        if isinstance(names, dict) and isinstance(known, dict):
            for name in [name for name in names if name not in known]:
                del names[name]
                remedy = did_you_mean(name, known, "the stack has") or "write it into the stack itself"
                yield error(
                    "an overlay changes what the stack has, and it has no such table", key_path(section, name), remedy
                )
