"""`reconciler plan`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import allow, with_place
from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from reconciler.core.plan import Plan
    from reconciler.flows.place import Place


@click.command("plan")
@with_place
@allow
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan for `apply FILE`.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="For a person, a program (docs/plan.md), or a merge request.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit code 2 when there is something to do.")
def command(place: Place, allowed: tuple[str, ...], out: Path | None, form: str, detailed_exitcode: bool) -> int:
    """Show what an apply would do, and what drifted: both ends, Clavex and products, in one plan.

    Writes nothing anywhere. Exit code 0, or 2 with --detailed-exitcode when there are changes, 7 when a system
    could not be read, 1 when the plan shows an error.
    """
    from reconciler.flows.plan import plan
    from reconciler.flows.save import save_plan

    made = plan(place, frozenset(allowed))
    print_plan(made, form, frozenset(allowed))
    if out is not None:
        save_plan(made, out)
        click.echo(f"saved: reconciler apply {out}", err=True)
    return exit_code(made, detailed=detailed_exitcode)


def print_plan(made: Plan, form: str, allowed: frozenset[str] = frozenset()) -> None:
    """The plan on stdout, in one of the forms."""
    from reconciler.cli.output import print_json, print_text, style_of, width

    if form == "json":
        from reconciler.render.document import plan_document

        print_json(plan_document(made))
    elif form == "markdown":
        from reconciler.render.markdown import plan_markdown

        print_text(plan_markdown(made))
    else:
        from reconciler.render.plan import plan_text

        print_text(plan_text(made, style_of(sys.stdout), width=width(), allowed=allowed))


def exit_code(made: Plan, *, detailed: bool) -> ExitCode:
    """What `plan` ends with."""
    from reconciler.diagnostic import Severity

    if any(item.severity is Severity.ERROR for item in made.diagnostics):
        return ExitCode.ERROR
    if made.unread:
        return ExitCode.INCOMPLETE
    return ExitCode.CHANGES if detailed and made.changes else ExitCode.DONE
