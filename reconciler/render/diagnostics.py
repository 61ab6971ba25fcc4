"""Findings and errors as text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.diagnostic import Diagnostic, Severity
from reconciler.errors import FindingsError, ReconcilerError
from reconciler.render.terminal import Ink, prose, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.render.terminal import Style

_INKS = {Severity.ERROR: Ink.RED, Severity.WARNING: Ink.YELLOW, Severity.NOTE: Ink.CYAN}
_ORDER = (Severity.NOTE, Severity.WARNING, Severity.ERROR)
"""The worst last: the end of an output is what stays in sight."""

_MOST_PLACES = 10
"""So many places of one warning are listed; of an error, all."""


def diagnostics_text(diagnostics: Iterable[Diagnostic], style: Style, *, columns: int) -> str:
    """Findings as text, the worst last; findings that say the same are one, with all their places."""
    groups = [(replace(item, message=style.safe(item.message)), places) for item, places in grouped(diagnostics)]
    return "\n\n".join("\n".join(_block(item, places, style, columns)) for item, places in groups)


def note_lines(diagnostics: Iterable[Diagnostic], style: Style, columns: int) -> list[str]:
    """Notes, one short paragraph each; where they hold and what to do, `validate` says."""
    lines: list[str] = []
    for item, _ in grouped(item for item in diagnostics if item.severity is Severity.NOTE):
        lines += wrap(style.safe(item.message), columns, "  - ", "    ")
    return lines


def grouped(diagnostics: Iterable[Diagnostic]) -> list[tuple[Diagnostic, list[str]]]:
    """Findings, notes first, errors last, each once: with the places where it holds, in the order given."""
    groups: dict[Diagnostic, list[str]] = {}
    for item in diagnostics:
        places = groups.setdefault(replace(item, where="", file="", line=0), [])
        place = _place(item)
        if place and place not in places:
            places.append(place)
    return sorted(groups.items(), key=lambda group: _ORDER.index(group[0].severity))


def error_text(problem: ReconcilerError, style: Style, *, columns: int) -> str:
    """An error as text: all that is wrong, and how many that are; or the message and what to do next."""
    if isinstance(problem, FindingsError):
        found = diagnostics_text(problem.diagnostics, style, columns=columns)
        return f"{found}\n\n{style.safe(problem.message)}"
    message = Diagnostic(Severity.ERROR, style.safe(problem.message), remedy=problem.remedy)
    return "\n".join(_block(message, (), style, columns))


def remedy_lines(remedy: str, style: Style, columns: int, indent: str = "  ") -> list[str]:
    """What to do, as lines that begin with `help:`; none if there is nothing to say."""
    rest = f"{indent}      "
    if not remedy:
        return []
    first, *others = prose(remedy, style, columns, rest, rest)
    return [f"{indent}{style.paint('help:', Ink.CYAN)} {first.removeprefix(rest)}", *others]


def _block(item: Diagnostic, places: Sequence[str], style: Style, columns: int) -> list[str]:
    label = f"{item.severity}: "
    first, *others = prose(item.message, style, columns, label, "  ")
    lines = [
        style.paint(label.rstrip(), _INKS[item.severity], Ink.BOLD) + first.removeprefix(label.rstrip()),
        *others,
    ]
    shown = places if item.severity is Severity.ERROR else places[:_MOST_PLACES]
    lines += [f"  {style.paint('-->', Ink.DIM)} {style.safe(place)}" for place in shown]
    if len(places) > len(shown):
        lines.append(f"      and {len(places) - len(shown):,} more places")
    return lines + remedy_lines(item.remedy, style, columns)


def _place(item: Diagnostic) -> str:
    """Where it is, e.g. `specs/acme/acme.toml:12 (sso.jira.plugin)`; as much of it as is known."""
    if not item.file:
        return item.where
    line = f"{item.file}:{item.line}" if item.line else item.file
    return f"{line} ({item.where})" if item.where else line
