"""What a user can get wrong before anything is asked of a system: said clearly, nothing written, nothing repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cli.terminal import flat

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from cli.terminal import Terminal

COMMANDS = (("validate",), ("plan",), ("apply", "--auto-approve"), ("drift",), ("import", "clavex/client/atlassian"))
KEY = "clv_" + "k" * 40


def refused(
    terminal: Terminal, *said: str, hidden: str = "", commands: tuple[tuple[str, ...], ...] = COMMANDS
) -> None:
    """Each command says so on stderr and ends with 1; no system was asked, nothing lies in the state's folder."""
    for command in commands:
        ran = terminal.run(*command).ended(ExitCode.ERROR)
        assert not ran.out
        for text in said:
            assert text in flat(ran.err)
        assert "Traceback" not in ran.err
        assert not hidden or hidden not in ran.err
    assert not any(served.faults.requests for served in terminal.sandbox.served)
    assert not terminal.home.exists() or {path.name for path in terminal.home.iterdir()} <= {".lock"}


def write(terminal: Terminal, content: bytes) -> None:
    (terminal.folder / "specs" / "acme" / "acme.toml").write_bytes(content)


# --- the spec -----------------------------------------------------------------------------------------------------


def test_a_spec_that_is_not_toml(terminal: Terminal) -> None:
    write(terminal, b'[stack]\nsecrets = "file:acme"\n\n[systems.clavex\nurl = 1\n')
    refused(terminal, "error: not TOML: ", "specs/acme/acme.toml:4", "help: ", "1 problem in the spec")


def test_a_spec_that_is_not_utf8(terminal: Terminal) -> None:
    write(terminal, '[clients.a]\nname = "Über"\n'.encode("latin-1"))
    refused(terminal, "error: not UTF-8", "specs/acme/acme.toml:2", "help: save the file as UTF-8")


def test_a_spec_that_is_missing(terminal: Terminal) -> None:
    (terminal.folder / "specs" / "acme" / "acme.toml").unlink()
    refused(terminal, "no stack here", "a stack is a folder with TOML files; name its parent with --specs")
    terminal.environ["RECONCILER_STACK"] = "acme"
    refused(terminal, "no *.toml file in this folder", "specs/acme")


def test_all_problems_of_a_spec_at_once(terminal: Terminal) -> None:
    changes: dict[str, Any] = {
        "systems": {"jira": {"provider": "jiira"}},
        "clients": {"atlassian": {"grant_tpyes": ["x"]}},
        "sso": {"confluence": {"client": "atlasian"}},
    }
    terminal.write(changes)
    refused(
        terminal,
        "did you mean jira?",
        "did you mean grant_types?",
        "did you mean atlassian?",
        "3 problems in the spec",
    )


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("jira.acme.eu", "this URL has no scheme"),
        ("https://admin:hunter2hunter2@jira.acme.eu", "this URL has credentials in it"),
        ("http://jira.acme.eu", "http to a host that is not loopback would send credentials in clear text"),
        ("https://", "this URL has no host"),
        ("https://jira.acme.eu/?os_username=hunter2hunter2", "a base URL has no query"),
        ("https://jira .acme.eu", "this is no URL"),
        ("https://jira.acme.eu:port", "this is no URL"),
        ("ftp://jira.acme.eu", "this URL is neither https nor http"),
    ],
)
def test_a_url_that_is_none(terminal: Terminal, url: str, said: str) -> None:
    terminal.write({"systems": {"jira": {"url": url}}})
    refused(terminal, said, "acme.toml:", "systems.jira.url", "help: ", hidden="hunter2")


@pytest.mark.parametrize(
    "place", [("systems", "clavex", "token"), ("clients", "atlassian", "name"), ("stack", "secrets")]
)
def test_a_key_in_the_spec(terminal: Terminal, place: tuple[str, ...]) -> None:
    """It is not repeated, and one is told to revoke it."""
    value: Any = KEY
    for key in reversed(place):
        value = {key: value}
    terminal.write(value)
    refused(terminal, "looks like an API key or a token", "take it out and revoke it", hidden=KEY)


# --- tokens -------------------------------------------------------------------------------------------------------

ONLINE = COMMANDS[1:]


