"""Text that is safe to print: control characters made visible, widths, colours, cutting and wrapping.

Names and messages come from servers, so nothing reaches a terminal but through `Style.safe` or `Style.quote`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Characters that count as printable and show nothing: fillers and variation selectors."""
_LATIN1_END, _PLANE_END = 0xFF, 0xFFFF
_SHOWN_WHOLE = 100
"""A value of up to so many columns is never cut: most URLs stay whole, whatever the terminal."""


class Ink(StrEnum):
    """Colours and weights: the numbers of ANSI's "select graphic rendition"."""

    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    MAGENTA = "35"
    CYAN = "36"


@dataclass(frozen=True, slots=True)
class Style:
    """How text may look where it goes: with colours or without, in Unicode or in ASCII only."""

    color: bool = False
    unicode: bool = True

    @property
    def arrow(self) -> str:
        """Stands between an old and a new value."""
        return "→" if self.unicode else "->"

    @property
    def dash(self) -> str:
        """Stands before a reason."""
        return "–" if self.unicode else "-"  # noqa: RUF001 - a dash is meant

    @property
    def ellipsis(self) -> str:
        """Stands for what was cut out."""
        return "…" if self.unicode else "..."

    def paint(self, text: str, *inks: Ink) -> str:
        """The text in these inks, if there are colours."""
        return f"\x1b[{';'.join(inks)}m{text}\x1b[0m" if self.color and inks and text else text

    def safe(self, text: str) -> str:
        r"""The text with every character visible.

        Controls (C0, C1, escape), changes of direction, zero-width and other invisible characters, odd spaces and
        lone surrogates appear as escapes such as \x1b; in ASCII style, so does all that is not ASCII.
        """
        if text.isprintable() and (text.isascii() or (self.unicode and not _INVISIBLE.search(text))):
            return text
        return "".join([self._visible(character) for character in text])

    def quote(self, text: str) -> str:
        """The text in double quotes; backslashes and quotes in it are escaped, so that no two texts look alike."""
        return '"' + self.safe(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'

    def _visible(self, character: str) -> str:
        if character.isprintable() and (character.isascii() or (self.unicode and not _INVISIBLE.match(character))):
            return character
        code = ord(character)
        if character in "\t\n\r":
            return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[character]
        if code <= _LATIN1_END:
            return f"\\x{code:02x}"
        return f"\\u{code:04x}" if code <= _PLANE_END else f"\\U{code:08x}"


PLAIN = Style()


def choose_style(*, terminal: bool, encoding: str, environment: Mapping[str, str]) -> Style:
    """The style for an output: colour only on a terminal that knows it, and never with NO_COLOR (no-color.org)."""
    color = terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    return Style(color=color, unicode=encoding.lower().replace("-", "").startswith("utf"))


def width(text: str) -> int:
    """The columns that a safe text takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def pad(text: str, columns: int) -> str:
    """The text, filled with spaces on the right."""
    return text + " " * (columns - width(text))


def wrap(text: str, columns: int, first: str = "", rest: str = "") -> list[str]:
    """The safe text in lines of at most `columns`; words, such as URLs and addresses, stay whole.

    The first line begins with `first`, the others with `rest`.
    """
    lines: list[str] = []
    line, room = first, columns - width(first)
    empty = True
    for word in text.split(" "):
        size = width(word) + (0 if empty else 1)
        if not empty and size > room:
            lines.append(line)
            line, room, empty, size = rest, columns - width(rest), True, width(word)
        line += word if empty else f" {word}"
        room -= size
        empty = False
    return [*lines, line]


def prose(text: str, style: Style, columns: int, first: str = "", rest: str = "") -> list[str]:
    """An untrusted text of one or more lines, safe and wrapped; every line but the first begins with `rest`."""
    lines: list[str] = []
    for index, part in enumerate(text.splitlines() or [""]):
        lines += wrap(style.safe(part), columns, rest if index else first, rest)
    return [line if line.strip() else "" for line in lines]


def quote_apart(texts: Sequence[str], room: int, style: Style) -> list[str]:
    """The texts in quotes, long ones cut in the middle to about `room` columns, but not below a hundred.

    The sign of the cut is outside the quotes, and texts that differ never look the same: where cutting would hide
    the difference, more is shown.
    """
    room = max(room, _SHOWN_WHOLE)
    parts = [_cut(text, room, style) for text in texts]
    while len(set(parts)) < len(set(texts)):
        room *= 2
        parts = [_cut(text, room, style) for text in texts]
    return [
        head if tail is None else f"{head} {style.ellipsis} {tail} ({len(text):,} characters)"
        for text, (head, tail) in zip(texts, parts, strict=True)
    ]


def _cut(text: str, room: int, style: Style) -> tuple[str, str | None]:
    """The quoted text and None, or its quoted beginning and end."""
    if len(text) <= room and width(whole := style.quote(text)) <= room:
        return whole, None
    half = (room - len(f' "" ... "" ({len(text):,} characters)')) // 2
    head = text[: _fitting(text, half, style)]
    tail = text[len(text) - _fitting(reversed(text), half, style) :]
    return style.quote(head), style.quote(tail)


def _fitting(characters: Iterable[str], room: int, style: Style) -> int:
    """How many of the characters fit, as they would be shown."""
    ends = accumulate(max(width(style.quote(character)) - 2, 1) for character in characters)
    return sum(1 for _ in takewhile(lambda end: end <= room, ends))
