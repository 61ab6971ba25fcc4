"""`reconciler apply`."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Where, allow, with_account, with_where
from reconciler.cli.options import as_json as json_option
from reconciler.errors import ExitCode, ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.cli.options import Account
    from reconciler.core.outcome import Outcome, StepResult
    from reconciler.core.plan import Plan
    from reconciler.flows.apply import Dialogue

_HELP = """Make the systems what the spec says, or what the saved plan FILE says.

Shows the plan, asks, and carries it out; applying again then sends no write. FILE (from `plan --out`) knows its
stack and environment, is not asked about, and is refused if anything has changed since it was made.

With --verify, as `reconciler verify`, every sign-on that the plan may change is tried before and after. With
--as, a login form or fallback goes off without --allow, once the account got in through the product.

Ctrl-C or SIGTERM stops after the requests in flight; the next apply goes on from there. A second one ends at
once.

\b
Exit codes:
  0  done, or nothing to do
  1  error, or the answer was no
  3  some changes failed or were skipped
  4  somebody else is applying
  5  FILE is stale or was edited
  6  a hazard was not allowed
  7  a system could not be read, or a login that worked not be tried again
  8  a login that worked before would no longer
  9  done, but a person has something left to do
  130, 143  stopped by Ctrl-C or SIGTERM
"""


@click.command("apply", help=_HELP)
@allow
@json_option
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--auto-approve", is_flag=True, help="Do not ask. Hazards still need --allow.")
@click.option("--destroy", is_flag=True, help="Take down everything that this stack made.")
@click.option("--verify", is_flag=True, help="Try the logins that the plan may change, before and after.")
@with_account
@with_where
def command(
    where: Where,
    allowed: frozenset[str],
    as_json: bool,
    file: Path | None,
    auto_approve: bool,
    destroy: bool,
    verify: bool,
    account: Account,
) -> int:
    """Plans, asks, carries it out and says how it went."""
    from reconciler.flows.apply import Request, Verification, apply
    from reconciler.flows.place import codec_of
    from reconciler.flows.save import load_plan

    if file and destroy:
        raise click.UsageError("--destroy plans by itself: leave out FILE")
    if destroy and verify:
        raise click.UsageError("--destroy leaves no login to verify: leave out one of the two")
    if account.user and not verify:
        raise click.UsageError("--as belongs to --verify")
    if as_json and not (file or auto_approve):
        raise click.UsageError("--json shows no plan to say yes to: add --auto-approve, or apply a saved plan")
    saved = load_plan(file, codec_of(os.environ)) if file else None
    place = where.place_of(saved) if saved else where.place()
    caught: list[int] = []
    outcome = apply(
        Request(place, allowed, saved, destroy, Verification(*account) if verify else None),
        dialogue(caught, quiet=as_json, ask=not (auto_approve or saved)),
    )
    if outcome is None:
        raise ReconcilerError("nothing was done: the answer was no")
    return finish(outcome, caught, as_json=as_json)


def dialogue(caught: list[int], *, quiet: bool, ask: bool = False) -> Dialogue:
    """How a run talks on this terminal: the plan on stdout unless `quiet`, progress on stderr.

    `caught` gets the signals that asked the run to stop.
    """
    from reconciler.cli.output import print_text, style_of, width
    from reconciler.cli.plan_ import print_plan, warn_idle
    from reconciler.flows.apply import Dialogue
    from reconciler.render.apply import step_line
    from reconciler.render.rotation import lines_of

    style = style_of(sys.stderr)
    ended: list[StepResult] = []

    def show(plan: Plan, allowed: frozenset[str]) -> None:
        if not quiet:
            print_plan(plan, "text", allowed)
        warn_idle(plan, allowed)

    def tell(lines: Sequence[str]) -> None:
        if not quiet:
            print_text("\n".join([*lines_of(lines, style_of(sys.stdout), width()), ""]))

    def confirm() -> bool:
        if not ask:
            return True
        if not sys.stdin.isatty():
            raise ReconcilerError("there is no terminal to ask on; nothing was done", "say --auto-approve")
        return click.confirm("Apply these changes?", err=True)

    def progress(result: StepResult, total: int) -> None:
        ended.append(result)
        _say(step_line(result, style, place=len(ended), total=total))

    return Dialogue(show, tell, confirm, progress, lambda: _stoppable(caught))


def _say(line: str) -> None:
    """A line on stderr. The work goes on where nobody reads it, its disk is full, or a line is just being printed."""
    with suppress(OSError, RuntimeError):  # the second comes of a signal in the midst of another line
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


@contextmanager
def _stoppable(caught: list[int]) -> Iterator[Event]:
    """While it lasts, the first SIGINT or SIGTERM sets the flag that it gives.

    A second one ends the process at once: what was in flight is in doubt, and the lock goes with the process.
    """
    stop = Event()

    def ask_to_stop(number: int, _frame: object) -> None:
        caught.append(number)
        if stop.is_set():
            os._exit(_exit_code(number))
        stop.set()
        _say("stopping after the requests in flight; once more ends at once")

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit_code(number: int) -> ExitCode:
    return ExitCode.TERMINATED if number == signal.SIGTERM else ExitCode.INTERRUPTED


def finish(outcome: Outcome, caught: list[int], *, as_json: bool) -> int:
    """Prints how it went; the exit code."""
    from reconciler.cli.output import print_json, print_text, style_of, width
    from reconciler.render.apply import outcome_text
    from reconciler.render.document import outcome_document

    if as_json:
        print_json(outcome_document(outcome))
    else:
        print_text(outcome_text(outcome, style_of(sys.stdout), width=width()))
    return _exit_code(caught[0]) if caught else outcome.exit_code
