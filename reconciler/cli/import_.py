"""`reconciler import`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.options import as_json as json_option
from reconciler.cli.options import with_place

if TYPE_CHECKING:
    from reconciler.flows.place import Place


@click.command("import")
@json_option
@click.argument("address")
@with_place
def command(place: Place, as_json: bool, address: str) -> int:
    """Take the existing object at ADDRESS (system/type/name) into the state as it is.

    The spec must ask for it. Where the server keeps a managed-by mark, ours is left on the object; nothing else is
    written. The next plan shows what differs from the spec. An imported object is never deleted by leaving the spec,
    unless it bears our mark from before and so is known to be our own.
    """
    from reconciler.cli.apply_ import dialogue, finish
    from reconciler.cli.options import read_address
    from reconciler.flows.adopt import adopt

    caught: list[int] = []
    outcome = adopt(place, read_address(address), dialogue(caught, quiet=as_json))
    return finish(outcome, caught, as_json=as_json)
