"""`reconciler show`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.cli.options import as_form
from reconciler.cli.options import as_json as json_option


@click.command("show")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@as_form
@json_option
def command(file: Path, form: str, as_json: bool) -> None:
    """Print the plan that `plan --out` saved in FILE, as `plan` printed it. Asks no system.

    Exit code 0; 1: FILE holds no plan; 5: it was edited.
    """
    from reconciler.cli.plan_ import print_plan
    from reconciler.flows.place import codec_of
    from reconciler.flows.save import load_plan

    print_plan(load_plan(file, codec_of(os.environ)), "json" if as_json else form)
