"""Objects that other people made: whatever happens to us, nothing may happen to them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from acceptance import wanted

from reconciler.errors import ExitCode
from reconciler.sandbox.atlassian.miniorange_document import EXTRA_KEY
from reconciler.sandbox.clavex.records import Client

if TYPE_CHECKING:
    from cli.terminal import Terminal

    from reconciler.sandbox.serve import Sandbox

PROVIDER = {
    "ID": "by-hand",
    "Name": "By hand",
    "Application Configuration": {"CLIENT_SECRET": "of-hand", "Own": [1], EXTRA_KEY: ""},
    "Attribute Mapping": {EXTRA_KEY: ""},
    "Group Mapping": {EXTRA_KEY: ""},
    EXTRA_KEY: "",
}
CREATED_BEFORE = {"confluence/group/confluence-users", "jira/group/jira-administrators"}
"""These groups come with the products."""
MARKED = ("clavex/client/", "clavex/group/")
"""Objects that say who made them."""


class Strangers:
    """A client, a group, an identity provider and a provider of miniOrange that are not ours."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        clavex, jira, confluence = sandbox.clavex.world, sandbox.jira.world, sandbox.confluence.world
        clavex.add_client(
            Client("foreign", clavex.org_id, "Foreign", ["https://foreign.example/"]), "of-somebody-else"
        )
        idp = {"name": "Foreign", "sso-type": "OIDC", "enabled": True, "button-text": "Foreign"}
        idp |= {"issuer-url": "https://id.example", "client-id": "x", "discovery-enabled": True}
        confluence.store_idp({**idp, "client-secret": "of-somebody-else"}, 77)
        jira.miniorange["Identity Providers"].append(copy.deepcopy(PROVIDER))
        self.before = self._take(copy.deepcopy)

    def _take(self, how: Any) -> list[Any]:
        providers = self.sandbox.jira.world.miniorange["Identity Providers"]
        return how(
            [
                self.sandbox.clavex.world.clients["foreign"],
                self.sandbox.confluence.world.idps[77],
                next(item for item in providers if item.get("ID") == "by-hand"),
            ]
        )

    def leave(self) -> None:
        """They are as they were, and go."""
        assert self._take(list) == self.before
        self.sandbox.clavex.world.remove_client("foreign")
        del self.sandbox.confluence.world.idps[77]
        providers = self.sandbox.jira.world.miniorange["Identity Providers"]
        providers[:] = [item for item in providers if item.get("ID") != "by-hand"]


def converges(terminal: Terminal, strangers: Strangers | None = None, *allowed: str) -> None:
    """One apply more, which asks for nothing new (what was allowed before is), and all is as if nothing had happened.

    Everything exists once, what bears our mark is known to be ours, and every secret is the right one.
    """
    terminal.apply("locks-out", *allowed).ended(ExitCode.DONE)
    before = terminal.writes
    made = terminal.plan()
    assert (made["changes"], made["drift"], made["unread"]) == ([], [], [])
    assert terminal.writes == before
    entries = terminal.run("state", "list", "--json").json["state"]["entries"]  # those of a journal too
    adopted = {address for address, entry in entries.items() if entry["origin"] == "adopted"}
    assert adopted >= CREATED_BEFORE
    assert not any(address.startswith(MARKED) for address in adopted), "its mark says that we made it"
    if strangers:
        strangers.leave()
    wanted.check(terminal)


def says_no_secret(terminal: Terminal) -> None:
    """Nothing that was printed holds a secret, or a traceback."""
    said = "".join(terminal.shown)
    assert "Traceback" not in said
    assert [secret for secret in terminal.sandbox.issued_secrets if len(secret) > 7 and secret in said] == []
