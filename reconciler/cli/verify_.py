"""`reconciler verify`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import as_json as json_option
from reconciler.cli.options import with_place

if TYPE_CHECKING:
    from reconciler.core.secret import Handle
    from reconciler.errors import ExitCode
    from reconciler.flows.place import Place


def _read_handle(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Handle | None:
    """Where a secret lies. What was typed is not shown: it may be the password itself."""
    from reconciler.spec.rules import BrokenRuleError, parse_handle

    try:
        return None if value is None else parse_handle(value)
    except BrokenRuleError:
        raise click.BadParameter("it is env:NAME, file:NAME#KEY or command:NAME#KEY, never the password") from None


@click.command("verify")
@click.option("--as", "user", metavar="USER", default="", help="Log in with this test account too, by every sign-on.")
@click.option(
    "--password-from",
    "password",
    metavar="HANDLE",
    callback=_read_handle,
    help="Where its password lies: env:NAME, file:NAME#KEY or command:NAME#KEY.",
)
@json_option
@with_place
def command(place: Place, user: str, password: Handle | None, as_json: bool) -> ExitCode:
    """Follow every login from the product to Clavex's login form, without anybody's password. Changes nothing.

    Also asks Clavex whether the stored client secret is right, and whether the claims arrive. Exit code 8: a login
    would not work; 7: something could not be read, so nobody knows; 0: neither.
    """
    from reconciler.cli.output import print_json, print_text, style_of, width
    from reconciler.flows.verify import verify
    from reconciler.render.doctor import verify_document, verify_text

    if bool(user) is not bool(password):
        raise click.UsageError("--as and --password-from belong together")
    diagnosis = verify(place, user, password)
    if as_json:
        print_json(verify_document(diagnosis))
    else:
        print_text(verify_text(diagnosis, style_of(sys.stdout), columns=width()))
    return diagnosis.exit_code
