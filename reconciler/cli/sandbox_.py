"""`reconciler sandbox`: emulated Clavex, Jira and Confluence until stopped."""

from __future__ import annotations

import json
import secrets
import signal
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.sandbox.serve import Sandbox

EXTRA = {"joserfc", "starlette", "uvicorn", "wsproto"}
"""The packages that only the sandbox needs."""
PERSON = "demo@acme.test"
"""Who a person may log in as, at the emulated Clavex."""

_HELP = """Serve emulated Clavex, Jira and Confluence on loopback until stopped (Ctrl-C or SIGTERM).

Everything is in memory and gone afterwards. Credentials are new at every start; so are the ports, unless --port
is given. The emulated Clavex answers as a real server was recorded; Jira, Confluence and their plugins follow the
vendors' documents.

After an apply, open Jira or Confluence in a browser and press the button of the single sign-on: the emulated
Clavex knows one person, who is in every group that is made. With --clavex-url, log in as a user of that server.

\b
Every emulator counts what it is asked and can be told to misbehave:
  curl URL/_sandbox/requests
  curl URL/_sandbox/faults -d '{"kind": "server-error", "path": "/clients"}'

\b
Keys of a fault: kind, method, path (regular expression), times, skip,
seconds, status, retry_after, acts. Kinds: latency, slow-body, too-many,
truncated-json, cut-before, cut-after, server-error, html, error-in-200,
login-redirect, expired-token, websudo.
"""


@click.command("sandbox", help=_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object when everything is ready.")
@click.option(
    "--port",
    metavar="BASE",
    type=click.IntRange(1, 65533),
    help="Serve Clavex on this port, Jira on the next, Confluence on the one after. Default: free ports.",
)
@click.option("--clavex-url", metavar="URL", help="Use the real Clavex at URL; emulate only Jira and Confluence.")
@click.option(
    "--guide-dialect", is_flag=True, help="Emulate the Clavex of the published guide, not the released one."
)
@click.option("--jira-version", metavar="V", help="Version that the emulated Jira has.")
@click.option("--confluence-version", metavar="V", help="Version that the emulated Confluence has.")
def command(
    as_json: bool,
    port: int | None,
    clavex_url: str | None,
    guide_dialect: bool,
    jira_version: str | None,
    confluence_version: str | None,
) -> None:
    """Serves until a signal comes."""
    if clavex_url is not None and (urlsplit(clavex_url).scheme not in {"http", "https"} or guide_dialect):
        raise click.UsageError("--clavex-url takes an http(s) address, and no --guide-dialect")
    try:
        from reconciler.sandbox import atlassian
        from reconciler.sandbox.clavex import Switches, clavex
        from reconciler.sandbox.serve import Sandbox
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        raise ReconcilerError(
            f"the sandbox needs {error.name}, which is not installed",
            "install it with: pip install 'sso-reconciler[sandbox]'",
        ) from error
    made = Sandbox(
        clavex=clavex(Switches(guide_dialect=guide_dialect)),
        jira=atlassian.jira(jira_version) if jira_version else None,
        confluence=atlassian.confluence(confluence_version) if confluence_version else None,
        clavex_url=clavex_url,
        port=port,
    )
    handlers = [
        (number, signal.signal(number, signal.default_int_handler)) for number in (signal.SIGINT, signal.SIGTERM)
    ]
    try:
        with made:
            person = None if clavex_url else _invite(made)
            click.echo(json.dumps(_describe(made, person)) if as_json else _page(made, person))
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in handlers:
            signal.signal(number, handler)


Person = dict[str, str]
"""Email and password."""


def _invite(sandbox: Sandbox) -> Person:
    """Somebody who can log in to what the spec wires up."""
    person = {"email": PERSON, "password": secrets.token_urlsafe(9)}
    sandbox.clavex.world.add_visitor(**person)
    return person


def _describe(sandbox: Sandbox, person: Person | None) -> dict[str, dict[str, str | Person]]:
    systems: dict[str, dict[str, str | Person]] = {name: {**system} for name, system in sandbox.describe().items()}
    if person:
        systems["clavex"]["person"] = person
    return systems


def _real_user(sandbox: Sandbox) -> list[str]:
    """A real Clavex has a policy for its form that the sandbox, which has no TLS, does not meet."""
    return [
        f"  a user of {sandbox.clavex_url}",
        "If the browser then stays at the form, which may lead to https only, press the product's button again.",
    ]


def _page(sandbox: Sandbox, person: Person | None) -> str:
    """What runs where, and what to do with it."""
    systems = sandbox.describe()
    lines = ["The sandbox is ready. Everything in it is in memory; Ctrl-C ends it.", ""]
    for name, system in systems.items():
        lines.append(f"{name.capitalize():<11} {system['url']}")
        if "token" in system:
            lines.append(f"{'':<11} token {system['token']}")
            lines.append(f"{'':<11} login {system['username']} / {system['password']}")
    tokens = {name: system.get("token", "…") for name, system in systems.items()}
    lines += [
        "",
        "To use it, give the tokens to a second terminal and name these addresses in a spec:",
        "",
        *(f"  export {name.upper()}_TOKEN={token}" for name, token in tokens.items()),
        "  reconciler plan",
        "",
        "After an apply, open Jira or Confluence in a browser, press the button of the single sign-on, and log in as",
        *([f"  {person['email']} / {person['password']}"] if person else _real_user(sandbox)),
        "",
        "Counted requests: URL/_sandbox/requests. Faults: reconciler sandbox --help.",
    ]
    return "\n".join(lines)
