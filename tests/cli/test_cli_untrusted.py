"""Texts that come from servers: whatever they hold, a terminal gets nothing to obey and nobody is misled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.responses import JSONResponse

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from cli.terminal import Terminal
    from starlette.types import Receive, Scope, Send

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\nPlan: nothing to do.\u202eexe.\u2066\u200b\ud7ff\x00\x7f"
HARMFUL = {*map(chr, range(32)), *map(chr, range(127, 160)), *"\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e"}
HARMFUL |= set("\u2028\u2029\u2066\u2067\u2068\u2069\ufeff")
COMMANDS = (("plan",), ("plan", "--format", "markdown"), ("plan", "--json"), ("drift",), ("drift", "--json"))
DOCTOR = (("doctor",), ("doctor", "--json"))


def is_safe(terminal: Terminal, indent: str = "") -> None:
    """Nothing that was printed so far holds a character that a terminal obeys, or a line that a server made up.

    What begins with `indent` is the rest of a longer line.
    """
    for text in terminal.shown:
        assert not (set(text) - {"\n"}) & HARMFUL
        lines = [line for line in text.splitlines() if not (indent and line.startswith(indent))]
        assert [line for line in lines if line.lstrip().startswith("Plan: nothing to do.")] == [], text


def test_names_and_texts_of_objects(applied: Terminal) -> None:
    """Everything that a server shows of ours is spoilt by hand."""
    client = applied.sandbox.clavex.world.clients["atlassian"]
    client.name = EVIL
    idp = applied.sandbox.confluence.world.idps[1]
    idp.button_text = f"x{EVIL}"
    idp.username_claim = EVIL
    idp.additional_scopes = [EVIL]
    provider = applied.sandbox.jira.world.miniorange["Identity Providers"][0]
    provider["Application Configuration"]["SCOPE"] = EVIL
    provider["Application Configuration"]["CUSTOM_APP_NAME"] = EVIL
    for group in applied.sandbox.clavex.world.groups.values():
        group.description = EVIL
    for command in (*COMMANDS, *DOCTOR):
        applied.run(*command)
    applied.apply("takes-over", "locks-out").ended(ExitCode.DONE)
    is_safe(applied)
    assert "\\x1b]0;owned\\x07" in applied.shown[2]


def test_members_of_a_list(applied: Terminal) -> None:
    """No newline of a redirect URI makes a line of its own where permission is asked for its removal."""
    applied.sandbox.clavex.world.clients["atlassian"].redirect_uris.append(f"https://evil.example/{EVIL}")
    for command in (*COMMANDS, *DOCTOR, ("apply", "--auto-approve")):
        applied.run(*command)
    assert not applied.writes
    is_safe(applied)


def test_what_somebody_else_owns(terminal: Terminal) -> None:
    """A client of the wanted id that bears a mark made to mislead."""
    from reconciler.sandbox.clavex.records import Client

    world = terminal.sandbox.clavex.world
    row = Client("atlassian", world.org_id, EVIL, ["https://theirs.example/"])
    row.managed_by, row.managed_ref = EVIL, EVIL
    world.add_client(row, "a-secret-of-theirs")
    idp = {"name": "confluence", "sso-type": "OIDC", "enabled": True, "button-text": f"x{EVIL}"}
    idp |= {"issuer-url": "https://evil.example", "client-id": "y" + EVIL, "discovery-enabled": True}
    terminal.sandbox.confluence.world.store_idp({**idp, "client-secret": "a-secret-of-theirs"})
    for command in (*COMMANDS, *DOCTOR, ("apply", "--auto-approve"), ("import", "clavex/client/atlassian")):
        terminal.run(*command)
    assert not terminal.writes
    terminal.apply("takes-over", "rotates", "locks-out").ended(ExitCode.DONE)
    for command in (("state", "list"), ("state", "show", "confluence/idp/confluence")):
        terminal.run(*command).ended(ExitCode.DONE)
    is_safe(terminal)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
def test_messages_of_errors(applied: Terminal, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    answer = JSONResponse({"error": EVIL, "message": EVIL, "errorMessages": [EVIL]}, status)

    async def misbehave(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope, receive, send)

    for served in applied.sandbox.served:
        monkeypatch.setattr(served.faults, "_app", misbehave)
    for command in (*COMMANDS, *DOCTOR, ("apply", "--auto-approve")):
        assert applied.run(*command).code in {ExitCode.INCOMPLETE, ExitCode.UNVERIFIED}
    is_safe(applied, indent="      ")


def test_headers_of_answers(applied: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    async def misbehave(scope: Scope, receive: Receive, send: Send) -> None:
        target = b"https://evil.example\x1b[31m/\x9b\xff"
        await send({"type": "http.response.start", "status": 302, "headers": [(b"location", target)]})
        await send({"type": "http.response.body", "body": b""})

    monkeypatch.setattr(applied.sandbox.jira.faults, "_app", misbehave)
    for command in (*COMMANDS, *DOCTOR):
        assert applied.run(*command).code in {ExitCode.INCOMPLETE, ExitCode.UNVERIFIED}
    is_safe(applied)


def test_a_version_that_a_product_made_up(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal.sandbox.jira.world, "version", f"9.12.0{EVIL}")
    for command in (*COMMANDS, *DOCTOR):
        terminal.run(*command)
    is_safe(terminal)


def test_what_a_user_typed_is_not_trusted_either(terminal: Terminal) -> None:
    terminal.run("state", "show", f"a/b/{EVIL}")
    terminal.run("import", f"clavex/client/{EVIL}")
    terminal.run("plan", "--specs", f"x{EVIL}".replace("\x00", ""))
    terminal.run("show", f"x{EVIL}".replace("\x00", ""))
    is_safe(terminal)


def test_a_permission_that_covers_nothing(applied: Terminal) -> None:
    """What it was said for may have been copied from anywhere."""
    applied.run("plan", "--allow", f"deletes={EVIL}").ended(ExitCode.DONE)
    assert "covers nothing" in applied.shown[-1]
    is_safe(applied)