@pytest.mark.parametrize("value", ["", None])
@pytest.mark.parametrize("name", ["CLAVEX_TOKEN", "JIRA_TOKEN", "CONFLUENCE_TOKEN"])
def test_a_token_that_is_missing(terminal: Terminal, name: str, value: str | None) -> None:
    """Before any of the systems is asked, also those whose token is there."""
    terminal.environ[name] = value or ""
    system = name.removesuffix("_TOKEN").lower()
    refused(
        terminal, f"system {system}, env:{name}: the credential is missing", f"set {name} in the environment",
        f"(systems.{system}.token)", "1 credential to set right", commands=ONLINE,
    )  # fmt: skip
    terminal.run("validate").ended(ExitCode.DONE)


def test_all_that_is_wrong_with_the_tokens_is_said_at_once(terminal: Terminal) -> None:
    terminal.environ |= {"CLAVEX_TOKEN": "", "JIRA_TOKEN": "two words", "CONFLUENCE_TOKEN": ""}
    refused(
        terminal, "system clavex, env:CLAVEX_TOKEN: the credential is missing",
        "system jira, env:JIRA_TOKEN: the personal access token is empty, or holds a blank",
        "system confluence, env:CONFLUENCE_TOKEN: the credential is missing", "3 credentials to set right",
        hidden="two words", commands=ONLINE,
    )  # fmt: skip
    told = terminal.run("plan", "--json").json["diagnostics"]
    assert [item["where"] for item in told] == [f"systems.{name}.token" for name in ("clavex", "confluence", "jira")]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: f"{token}\n",
        lambda token: f" {token}",
        lambda token: f"{token[:9]} {token[9:]}",
        lambda token: f"{token}\r\nX-Evil: 1",
        lambda token: f"{token[:-1]}é",
        lambda token: f"{token}\x00"[:-1] + "\x1b",
        lambda _token: "   ",
        lambda _token: "\t",
    ],
    ids=["newline", "blank-before", "blank-inside", "header", "non-ascii", "control", "blanks", "tab"],
)
@pytest.mark.parametrize("name", ["clavex", "jira", "confluence"])
def test_a_token_that_no_header_can_carry(terminal: Terminal, name: str, spoil: Any) -> None:
    token = getattr(terminal.sandbox, name).token
    terminal.environ[f"{name.upper()}_TOKEN"] = spoil(token)
    refused(
        terminal, f"system {name}, env:{name.upper()}_TOKEN: ", "copy it again", hidden=token[4:], commands=ONLINE
    )


def test_a_wrong_token_is_refused_by_the_system(terminal: Terminal) -> None:
    terminal.environ["JIRA_TOKEN"] = "a-token-that-is-wrong"
    ran = terminal.run("plan").ended(ExitCode.INCOMPLETE)
    assert "the token was refused: is it valid, has it expired?" in flat(ran.out)
    assert ran.err == "error: 3 resources could not be read; the report says why\n"
    assert terminal.run("drift").ended(ExitCode.INCOMPLETE).err == ran.err
    assert "a-token-that-is-wrong" not in ran.out + ran.err
    assert not terminal.writes


# --- a system that moved ------------------------------------------------------------------------------------------


def test_no_credential_goes_to_a_host_that_is_new(applied: Terminal) -> None:
    """Refused with 6 before anything is sent, by every command that would ask a system."""
    applied.write({"systems": {"jira": {"url": applied.sandbox.jira.url.replace("127.0.0.1", "localhost")}}})
    for command in ONLINE:
        ran = applied.run(*command).ended(ExitCode.REFUSED)
        assert "moves-host: system jira was" in flat(ran.err)
        assert "no credential was sent to it" in flat(ran.err)
        assert "--allow moves-host=jira" in flat(ran.err)
    assert not any(served.faults.requests for served in applied.sandbox.served)
    ran = applied.run("plan", "--allow", "moves-host=jira").ended(ExitCode.DONE)
    assert "system jira was jira http://127.0.0.1" in flat(ran.out)
    assert "covers nothing" not in ran.err


def test_a_permission_that_covers_nothing_is_said(applied: Terminal) -> None:
    applied.write({"sso": {"confluence": None}})
    allowed = ("--allow=deletes=confluence/idp/confluense", "--allow=rotates", "--allow=deletes")
    for ran in (applied.run("plan", *allowed), applied.run("apply", "--auto-approve", *allowed)):
        ran.ended(ExitCode.DONE)
        said = [line for line in ran.err.splitlines() if "covers nothing" in line]
        assert len(said) == 2
        assert "--allow deletes=confluence/idp/confluense covers nothing" in said[0]
        assert "--allow rotates covers nothing" in said[1]
