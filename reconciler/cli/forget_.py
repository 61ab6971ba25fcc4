"""`reconciler forget`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.options import as_json as json_option
from reconciler.cli.options import with_place

if TYPE_CHECKING:
    from reconciler.flows.place import Place


@click.command("forget")
@json_option
@click.argument("address")
@with_place
def command(place: Place, as_json: bool, address: str) -> int:
    """Let the object at ADDRESS (system/type/name) go: drop it from the state, and take our mark off.

    The object stays as it is; so does the mark where the server cannot take it off (groups of Clavex).
    If the spec still asks for it, the next plan adopts it again.
    """
    from reconciler.cli.apply_ import dialogue, finish
    from reconciler.cli.options import read_address
    from reconciler.flows.adopt import forget

    caught: list[int] = []
    outcome = forget(place, read_address(address), dialogue(caught, quiet=as_json))
    return finish(outcome, caught, as_json=as_json)
