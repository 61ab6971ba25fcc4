"""An apply as text: a line for each step as it ends, and the report at the end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from reconciler.core.outcome import Outcome, Status, StepResult
from reconciler.errors import ExitCode
from reconciler.render.diagnostics import remedy_lines
from reconciler.render.doctor import logins_lines
from reconciler.render.rotation import window_lines
from reconciler.render.sections import INDENT, title
from reconciler.render.terminal import Ink, Style, prose, wrap

if TYPE_CHECKING:
    from reconciler.core.address import Address

_SIGNS = {
    Status.DONE: ("✓", "ok", Ink.GREEN),
    Status.FAILED: ("✗", "x", Ink.RED),
    Status.SKIPPED: ("·", "-", Ink.DIM),
    Status.MANUAL: ("☞", ">", Ink.YELLOW),
    Status.IN_DOUBT: ("?", "?", Ink.MAGENTA),
}
_SECTIONS = {
    Status.SKIPPED: "Skipped",
    Status.IN_DOUBT: "In doubt: the request was sent and no answer came; the next plan looks what is there",
    Status.FAILED: "Failed",
    Status.MANUAL: "For a person to do now",
}
"""In the order of the report: what asks for action comes last."""
_WORDS = {
    Status.DONE: "done",
    Status.MANUAL: "for a person to do",
    Status.SKIPPED: "skipped",
    Status.IN_DOUBT: "in doubt",
    Status.FAILED: "failed",
}
"""From the best to the worst; a resource counts with the worst of its steps."""


def step_line(result: StepResult, style: Style, *, place: int, total: int) -> str:
    """The progress of one step that has ended, the `place`th of `total`."""
    count = style.paint(f"[{place:>{len(str(total))}}/{total}]", Ink.DIM)
    address = style.safe(str(result.address))
    line = f"{count} {_sign(result.status, style)} {result.step} {address}"
    if result.status is Status.DONE:
        return f"{line} {style.paint(f'{result.seconds:.1f} s', Ink.DIM)}"
    said = style.safe(f": {result.message}") if result.message and result.status is not Status.MANUAL else ""
    return f"{line}: {_WORDS[result.status]}{said}"


def outcome_text(outcome: Outcome, style: Style, *, width: int) -> str:
    """The report of an apply: what was not done and why, what is left for a person, and a summary."""
    by_status: dict[Status, list[StepResult]] = {}
    for result in outcome.results:
        by_status.setdefault(result.status, []).append(result)
    sections: list[list[str]] = []
    for status, text in _SECTIONS.items():
        if found := by_status.get(status):
            lines = [title(text, style)]
            for result in found:
                lines += _result(result, style, width)
            sections.append(lines)
    if outcome.logins is not None:
        sections.append(logins_lines(outcome.logins, style, width))
    sections.append(window_lines(outcome.windows, style, width))
    sections.append(
        wrap(style.safe(outcome.advice[:1].upper() + outcome.advice[1:]), width) if outcome.advice else []
    )
    sections.append([style.paint(line, Ink.BOLD) for line in wrap(outcome_summary(outcome), width)])
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def outcome_summary(outcome: Outcome) -> str:
    """The apply in one sentence: resources by the worst that happened to them, and the new serial."""
    order = list(_WORDS)
    worst: dict[Address, Status] = {}
    for result in outcome.results:
        worst[result.address] = max(worst.get(result.address, Status.DONE), result.status, key=order.index)
    found = Counter(worst.values())
    counts = ", ".join(f"{found[status]:,} {word}" for status, word in _WORDS.items() if found[status])
    head = "Applied in part" if outcome.exit_code is ExitCode.PARTLY else "Applied"
    return f"{head}: {counts or 'nothing to do'}. State serial {outcome.serial}."


def _sign(status: Status, style: Style) -> str:
    sign, plain, ink = _SIGNS[status]
    return style.paint(sign if style.unicode else plain, ink)


def _result(result: StepResult, style: Style, width: int) -> list[str]:
    """A step that is not done: why, and what to do; the instructions for a person are numbered."""
    lines = [f"  {_sign(result.status, style)} {result.step} {style.safe(str(result.address))}"]
    if result.status is Status.MANUAL:
        for place, text in enumerate(result.message.splitlines(), 1):
            lines += prose(text, style, width, f"{INDENT}{place}. ", f"{INDENT}   ")
    else:
        lines += wrap(style.safe(result.message), width, INDENT, INDENT)
    return lines + remedy_lines(result.remedy, style, width, INDENT)
