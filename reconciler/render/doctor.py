"""The checks of `doctor` and `verify`: one table for a person, one document for a program."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

from reconciler.core.check import Check, Diagnosis, Source, Status, Stops
from reconciler.render.diagnostics import remedy_lines
from reconciler.render.document import VERSION
from reconciler.render.sections import title
from reconciler.render.terminal import Ink, Style, pad, prose, width
from reconciler.render.wording import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reconciler.core.check import Person
    from reconciler.core.comparison import Comparison, Trial
    from reconciler.render.document import Document

_INKS = {Status.OK: Ink.GREEN, Status.WARNING: Ink.YELLOW, Status.FAILED: Ink.RED, Status.UNKNOWN: Ink.CYAN}
_STATUS = max(map(len, Status))
_WIDEST_NAME = 18
"""Names of checks are aligned up to this width."""


def doctor_text(diagnosis: Diagnosis, style: Style, *, columns: int) -> str:
    """The table of `doctor`."""
    return _text(diagnosis, "Doctor for", "Nothing that was looked at would stop a login.", style, columns)


def verify_text(diagnosis: Diagnosis, style: Style, *, columns: int) -> str:
    """The table of `verify`."""
    well = "As far as a login can be followed without a password, nothing stops it."
    if diagnosis.landings:
        well = "Nothing stops a login, as far as the test account was followed."
    text = _text(diagnosis, "Proof of the login for", well, style, columns)
    return "\n".join([text, *_landings(diagnosis, style)])


def _landings(diagnosis: Diagnosis, style: Style) -> Iterator[str]:
    """A table of the groups that a test account would land in."""
    if diagnosis.landings:
        yield f"\n{title('Who would land where', style)}"
    for landing in diagnosis.landings:
        name = f"{landing.account} as {landing.username}" if landing.username else landing.account
        yield f"\n  {style.safe(f'{landing.subject}: {name}')}"
        column = max((width(style.safe(theirs)) for theirs, _ in landing.groups), default=0)
        for theirs, ours in landing.groups:
            yield f"    {pad(style.safe(theirs), column)}  {style.safe(ours) or _unmapped(theirs, landing.person)}"
        if not landing.groups:
            yield "    in no group"
        if landing.person is not None:
            yield f"    {style.safe(_told(landing.person))}"


def _unmapped(group: str, person: Person | None) -> str:
    """Plugins that go by equal names put people into groups that the spec does not speak of, too."""
    held = {name.casefold() for name in (person.groups if person else None) or ()}
    return f"not mapped in the spec{', yet the product has it' if group.casefold() in held else ''}"


def _told(person: Person) -> str:
    """What the product itself says of who was logged in."""
    groups = "groups that it does not tell" if person.groups is None else ", ".join(person.groups) or "no group"
    return f"the product says: {person.username}, in {groups}"


def logins_lines(compared: Comparison, style: Style, columns: int) -> list[str]:
    """Each check of the logins before and after an apply, then what is not well, and what no longer works."""
    names = max((len(trial.name) for trial in compared.trials), default=0)
    lines = [title("Logins before and after", style)]
    for subject, trials in groupby(sorted(compared.trials, key=lambda trial: trial.subject), lambda one: one.subject):
        lines.append(f"  {style.paint(style.safe(subject), Ink.BOLD)}")
        for trial in trials:
            first, second = (_painted(status, style) for status in (trial.before, trial.after))
            mark = style.paint("  no longer", Ink.RED, Ink.BOLD) if trial.broke else ""
            lines.append(f"    {pad(style.safe(trial.name), names)}  {first}  {second}{mark}".rstrip())
    ill = [check for check in compared.after.checks if check.status is not Status.OK]
    for subject, checks in groupby(_by_subject(ill), key=lambda check: check.subject):
        lines += ["", style.paint(style.safe(subject), Ink.BOLD)]
        lines += [line for check in checks for line in _row(check, min(names, _WIDEST_NAME), style, columns)]
    lines.append("")
    if broken := compared.broken:
        found = ", ".join(map(_named, broken))
        return lines + prose(f"A login that worked before would no longer: {found}.", style, columns, "", "  ")
    if compared.lost_sight:
        return [*lines, "What worked before could not all be tried again: nobody knows."]
    if failing := dict.fromkeys(_named(check) for check in compared.after.checks if check.stops is Stops.LOGIN):
        text = f"What worked before works after. This did not work before, and does not now: {', '.join(failing)}."
        return lines + prose(text, style, columns, "", "  ")
    return [*lines, "What worked before works after."]


def _named(item: Check | Trial) -> str:
    return f"{item.name} of {item.subject}"


def _painted(status: Status | None, style: Style) -> str:
    return style.paint(pad(status, _STATUS), _INKS[status], Ink.BOLD) if status else pad("-", _STATUS)


def _text(diagnosis: Diagnosis, heading: str, well: str, style: Style, columns: int) -> str:
    """A table by subject: how each check went, what was seen, and what to do; then the sum of it."""
    names = min(max((len(check.name) for check in diagnosis.checks), default=0), _WIDEST_NAME)
    lines = [title(f"{heading} {style.safe(f'{diagnosis.stack}/{diagnosis.environment}')}", style)]
    for subject, checks in groupby(_by_subject(diagnosis.checks), key=lambda check: check.subject):
        lines += ["", style.paint(style.safe(subject), Ink.BOLD)]
        lines += [line for check in checks for line in _row(check, names, style, columns)]
    return "\n".join([*lines, "", *_verdict(diagnosis, well, style, columns)])


def _by_subject(checks: Iterable[Check]) -> list[Check]:
    """The checks of a subject side by side, in the order in which subjects come first."""
    groups: dict[str, list[Check]] = {}
    for check in checks:
        groups.setdefault(check.subject, []).append(check)
    return [check for group in groups.values() for check in group]


def _row(check: Check, names: int, style: Style, columns: int) -> list[str]:
    indent = " " * (2 + _STATUS + 2 + names + 2)
    how_far = "" if check.source is Source.PROVED else f" ({check.source})"
    first, *others = prose(f"{check.seen}{how_far}", style, columns, indent, indent)
    name = style.safe(check.name)
    status = style.paint(pad(check.status, _STATUS), _INKS[check.status], Ink.BOLD)
    lead = f"  {status}  {pad(name, names)}  "
    beside = [lead + first.removeprefix(indent)] if width(name) <= names else [lead.rstrip(), first]
    remedy = "" if check.status is Status.OK else check.remedy
    return [*beside, *others, *remedy_lines(remedy, style, columns, indent)]


def _verdict(diagnosis: Diagnosis, well: str, style: Style, columns: int) -> list[str]:
    counts = Counter(check.status for check in diagnosis.checks)
    words = {Status.OK: "ok", Status.WARNING: "to look at", Status.FAILED: "failed", Status.UNKNOWN: "unknown"}
    parts = ", ".join(f"{counts[status]:,} {word}" for status, word in words.items() if counts[status])
    lines = [style.paint(f"{number(len(diagnosis.checks), 'check')}{f': {parts}' if parts else ''}.", Ink.BOLD)]
    for stops, text in ((Stops.LOGIN, "A login would not work"), (Stops.READING, "Could not be read")):
        found: dict[str, dict[str, None]] = {}
        for check in diagnosis.checks:
            if check.stops is stops:
                found.setdefault(check.subject, {})[check.name] = None
        if found:
            parts = "; ".join(f"{subject} ({', '.join(names)})" for subject, names in found.items())
            lines += prose(f"{text}: {parts}.", style, columns, "", "  ")
    if len(lines) == 1:
        lines.append(well)
    return lines


def doctor_document(diagnosis: Diagnosis) -> Document:
    """The checks as `doctor --json` prints them; described in docs/doctor.md."""
    return _document(diagnosis, "reconciler doctor")


def verify_document(diagnosis: Diagnosis) -> Document:
    """The checks as `verify --json` prints them; described in docs/verify.md."""
    return _document(diagnosis, "reconciler verify") | {
        "landings": [asdict(landing) for landing in diagnosis.landings]
    }


def _document(diagnosis: Diagnosis, name: str) -> Document:
    return {
        "format": name,
        "version": VERSION,
        "stack": diagnosis.stack,
        "environment": diagnosis.environment,
        "exit_code": int(diagnosis.exit_code),
        "checks": [asdict(check) for check in diagnosis.checks],
    }
