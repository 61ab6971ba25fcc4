"""`reconciler plan`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import allow, as_form, with_place
from reconciler.cli.options import as_json as json_option
from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from reconciler.core.plan import Plan
    from reconciler.flows.place import Place


@click.command("plan")
@allow
@as_form
@json_option
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan too, for `reconciler apply FILE`."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit code 2 when there is something to do.")
@with_place
def command(
    place: Place, allowed: frozenset[str], form: str, as_json: bool, out: Path | None, detailed_exitcode: bool
) -> int:
    """Show what an apply would do, and what drifted: Clavex and the products in one plan.

    Changes nothing anywhere. --allow shows the plan as it would look to an apply that allows the same.

    \b
    Exit codes:
      0  the plan is whole, whether there is something to do or not
      1  error; or the plan holds one, and cannot be applied
      2  with --detailed-exitcode: there is something to do
      6  a system moved to another host, or nobody named its host
      7  a system could not be read: the plan is not whole
    """  # noqa: D301 - click wants the character
    from reconciler.flows.plan import plan
    from reconciler.flows.save import save_plan

    form = "json" if as_json else form
    made, spec = plan(place, allowed)
    if out is not None or form == "json":  # what others keep says which spec it is of
        made = replace(made, spec_digest=spec.digest)
    if out is not None:
        save_plan(made, out, place.codec(spec))
    print_plan(made, form, allowed)
    warn_idle(made, allowed)
    tell_unread(made)
    if out is not None:
        click.echo(f"saved; to carry it out: reconciler apply {quote(str(out))}", err=True)
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


def warn_idle(made: Plan, allowed: frozenset[str]) -> None:
    """Says of each --allow that permits nothing in this plan, on stderr: it may be spelled wrong."""
    from reconciler.cli.output import style_of
    from reconciler.core.policy import idle

    safe = style_of(sys.stderr).safe
    for item in idle(made.hazards, allowed):
        click.echo(f"warning: --allow {safe(quote(item))} covers nothing: the plan holds no such hazard", err=True)


def tell_unread(made: Plan) -> None:
    """Says on stderr that something could not be read: who sends the report elsewhere learns of it too."""
    from reconciler.render.wording import number

    if made.unread:
        click.echo(f"error: {number(len(made.unread), 'resource')} could not be read; the report says why", err=True)


def exit_code(made: Plan, *, detailed: bool) -> ExitCode:
    """What `plan` ends with."""
    from reconciler.diagnostic import Severity

    if any(item.severity is Severity.ERROR for item in made.diagnostics):
        return ExitCode.ERROR
    if made.unread:
        return ExitCode.INCOMPLETE
    return ExitCode.CHANGES if detailed and made.changes else ExitCode.DONE
