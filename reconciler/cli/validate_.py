"""`reconciler validate`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import as_json as json_option
from reconciler.cli.options import with_spec

if TYPE_CHECKING:
    from reconciler.flows.place import Place


@click.command("validate")
@json_option
@with_spec
def command(place: Place, as_json: bool) -> None:
    """Check the spec: every problem at once, each with file, line and what to do.

    Needs no network, no token and no state. Exit code 0: the spec is right; 1: it is not.
    """
    from reconciler.cli.output import print_json, print_text, style_of, width
    from reconciler.flows.validate import validate
    from reconciler.render.diagnostics import diagnostics_text
    from reconciler.render.document import diagnostics_document

    result = validate(place)
    if as_json:
        print_json(diagnostics_document(result.diagnostics))
        return
    if result.diagnostics:
        click.echo(diagnostics_text(result.diagnostics, style_of(sys.stderr), columns=width()).rstrip("\n"), err=True)
    print_text(f"{place.specs / place.stack}: right; it asks for {result.resources} resources")
