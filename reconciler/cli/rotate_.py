"""`reconciler rotate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.options import allow, with_place
from reconciler.cli.options import as_json as json_option
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.flows.place import Place


@click.command("rotate")
@allow
@json_option
@click.argument("address")
@click.option("--auto-approve", is_flag=True, help="Do not ask. Hazards still need --allow.")
@click.option("--without-downtime", is_flag=True, help="Let people in through a second client meanwhile.")
@with_place
def command(
    place: Place, allowed: frozenset[str], as_json: bool, address: str, auto_approve: bool, without_downtime: bool
) -> int:
    """Give the client at ADDRESS (system/client/name) a new secret, and every sign-on with it.

    Clavex refuses the old secret as soon as the new one is made. In place, no login works from then until a sign-on
    has the new one, which is measured. Without downtime, sign-ons move to a second client with the same redirect URIs
    and mappers, and back. Whatever interrupts it, the next apply puts things right.

    \b
    Exit codes:
      0  done
      1  error, or the answer was no
      3  some steps failed or were skipped
      4  somebody else is applying
      6  a hazard was not allowed: the client was adopted, or is somebody else's
      7  a system could not be read
      9  done, but a person has to type the new secret in somewhere
      130, 143  stopped by Ctrl-C or SIGTERM
    """  # noqa: D301 - click wants the character
    from reconciler.cli.apply_ import dialogue, finish
    from reconciler.cli.options import read_address
    from reconciler.flows.rotate import Request, rotate

    if as_json and not auto_approve:
        raise click.UsageError("--json shows no plan to say yes to: add --auto-approve")
    caught: list[int] = []
    outcome = rotate(
        Request(place, read_address(address), allowed, without_downtime),
        dialogue(caught, quiet=as_json, ask=not auto_approve),
    )
    if outcome is None:
        raise ReconcilerError("nothing was done: the answer was no")
    return finish(outcome, caught, as_json=as_json)
