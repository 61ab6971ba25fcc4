"""What is read of an app that shows nothing, and what a person is told to type in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from unit.atlassian.product import CLIENT_SECRET, Side, opened
from unit.resolution.installed import JIRA_KEY, PATH, confirmation, install, made

from reconciler.core.observed import Absent, Present, Unreadable
from reconciler.core.secret import Handle
from reconciler.errors import ManualError, ReconcilerError
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from reconciler.ports import Http
    from reconciler.sandbox.serve import Sandbox

PRINT = f"print of {len(CLIENT_SECRET)}"
STORED = "f" * 32
IN_FILE = "the value of clients.atlassian.client_secret in the file acme.secrets beside the state"


def told(side: Side, **changes: Any) -> tuple[str, ...]:
    return side.handler.update(side._write({**side.desired.attributes, **changes}, SECRET_CHANGED, "idp:main")).manual


SECRET_CHANGED = frozenset({"client_secret"})


def test_without_a_confirmation_nothing_is_there(sandbox: Sandbox, jira: Http) -> None:
    install(sandbox.jira)
    side = made(sandbox.jira, jira)
    assert side.read() == Absent()
    waiting = side.read("idp:main")
    assert isinstance(waiting, Present)
    assert waiting.attributes == {"confirmed": "", "app_enabled": True}
    assert waiting.fingerprints == {}


def test_a_confirmation_stands_for_all_values(sandbox: Sandbox, jira: Http) -> None:
    install(sandbox.jira)
    side = made(sandbox.jira, jira)
    said = f"{side.desired.attributes['confirmed']}-{STORED}"
    for remote_id in (None, "idp:main"):
        found = side.read(remote_id, confirmation=said)
        assert isinstance(found, Present)
        assert found.remote_id == "idp:main"
        assert found.fingerprints == {"client_secret": STORED}
        assert found.attributes == {name: side.desired.attributes[name] for name in found.attributes}
        assert found.attributes.keys() == side.desired.type.shown & side.desired.attributes.keys()


def test_a_confirmation_of_other_values_says_only_that(sandbox: Sandbox, jira: Http) -> None:
    install(sandbox.jira)
    side = made(sandbox.jira, jira)
    said = f"{'0' * 12}-{STORED}"
    assert side.read(confirmation=said) == Absent()
    found = side.read("idp:main", confirmation=said)
    assert isinstance(found, Present)
    assert found.attributes == {"confirmed": "0" * 12, "app_enabled": True}
    assert found.fingerprints == {"client_secret": STORED}


def test_an_app_that_is_off_shows_and_one_that_is_gone_holds_nothing(sandbox: Sandbox, jira: Http) -> None:
    side = made(sandbox.jira, jira)
    said = f"{side.desired.attributes['confirmed']}-{STORED}"
    assert side.read("idp:main", confirmation=said) == Absent()
    install(sandbox.jira, enabled=False)
    found = side.read("idp:main", confirmation=said)
    assert isinstance(found, Present)
    assert found.attributes["app_enabled"] is False


def test_a_plugin_manager_that_does_not_answer_is_unreadable(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.world.administrator = False
    found = made(sandbox.jira, jira).read("idp:main")
    assert isinstance(found, Unreadable)
    assert "403" in found.reason


@pytest.mark.parametrize("word", ["confluence", "Confluence"])
def test_the_app_is_found_in_confluence_however_its_key_is_spelled(sandbox: Sandbox, word: str) -> None:
    install(sandbox.confluence, f"com.resolution.atlasplugins.samlsso.{word}")
    with opened(sandbox.confluence) as http:
        assert isinstance(made(sandbox.confluence, http).read("idp:main"), Present)


def test_the_spec_can_name_the_key(sandbox: Sandbox, jira: Http) -> None:
    install(sandbox.jira, "other.key")
    assert made(sandbox.jira, jira).read("idp:main") == Absent()
    assert isinstance(made(sandbox.jira, jira, options={"app_key": "other.key"}).read("idp:main"), Present)


def test_the_checklist_has_every_value_and_no_secret(sandbox: Sandbox, jira: Http) -> None:
    install(sandbox.jira)
    side = made(
        sandbox.jira, jira, groups={"admins": "jira-administrators"}, login_form=False, default_groups=("b", "a")
    )
    written = side.create()
    assert written.remote_id == "idp:main"
    lines = written.manual
    assert "open the identity provider main" in lines[0]
    assert sandbox.jira.url + PATH in lines[1]
    assert lines[2:-2] == (
        "Name of the identity provider: main",
        "Text of the login button: Sign in with Clavex",
        "Issuer: https://id.acme.eu/acme",
        "Discovery document: https://id.acme.eu/acme/.well-known/openid-configuration",
        "Authorization endpoint: https://id.acme.eu/acme/authorize",
        "Token endpoint: https://id.acme.eu/acme/token",
        "UserInfo endpoint: https://id.acme.eu/acme/userinfo",
        "Client ID: atlassian",
        f"Client secret: {IN_FILE}; it is not shown here",
        "Scopes: openid email groups profile",
        "Claim for the user name: preferred_username",
        "Claim for the e-mail address: email",
        "Claim for the first name: given_name",
        "Claim for the last name: family_name",
        "Claim for the groups: groups",
        "Groups: who has admins in Clavex is in jira-administrators",
        "Update of users at each login: on",
        "Groups of every new user: a, b",
        "The product's own login form: off",
        "Leave out what the app does not ask for, and leave everything else as it is",
    )
    assert "[sso.main.resolution]" in lines[-2]
    assert confirmation(lines) == f"{side.desired.attributes['confirmed']}-{PRINT}"
    assert CLIENT_SECRET not in repr(written)
    assert told(side) == lines, "an update shows all of it: nobody knows what was typed in before"


@pytest.mark.parametrize(
    ("store", "text"),
    [
        ("env", "the value of the environment variable clients.a"),
        ("file:acme", "the value of clients.a in the file acme.secrets beside the state"),
        ("command:vault", "what the operator's command vault gives for clients.a"),
    ],
)
def test_a_person_is_told_where_the_secret_lies(sandbox: Sandbox, jira: Http, store: str, text: str) -> None:
    lines = told(made(sandbox.jira, jira), client_secret=str(Handle(store, "clients.a")))
    assert f"Client secret: {text}; it is not shown here" in lines


@pytest.mark.parametrize(("enabled", "verb"), [(None, "install"), (False, "enable")])
def test_the_app_comes_first(sandbox: Sandbox, jira: Http, enabled: bool | None, verb: str) -> None:
    if enabled is not None:
        install(sandbox.jira, enabled=enabled)
    assert told(made(sandbox.jira, jira))[0].startswith(
        f"Jira, Manage apps: {verb} SAML Single Sign On (SSO) by resolution"
    )


def test_an_empty_set_is_said_in_words(sandbox: Sandbox, jira: Http) -> None:
    assert "Groups of every new user: none" in told(made(sandbox.jira, jira, default_groups=()))


def test_only_a_person_can_remove_it(sandbox: Sandbox, jira: Http) -> None:
    install(sandbox.jira)
    side = made(sandbox.jira, jira)
    with pytest.raises(ManualError) as caught:
        side.delete("idp:main")
    first, second = caught.value.instructions
    assert first.endswith("remove the identity provider main")
    assert "`reconciler forget jira/resolution/main`" in second
    del sandbox.jira.world.plugins[JIRA_KEY]
    side.delete("idp:main")


def test_nothing_is_ever_sent_but_questions(sandbox: Sandbox, jira: Http) -> None:
    install(sandbox.jira)
    side = made(sandbox.jira, jira)
    side.read("idp:main")
    side.create()
    told(side)
    assert set(sandbox.jira.faults.requests) == {("GET", f"/rest/plugins/1.0/{JIRA_KEY}-key")}


def test_a_checklist_needs_the_plugin_manager(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, times=None))
    with pytest.raises(ReconcilerError, match="500"):
        made(sandbox.jira, jira).create()
