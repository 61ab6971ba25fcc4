"""Where in a TOML text each key stands. tomli gives no positions, so they are found when a finding is printed.

The text is known to be TOML: tomli has parsed it. So this reads its structure only, and trusts it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import tomli

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KeyPath = tuple[str | int, ...]
"""Keys from the top; a number is an index into an array."""

_TOKEN = re.compile(
    r'''[ \t\r]+ | \#[^\n]*
    | (?P<newline>\n)
    | (?P<text>"""(?:\\.|[^\\])*?"{3,5}(?!") | \'\'\'.*?\'{3,5}(?!\') | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
    | (?P<bare>[^\s"'\[\]{},=.\#]+)
    | (?P<sign>[\[\]{},=.])''',
    re.VERBOSE | re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_PART = re.compile(r'(?:^|\.)(?:([A-Za-z0-9_-]+)|("(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"))|\[(\d+)\]')


def key_path(*parts: str | int) -> str:
    """A key path as text: `clients.atlassian.redirect_uris[1]`; keys that are not bare are quoted."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{key}" if text else key
    return text


def parse_key_path(text: str) -> KeyPath:
    """The key path that `text` spells, up to where it stops being one."""
    parts: list[str | int] = []
    at = 0
    while at < len(text) and (found := _PART.match(text, at)):
        bare, quoted, index = found.groups()
        parts.append(int(index) if index else bare or json.loads(quoted, strict=False))
        at = found.end()
    return tuple(parts)


def find_lines(text: str) -> Mapping[KeyPath, int]:
    """The line, from 1, of every key, table header and array item of a TOML text."""
    return _Reader(text).read()


class _Reader:
    """One walk through the tokens of a text."""

    def __init__(self, text: str) -> None:
        self._lexemes = _tokenize(text)
        self._lines: dict[KeyPath, int] = {}
        self._lengths: dict[KeyPath, int] = {}  # of arrays of tables, so far
        self._kind, self._lexeme, self._line = "", "", 1
        self._step()

    def read(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._kind != "end":
            if self._kind == "newline":
                self._step()
            elif self._lexeme == "[":
                table = self._read_header()
            else:
                self._read_pair(table)
        return self._lines

    def _step(self) -> None:
        self._kind, self._lexeme, self._line = next(self._lexemes)

    def _read_header(self) -> KeyPath:
        line = self._line
        self._step()
        is_item = self._lexeme == "["
        if is_item:
            self._step()
        *parents, last = self._read_keys()
        path: KeyPath = ()
        for key in parents:
            path = self._newest((*path, key))
            self._lines.setdefault(path, line)
        path = (*path, last)
        if is_item:
            self._lines.setdefault(path, line)
            self._lengths[path] = self._lengths.get(path, 0) + 1
            path = self._newest(path)
            self._step()
        self._step()
        self._lines[path] = line
        return path

    def _newest(self, path: KeyPath) -> KeyPath:
        """The last item, so far, if `path` is an array of tables."""
        return (*path, self._lengths[path] - 1) if path in self._lengths else path

    def _read_pair(self, table: KeyPath) -> None:
        line = self._line
        path = table
        for key in self._read_keys():
            path = (*path, key)
            self._lines.setdefault(path, line)
        self._step()  # the equals sign
        self._read_value(path)

    def _read_keys(self) -> list[str]:
        """The parts of a dotted key; stops at what follows it."""
        keys = []
        while True:
            quoted = self._kind == "text"
            keys.append(tomli.loads(f"key = {self._lexeme}")["key"] if quoted else self._lexeme)
            self._step()
            if self._lexeme != ".":
                return keys
            self._step()

    def _read_value(self, path: KeyPath) -> None:
        if self._lexeme == "[":
            self._read_array(path)
        elif self._lexeme == "{":
            self._read_inline_table(path)
        else:
            while self._kind in {"text", "bare"} or self._lexeme == ".":  # 1.5 and a date with a blank are several
                self._step()

    def _read_array(self, path: KeyPath) -> None:
        self._step()
        index = 0
        while self._lexeme != "]":
            if self._kind == "newline" or self._lexeme == ",":
                self._step()
                continue
            self._lines[(*path, index)] = self._line
            self._read_value((*path, index))
            index += 1
        self._step()

    def _read_inline_table(self, path: KeyPath) -> None:
        self._step()
        while self._lexeme != "}":
            if self._kind == "newline" or self._lexeme == ",":
                self._step()
                continue
            self._read_pair(path)
        self._step()


def _tokenize(text: str) -> Iterator[tuple[str, str, int]]:
    line = 1
    for found in _TOKEN.finditer(text):
        if found.lastgroup:
            yield found.lastgroup, found[0], line
        line += found[0].count("\n")
    yield "end", "", line
