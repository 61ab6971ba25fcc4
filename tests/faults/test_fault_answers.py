"""A system whose answers make no sense: it was not read, nothing is planned on it, nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli.terminal import flat
from faults.strangers import says_no_secret
from starlette.responses import JSONResponse

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from cli.terminal import Terminal
    from starlette.types import ASGIApp, Receive, Scope, Send

BAD = {
    "the answer is an HTML page": Fault(kind=Kind.HTML),
    "404 Not Found": Fault(kind=Kind.HTML, status=404),
    "a login page": Fault(kind=Kind.LOGIN_REDIRECT),
    "cut short": Fault(kind=Kind.TRUNCATED_JSON),
    "holds an error: something went wrong": Fault(kind=Kind.ERROR_IN_200),
    "the connection was cut": Fault(kind=Kind.CUT_BEFORE),
    "connection was cut before the whole answer": Fault(kind=Kind.CUT_AFTER),
    "429 Too Many Requests": Fault(kind=Kind.TOO_MANY),
    "went on doing so": Fault(kind=Kind.TOO_MANY, retry_after=0),
    "500 Internal Server Error": Fault(kind=Kind.SERVER_ERROR, status=500),
    "503 Service Unavailable": Fault(kind=Kind.SERVER_ERROR),
    "401 Unauthorized": Fault(kind=Kind.EXPIRED_TOKEN),
    "WebSudo": Fault(kind=Kind.WEBSUDO),
}
"""What is said, and what happens to every request."""


@pytest.mark.parametrize("said", BAD)
@pytest.mark.parametrize("system", ["clavex", "jira", "confluence"])
def test_nothing_is_planned_on_a_system_that_answers_nonsense(applied: Terminal, system: str, said: str) -> None:
    """Its addresses are unread, with the reason; the others are looked at; the exit code is 7."""
    getattr(applied.sandbox, system).faults.add(BAD[said].model_copy(update={"times": None}))
    applied.write({"clients": {"atlassian": {"name": "New"}}, "sso": {"confluence": {"display_name": "New"}}})
    ran = applied.run("plan", "--json").ended(ExitCode.INCOMPLETE)
    plan = ran.json["plan"]
    unread = {item["address"]: item for item in plan["unread"]}
    of_system = {address for address in applied.entries if address.startswith(f"{system}/")}
    assert of_system <= unread.keys()
    assert {change["address"] for change in plan["changes"]}.isdisjoint(unread)
    reasons = " ".join(f"{unread[address]['reason']} {unread[address]['remedy']}" for address in of_system)
    assert said in reasons or (said.startswith("404") and "HTML page" in reasons)
    assert "http://127.0.0.1" in reasons
    assert all(item["remedy"] for item in unread.values() if said in item["reason"]), "it says what to do"
    applied.run("drift").ended(ExitCode.INCOMPLETE)
    ran = applied.apply().ended(ExitCode.INCOMPLETE)
    assert "nothing was done" in ran.err
    assert f"--allow incomplete={system}" in ran.err
    assert not applied.writes
    says_no_secret(applied)


def test_what_can_be_read_is_done_if_that_is_allowed(applied: Terminal) -> None:
    applied.sandbox.clavex.faults.add(Fault(kind=Kind.HTML, times=None))
    applied.sandbox.jira.faults.add(Fault(kind=Kind.HTML, times=None))
    applied.write({"sso": {"confluence": {"login_form": False}}})
    names = ("incomplete", "locks-out")
    before = applied.entries
    applied.apply(*names).ended(ExitCode.DONE)
    assert before.items() <= applied.entries.items()


def test_only_one_address_may_be_unread(applied: Terminal) -> None:
    applied.sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, path="/idps", times=None))
    plan = applied.run("plan", "--json").ended(ExitCode.INCOMPLETE).json["plan"]
    assert [item["address"] for item in plan["unread"]] == ["confluence/idp/confluence"]


def test_an_expired_token_is_no_absence(applied: Terminal) -> None:
    for served in applied.sandbox.served:
        served.faults.add(Fault(kind=Kind.EXPIRED_TOKEN, times=None))
    ran = applied.run("plan").ended(ExitCode.INCOMPLETE)
    assert "the token was refused" in ran.out
    assert "to create" not in ran.out
    ran = applied.apply("deletes", "locks-out", "takes-over").ended(ExitCode.INCOMPLETE)
    assert not applied.writes


@pytest.mark.parametrize(
    "endpoint", ["x", "javascript:alert(1)", "https://id.example/a b", "https:///x", "file:///x"]
)
def test_no_plugin_is_sent_to_what_is_no_url(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    """With the client's secret."""
    app = terminal.sandbox.clavex.faults._app

    async def mislead(scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].endswith("/openid-configuration"):
            await app(scope, receive, send)
            return
        issuer = f"{terminal.sandbox.clavex.url}/acme"
        rest = dict.fromkeys(("authorization_endpoint", "userinfo_endpoint", "jwks_uri"), f"{issuer}/x")
        await JSONResponse({"issuer": issuer, "token_endpoint": endpoint, **rest})(scope, receive, send)

    monkeypatch.setattr(terminal.sandbox.clavex.faults, "_app", mislead)
    ran = terminal.run("plan").ended(ExitCode.INCOMPLETE)
    assert "token_endpoint in it is no URL" in flat(ran.out)


@pytest.mark.parametrize("status", [200, 201, 400, 401, 409, 500])
@pytest.mark.parametrize("verb", ["GET", "POST", "PATCH"])
def test_a_server_that_repeats_what_it_was_sent(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, verb: str, status: int
) -> None:
    """Its message holds our credential and the body, with the client's secret: nobody gets to see them."""
    sent: list[str] = []
    for served in terminal.sandbox.served:

        async def repeat(scope: Scope, receive: Receive, send: Send, app: ASGIApp = served.faults._app) -> None:
            if scope["method"] != verb:
                await app(scope, receive, send)
                return
            body = (await receive()).get("body", b"").decode()
            headers = " ".join(value.decode() for _, value in scope["headers"])
            sent.append(body)
            text = f"{body} and {headers}"
            await JSONResponse({"error": text, "message": text, "errorMessages": [text]}, status)(
                scope, receive, send
            )

        monkeypatch.setattr(served.faults, "_app", repeat)
    for command in (("plan",), ("apply", "--auto-approve", "--allow", "locks-out"), ("plan", "--json"), ("drift",)):
        terminal.run(*command)
    assert sent
    says_no_secret(terminal)
    written = "".join(path.read_text() for path in terminal.home.rglob("*.json*"))
    assert [secret for secret in terminal.sandbox.issued_secrets if len(secret) > 7 and secret in written] == []


def test_a_slow_system_is_waited_for(applied: Terminal) -> None:
    for served in applied.sandbox.served:
        served.faults.add(Fault(kind=Kind.LATENCY, times=3), Fault(kind=Kind.SLOW_BODY, times=2))
    assert applied.plan()["unread"] == []


def test_a_system_that_is_down(applied: Terminal) -> None:
    """Nobody listens: reported with the table of the spec, exit code 7, and the others are looked at."""
    applied.write({"systems": {"jira": {"url": "http://127.0.0.1:9"}}})
    ran = applied.run("plan", "--allow", "moves-host").ended(ExitCode.INCOMPLETE)
    assert "connection refused" in ran.out
    assert "[systems.jira]" in ran.out
