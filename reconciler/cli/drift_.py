"""`reconciler drift`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import as_json as json_option
from reconciler.cli.options import with_place
from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from reconciler.flows.place import Place


@click.command("drift")
@json_option
@with_place
def command(place: Place, as_json: bool) -> int:
    """Say what somebody changed outside the spec since the last apply. Made for cron.

    Only reads, and takes no lock. Changes of the spec that wait for an apply are no drift. Exit code 0: all is as
    applied; 2: something drifted; 7: a system could not be read.
    """
    from reconciler.cli.output import print_json, print_text, style_of, width
    from reconciler.cli.plan_ import tell_unread
    from reconciler.flows.drift import drift
    from reconciler.render.document import drift_document
    from reconciler.render.drift import drift_text

    report = drift(place)
    if as_json:
        print_json(drift_document(report.plan, report.holder, report.held))
    else:
        text = drift_text(
            report.plan,
            style_of(sys.stdout),
            width=width(),
            running=report.holder,
            held=report.held,
            managed=report.managed,
        )
        print_text(text)
    tell_unread(report.plan)
    if report.plan.drift:
        return ExitCode.CHANGES
    return ExitCode.INCOMPLETE if report.plan.unread else ExitCode.DONE
