"""`reconciler verify`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import as_json as json_option
from reconciler.cli.options import with_account, with_place

if TYPE_CHECKING:
    from reconciler.cli.options import Account
    from reconciler.errors import ExitCode
    from reconciler.flows.place import Place


@click.command("verify")
@with_account
@json_option
@with_place
def command(place: Place, account: Account, as_json: bool) -> ExitCode:
    """Follow every login from the product to Clavex's login form, without anybody's password. Changes nothing.

    Also asks Clavex whether the stored client secret is right, and whether the claims arrive. Exit code 8: a login
    would not work; 7: something could not be read, so nobody knows; 0: neither.
    """
    from reconciler.cli.output import print_json, print_text, style_of, width
    from reconciler.flows.verify import verify
    from reconciler.render.doctor import verify_document, verify_text

    diagnosis = verify(place, account.user, account.password)
    if as_json:
        print_json(verify_document(diagnosis))
    else:
        print_text(verify_text(diagnosis, style_of(sys.stdout), columns=width()))
    return diagnosis.exit_code
