"""`reconciler doctor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import as_json as json_option
from reconciler.cli.options import with_place

if TYPE_CHECKING:
    from reconciler.errors import ExitCode
    from reconciler.flows.place import Place


@click.command("doctor")
@json_option
@with_place
def command(place: Place, as_json: bool) -> ExitCode:
    """Say what would stop a login, and what to do about it. Reads everything, changes nothing.

    Exit code 8: something would stop a login; 7: something could not be read, so nobody knows; 0: neither.
    """
    from reconciler.cli.output import print_json, print_text, style_of, width
    from reconciler.flows.doctor import doctor
    from reconciler.render.doctor import doctor_document, doctor_text

    diagnosis = doctor(place)
    if as_json:
        print_json(doctor_document(diagnosis))
    else:
        print_text(doctor_text(diagnosis, style_of(sys.stdout), columns=width()))
    return diagnosis.exit_code
