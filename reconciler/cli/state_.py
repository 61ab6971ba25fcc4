"""`reconciler state`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.options import as_json as json_option
from reconciler.cli.options import read_address, with_state
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.flows.place import Place


@click.group("state")
def command() -> None:
    """Look into the state: what is managed, and what was last applied. Asks no system."""


@command.command("list")
@with_state
@json_option
def list_(place: Place, as_json: bool) -> None:
    """List the managed addresses, each with how it came under management."""
    from reconciler.cli.output import print_json, print_text
    from reconciler.render.document import state_document
    from reconciler.render.state import entries_text

    state = place.state_store().read()
    if as_json:
        print_json(state_document(state))
    else:
        print_text(entries_text(state))


@command.command("show")
@with_state
@json_option
@click.argument("address")
def show(place: Place, as_json: bool, address: str) -> None:
    """Print what was last applied to ADDRESS. Secrets are recorded as handles and fingerprints only."""
    from reconciler.cli.output import print_json, print_text
    from reconciler.render.document import entry_document
    from reconciler.render.state import entry_text

    where = read_address(address)
    entry = place.state_store().read().entries.get(where)
    if entry is None:
        raise ReconcilerError(f"{where} is not in the state", "`reconciler state list` shows what is")
    if as_json:
        print_json(entry_document(where, entry))
    else:
        print_text(entry_text(where, entry))
