"""The words for actions, steps and numbers, shared by every format."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

from reconciler.core.plan import Action, Cause, Change, Plan
from reconciler.core.policy import refused
from reconciler.diagnostic import Severity
from reconciler.render.diagnostics import grouped
from reconciler.render.terminal import PLAIN, Ink

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.core.plan import Hazard, HazardName
    from reconciler.diagnostic import Diagnostic
    from reconciler.render.terminal import Style

SYMBOLS = {
    Action.CREATE: ("+", "+"),
    Action.UPDATE: ("~", "~"),
    Action.REPLACE: ("-/+", "-/+"),
    Action.DELETE: ("-", "-"),
    Action.ADOPT: ("»", ">"),
    Action.FORGET: ("○", "o"),
}
"""The sign of each action, in Unicode and in ASCII."""
INKS = {
    Action.CREATE: Ink.GREEN,
    Action.UPDATE: Ink.YELLOW,
    Action.REPLACE: Ink.MAGENTA,
    Action.DELETE: Ink.RED,
    Action.ADOPT: Ink.CYAN,
    Action.FORGET: Ink.CYAN,
}
_BOTH = "adopt and update"
_MOST_NAMES = 10


def number(count: int, noun: str) -> str:
    """A count and its noun, e.g. `1 change`, `2,000 changes`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, e.g. `a, b and c`; of many, the first ten."""
    if len(names) > _MOST_NAMES:
        names = [*names[:_MOST_NAMES], f"{len(names) - _MOST_NAMES:,} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def symbol(action: Action, style: Style) -> str:
    """The sign of an action."""
    return SYMBOLS[action][0 if style.unicode else 1]


def _counts(plan: Plan) -> str:
    """What the plan would do, in numbers, e.g. `2 to create, 1 to adopt and update`; empty if it would do nothing."""
    found = Counter(phrase(change) for change in plan.changes)
    return ", ".join(f"{found[text]:,} to {text}" for text in (*Action, _BOTH) if found[text])


def phrase(change: Change) -> str:
    """What happens to a resource, in words: its action, or that it is both adopted and changed."""
    return _BOTH if change.action is Action.ADOPT and change.attributes else str(change.action)


def _remarks(plan: Plan, allowed: frozenset[str]) -> list[str]:
    """What else a person should know of a plan, in numbers."""
    severities = Counter(item.severity for item, _ in grouped(plan.diagnostics))
    manual = sum(change.manual for change in plan.changes)
    needs = len({(hazard.name, hazard.subject) for hazard in refused(plan.hazards, allowed)})
    texts = (
        (len(plan.drift), f"{len(plan.drift):,} changed outside the spec"),
        (needs, f"{needs:,} {'needs' if needs == 1 else 'need'} permission"),
        (manual, f"{manual:,} for a person to do"),
        (len(plan.unread), f"{len(plan.unread):,} could not be read"),
        (severities[Severity.ERROR], number(severities[Severity.ERROR], "error")),
        (severities[Severity.WARNING], number(severities[Severity.WARNING], "warning")),
    )
    return [text for count, text in texts if count]


def tells_findings(plan: Plan) -> bool:
    """Whether warnings and notes are shown: where the spec has news. A plan that only puts back counts them."""
    return any(
        change.action is not Action.UPDATE or any(item.cause is not Cause.DRIFT for item in change.attributes)
        for change in plan.changes
    )


def hidden_warnings(plan: Plan) -> set[Diagnostic]:
    """The warnings that are but counted where the spec has no news: those of the spec, which have a place in it."""
    return {item for item in plan.diagnostics if item.severity is Severity.WARNING and item.file}


def summary(plan: Plan, allowed: frozenset[str] = frozenset()) -> str:
    """The plan in one sentence or two. `allowed` names the hazards that are permitted already."""
    fits = "resource is as the spec wants it" if plan.unchanged == 1 else "resources are as the spec wants them"
    others = ", ".join(_remarks(plan, allowed))
    if plan.changes:
        rest = f"; {plan.unchanged:,} unchanged" if plan.unchanged else ""
        first = f"Plan: {_counts(plan)}{rest}."
    elif plan.unread:
        first = f"No changes to what could be read: {plan.unchanged:,} {fits}."
    elif plan.unchanged:
        first = f"No changes. {plan.unchanged:,} {fits}."
    else:
        first = "No changes: nothing is wanted, and nothing is managed."
    warns = bool(hidden_warnings(plan)) and not tells_findings(plan)
    more = " `reconciler validate` shows the warnings." if warns else ""
    return f"{first} {others[:1].upper()}{others[1:]}.{more}" if others else first


def permission(hazard: Hazard, style: Style) -> str:
    """The argument that permits a hazard, spelled for a POSIX shell; odd characters in the form of `$'…'`."""
    word = f"{hazard.name}={hazard.subject}"
    if style.safe(word) == word:
        return f"--allow {shlex.quote(word)}"
    return f"--allow $'{''.join(_shell_character(character) for character in word)}'"


def allowing(hazards: Iterable[Hazard]) -> list[str]:
    """The arguments that permit the hazards; of a name that is there often, the one that permits them all."""
    found: dict[HazardName, set[str]] = {}
    for hazard in hazards:
        found.setdefault(hazard.name, set()).add(permission(hazard, PLAIN))
    return sorted(
        argument
        for name, each in found.items()
        for argument in (each if len(each) <= _MOST_NAMES else {f"--allow {name}"})
    )


def _shell_character(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable() and character.isascii():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode(errors="surrogatepass"))


def by_permission(hazards: tuple[Hazard, ...], style: Style) -> dict[str, list[Hazard]]:
    """The hazards by the argument that permits them."""
    groups: dict[str, list[Hazard]] = {}
    for hazard in hazards:
        groups.setdefault(permission(hazard, style), []).append(hazard)
    return groups
