"""`reconciler show`."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import as_json as json_option


@click.command("show")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def command(file: Path, as_json: bool) -> None:
    """Print the plan saved in FILE as `plan` printed it. Asks no system."""
    from reconciler.cli.plan_ import print_plan
    from reconciler.flows.save import load_plan

    print_plan(load_plan(file), "json" if as_json else "text")
