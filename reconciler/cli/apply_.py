"""`reconciler apply`."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import allow, with_place
from reconciler.cli.options import as_json as json_option
from reconciler.errors import ExitCode, ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.outcome import Outcome, StepResult
    from reconciler.core.plan import Plan
    from reconciler.flows.apply import Dialogue
    from reconciler.flows.place import Place


@click.command("apply")
@with_place
@allow
@json_option
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--auto-approve", is_flag=True, help="Do not ask. Hazards still need --allow.")
@click.option("--destroy", is_flag=True, help="Take down everything that this stack made.")
def command(
    place: Place, allowed: tuple[str, ...], as_json: bool, file: Path | None, auto_approve: bool, destroy: bool
) -> int:
    """Make the systems what the spec says, or what the saved plan FILE says.

    Shows the plan, asks, and carries it out. A second run sends no write. Exit code 0: done; 3: some changes
    failed; 4: locked; 5: FILE is stale or was edited; 6: a hazard was not allowed; 7: a system could not be read;
    9: done, but a person has something left to do.
    """
    from reconciler.flows.apply import Request, apply
    from reconciler.flows.save import load_plan

    saved = load_plan(file) if file else None
    if saved is not None:
        from reconciler.flows.place import DEFAULT_ENVIRONMENT

        environment = None if saved.environment == DEFAULT_ENVIRONMENT else saved.environment
        place = replace(place, stack=saved.stack, environment=environment)
    request = Request(place, frozenset(allowed), saved, destroy)
    with interruptible() as (stop, caught):
        outcome = apply(
            request, dialogue(stop, quiet=as_json, ask=not (auto_approve or saved), allowed=frozenset(allowed))
        )
    return finish(outcome, caught, as_json=as_json)


def dialogue(stop: Event, *, quiet: bool, ask: bool, allowed: frozenset[str] = frozenset()) -> Dialogue:
    """How a run talks on this terminal: the plan on stdout unless `quiet`, progress on stderr."""
    from reconciler.cli.output import style_of
    from reconciler.cli.plan_ import print_plan
    from reconciler.flows.apply import Dialogue
    from reconciler.render.apply import step_line

    style = style_of(sys.stderr)
    ended: list[StepResult] = []

    def show(plan: Plan) -> None:
        if not quiet:
            print_plan(plan, "text", allowed)

    def confirm() -> bool:
        if not ask:
            return True
        if not sys.stdin.isatty():
            raise ReconcilerError("there is no terminal to ask on; nothing was done", "say --auto-approve")
        return click.confirm("Apply these changes?", err=True)

    def progress(result: StepResult, total: int) -> None:
        ended.append(result)
        click.echo(step_line(result, style, place=len(ended), total=total), err=True)

    return Dialogue(show, confirm, progress, stop)


@contextmanager
def interruptible() -> Iterator[tuple[Event, list[int]]]:
    """While it lasts, the first SIGINT or SIGTERM asks the run to stop after the requests in flight.

    Gives the flag, and the signals caught. A second signal ends the run at once; what was in flight is in doubt.
    """
    stop, caught = Event(), list[int]()

    def ask_to_stop(signum: int, _frame: object) -> None:
        caught.append(signum)
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        click.echo("stopping: the requests in flight are finished first", err=True)

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop, caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def finish(outcome: Outcome | None, caught: list[int], *, as_json: bool) -> int:
    """Prints how it went; the exit code."""
    from reconciler.cli.output import print_json, print_text, style_of, width
    from reconciler.render.apply import outcome_text
    from reconciler.render.document import outcome_document

    if outcome is None:
        click.echo("nothing was done", err=True)
        return ExitCode.ERROR
    if as_json:
        print_json(outcome_document(outcome))
    else:
        print_text(outcome_text(outcome, style_of(sys.stdout), width=width()))
    if caught:
        return ExitCode.TERMINATED if signal.SIGTERM in caught else ExitCode.INTERRUPTED
    return outcome.exit_code
