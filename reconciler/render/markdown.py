"""The plan as Markdown for a merge request.

Whatever comes from a spec or a server stands in a code span, where no renderer makes markup, links, mentions or
references of it. In sentences that is decided word by word: words of letters stay as they are.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from reconciler.core.plan import Action, Change, DriftKind, Plan
from reconciler.diagnostic import Severity
from reconciler.render.diagnostics import grouped
from reconciler.render.drift import SECRET_DRIFTED, answer
from reconciler.render.sections import brief_creates, by_reason, left_out
from reconciler.render.steps import Dependents, dependents_of, step_lines, why
from reconciler.render.terminal import PLAIN
from reconciler.render.values import change_lines, secret_lines, value_lines
from reconciler.render.wording import by_permission, listed, phrase, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ROOM = 100
"""Columns for a value before it is cut; a page has no width."""
_UNLIMITED = 1_000_000
_TITLES = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.NOTE: "Notes"}
_TOKEN = re.compile(r"`[^`]+`[.,;:]*(?!\S)|\S+")
"""A word, or what a sentence has put between backticks."""
_QUOTED = re.compile(r"`([^`]+)`")
_PLAIN_WORD = re.compile(r"\(?(?:[^\W\d_]+(?:['-][^\W\d_]+)*|\d+(?:,\d{3})*)[.,;:?!)]{0,2}")
"""Letters, or a number; no markup, no link, no mention, no reference can be made of it."""
_LIST_NUMBER = re.compile(r"\d+[.)]+")


def code(text: str) -> str:
    """A code span that shows exactly `text`, control characters as escapes: with more backticks than in it."""
    shown = PLAIN.safe(text)
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    space = " " if shown[:1] in {"`", " ", ""} or shown[-1:] in {"`", " "} else ""
    return f"{fence}{space}{shown}{space}{fence}"


def escape(text: str) -> str:
    """A sentence in which nothing is markup: neighbouring words that could be are put into a code span together."""
    parts = groupby(_TOKEN.findall(text), key=_is_plain)
    return " ".join(" ".join(group) if plain else _span(" ".join(group)) for plain, group in parts)


def _is_plain(word: str) -> bool:
    return bool(_PLAIN_WORD.fullmatch(word)) and not _LIST_NUMBER.fullmatch(word) and PLAIN.safe(word) == word


def _span(text: str) -> str:
    """A code span; the comma after it, and the backticks that the sentence itself puts around it, are outside."""
    body = text.rstrip(".,;:") or text
    quoted = _QUOTED.fullmatch(body)
    return code(quoted[1] if quoted else body) + text[len(body) :]


def plan_markdown(plan: Plan) -> str:
    """The whole plan as Markdown: summary first, then what needs permission, the changes, and the findings."""
    sections = [
        [f"## Plan for {code(f'{plan.stack}/{plan.environment}')}"],
        [f"**{summary(plan)}**"],
        _hazards(plan),
        _unread(plan),
        _drift(plan),
        *_systems(plan),
        *_findings(plan),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _hazards(plan: Plan) -> list[str]:
    if not plan.hazards:
        return []
    lines = ["### Refused unless allowed", ""]
    for argument, hazards in by_permission(plan.hazards, PLAIN).items():
        lines.append(f"- {code(argument)}")
        lines += [f"  - {escape(hazard.message)}" for hazard in hazards]
    return lines


def _unread(plan: Plan) -> list[str]:
    if not plan.unread:
        return []
    lines = ["### Could not be read, so nothing is planned for them", ""]
    for (reason, remedy), addresses in by_reason(plan.unread).items():
        lines.append(f"- {listed([code(str(address)) for address in addresses])}: {escape(reason)}")
        lines += _help(remedy)
    return lines


def _drift(plan: Plan) -> list[str]:
    if not plan.drift:
        return []
    changes = {change.address: change for change in plan.changes}
    lines = ["### Changed outside the spec since the last apply", ""]
    for drift in plan.drift:
        what = "is gone" if drift.kind is DriftKind.GONE else "was changed"
        lines.append(f"- {code(str(drift.address))} {what}: {answer(drift, changes.get(drift.address))}")
        for item in drift.attributes:
            if item.sensitive:
                lines += _attribute(item.name, [escape(SECRET_DRIFTED)])
            else:
                lines += _attribute(item.name, map(code, change_lines(item.before, item.after, _ROOM, PLAIN)))
    return lines


def _systems(plan: Plan) -> Iterator[list[str]]:
    dependents = dependents_of(plan.changes)
    brief = brief_creates(plan.changes)
    for system, group in groupby(plan.changes, key=lambda change: change.address.system):
        record = plan.systems.get(system)
        lines = [f"### {code(system)}{f' at {code(record.url)}' if record else ''}", ""]
        changes = list(group)
        for change in changes:
            lines += _head(change)
            lines += [] if change.address in brief else _body(change, dependents)
        lines += [f"- {escape(text)}" for text in left_out(changes, brief)]
        yield lines


def _head(change: Change) -> list[str]:
    tag = " (for a person to do)" if change.manual else ""
    return [f"- **{phrase(change)}** {code(str(change.address))}{tag}: {escape(why(change))}"]


def _body(change: Change, dependents: Dependents) -> list[str]:
    lines: list[str] = []
    for item in change.attributes:
        if item.sensitive:
            shown = map(escape, secret_lines(change, item, _UNLIMITED, PLAIN))
        elif change.action is Action.CREATE:
            shown = map(code, value_lines(item.after, _ROOM, PLAIN))
        else:
            shown = map(code, change_lines(item.before, item.after, _ROOM, PLAIN))
        lines += _attribute(item.name, shown)
    title, *steps = step_lines(change, dependents, _UNLIMITED, PLAIN) or [""]
    lines += [f"  - {title}"] if steps else []
    return lines + [f"    - {escape(step)}" for step in steps]


def _attribute(name: str, shown: Iterable[str]) -> list[str]:
    first, *others = shown
    if not others:
        return [f"  - {code(name)}: {first}"]
    return [f"  - {code(name)}:", *(f"    - {line}" for line in (first, *others))]


def _findings(plan: Plan) -> Iterator[list[str]]:
    """Errors first: on a page one reads from the top."""
    groups = grouped(plan.diagnostics)
    for severity, title in _TITLES.items():
        lines = [f"### {title}", ""]
        for item, places in groups:
            if item.severity is severity:
                where = f" ({', '.join(map(code, places))})" if places else ""
                lines.append(f"- {escape(item.message)}{where}")
                lines += _help(item.remedy)
        yield lines if lines[2:] else []


def _help(remedy: str) -> list[str]:
    return [f"  - help: {escape(remedy)}"] if remedy else []
