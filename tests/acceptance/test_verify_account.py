"""`verify --as`: a test account logs in, its token is verified, and it is told who lands where."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind
from reconciler.transport import retry

if TYPE_CHECKING:
    from acceptance.workplace import Workplace

    from reconciler.sandbox.clavex.records import User

Found = dict[tuple[str, str], dict[str, Any]]
EMAIL, PASSWORD = "bob@acme.test", "Bob-pass-1"
ARGUMENTS = ("verify", "--as", EMAIL, "--password-from", "env:TEST_PASSWORD")
SPEC = {"sso": {"jira": {"attributes": {"username": "email"}}}}


@pytest.fixture
def bob(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> User:
    """A user of a stack that is applied, in a mapped group and another."""
    monkeypatch.setattr(retry, "ATTEMPTS", 1)
    place.write(SPEC)
    place.apply("locks-out").ended(ExitCode.DONE)
    place.environ["TEST_PASSWORD"] = PASSWORD
    world = place.sandbox.clavex.world
    user = world.add_user(EMAIL, PASSWORD, "Bob", "Ross")
    world.add_group("choir").members.add(user.id)
    next(group for group in world.groups.values() if group.name == "jira-software-users").members.add(user.id)
    return user


def log_in(place: Workplace, code: ExitCode) -> tuple[Found, list[dict[str, Any]]]:
    """The checks by subject and name, and who landed where."""
    made = place.run(*ARGUMENTS, "--json").ended(code).json
    for secret in (PASSWORD, *place.stored_secrets().values()):
        assert all(secret not in text for text in place.shown)
    return {(check["subject"], check["name"]): check for check in made["checks"]}, made["landings"]


def test_who_lands_where(place: Workplace, bob: User) -> None:
    found, landings = log_in(place, ExitCode.DONE)
    for subject in ("sso.jira", "sso.confluence"):
        for name in ("login", "id-token", "claims-arrived"):
            assert found[subject, name]["status"] == "ok", found[subject, name]
    jira = next(landing for landing in landings if landing["subject"] == "sso.jira")
    assert jira["account"] == jira["username"] == bob.email
    assert jira["groups"] == [["choir", ""], ["jira-software-users", "jira-software-users"]]
    assert "UserInfo" in found["sso.jira", "claims-arrived"]["seen"]
    assert "the ID token" in found["sso.confluence", "claims-arrived"]["seen"]


@pytest.mark.usefixtures("bob")
def test_the_table(place: Workplace) -> None:
    out = place.run(*ARGUMENTS).ended(ExitCode.DONE).out
    assert f"\n  sso.jira: {EMAIL} as {EMAIL}\n    choir                not mapped in the spec\n" in out


@pytest.mark.usefixtures("bob")
def test_nobody_is_logged_in_to_a_product_and_nothing_but_the_login_is_sent(place: Workplace) -> None:
    seen = place.watch()
    log_in(place, ExitCode.DONE)
    assert {(name, path) for name, _, path in seen} == {("clavex", "/acme/token"), ("clavex", "/acme/authorize")}
    assert set(place.sandbox.jira.world.sessions.values()) <= {"admin"}


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("expired", "it has expired"),
        ("not yet valid", "it is not yet valid"),
        ("unsigned", "no key of the JWKS verifies it as PS256"),
        ("HS256", "no key of the JWKS verifies it as PS256"),
        ("other key", "no key of the JWKS verifies it as PS256"),
        ("other audience", "it is for another audience"),
        ("other issuer", "it is of another issuer"),
        ("other nonce", "its nonce is of another login"),
    ],
)
def test_a_bad_token(place: Workplace, kind: Any, fault: str) -> None:
    world = place.sandbox.clavex.world
    world.switches = replace(world.switches, id_token=kind)
    found, landings = log_in(place, ExitCode.UNVERIFIED)
    assert fault in found["sso.jira", "id-token"]["seen"]
    assert ("sso.jira", "claims-arrived") not in found
    assert landings == []


@pytest.mark.usefixtures("bob")
def test_a_wrong_password(place: Workplace) -> None:
    place.environ["TEST_PASSWORD"] = "another-password"
    found, landings = log_in(place, ExitCode.UNVERIFIED)
    assert "lets bob@acme.test not in" in found["sso.jira", "login"]["seen"]
    assert landings == []


@pytest.mark.usefixtures("bob")
def test_a_client_that_is_switched_off(place: Workplace) -> None:
    place.sandbox.clavex.world.clients["atlassian"].is_active = False
    found, _ = log_in(place, ExitCode.UNVERIFIED)
    assert ("sso.jira", "login") not in found
    assert "unknown or inactive client" in found["sso.jira", "authorize"]["seen"]


@pytest.mark.usefixtures("bob")
def test_a_wrong_client_secret(place: Workplace) -> None:
    place.sandbox.clavex.world.clients["atlassian"].secret_digest = "that of another one"
    found, _ = log_in(place, ExitCode.UNVERIFIED)
    assert "invalid client secret" in found["sso.jira", "login"]["seen"]


@pytest.mark.usefixtures("bob")
def test_no_client_secret(place: Workplace) -> None:
    (place.home / "acme.secrets").unlink()
    made = place.run(*ARGUMENTS, "--json").ended(ExitCode.DONE).json
    assert [check["status"] for check in made["checks"] if check["name"] == "login"] == ["unknown", "unknown"]


def test_claims_that_do_not_arrive(place: Workplace, bob: User) -> None:
    bob.last_name = ""
    found, _ = log_in(place, ExitCode.DONE)
    assert "UserInfo of bob@acme.test has no last_name (family_name)" in found["sso.jira", "claims-arrived"]["seen"]
    mappers = place.sandbox.clavex.world.mappers
    del mappers[next(key for key, mapper in mappers.items() if mapper.claim_name == "preferred_username")]
    found, _ = log_in(place, ExitCode.UNVERIFIED)
    assert "no username (preferred_username)" not in found["sso.jira", "claims-arrived"]["seen"]
    assert "username (preferred_username): nobody" in found["sso.confluence", "claims-arrived"]["seen"]


@pytest.mark.usefixtures("bob")
def test_userinfo_that_refuses_every_token(place: Workplace) -> None:
    world = place.sandbox.clavex.world
    world.switches = replace(world.switches, key_backend="db")
    found, _ = log_in(place, ExitCode.UNVERIFIED)
    assert "auth.key_backend db" in found["sso.jira", "claims-arrived"]["remedy"]
    assert found["sso.confluence", "claims-arrived"]["status"] == "ok"


@pytest.mark.usefixtures("bob")
def test_a_redirect_without_a_code(place: Workplace) -> None:
    place.sandbox.clavex.faults.add(
        Fault(kind=Kind.LOGIN_REDIRECT, method="POST", path="/authorize", times=None),
    )
    found, _ = log_in(place, ExitCode.UNVERIFIED)
    assert "sends the browser to /login.jsp, without a code" in found["sso.jira", "login"]["seen"]


@pytest.mark.usefixtures("bob")
def test_without_the_package_that_checks_signatures(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joserfc", None)
    made = place.run(*ARGUMENTS, "--json").ended(ExitCode.INCOMPLETE).json
    (check,) = [check for check in made["checks"] if check["name"] == "login" and check["status"] == "unknown"][:1]
    assert "sso-reconciler[verify]" in check["remedy"]


@pytest.mark.usefixtures("bob")
def test_what_is_asked_wrongly(place: Workplace) -> None:
    assert "belong together" in place.run("verify", "--as", EMAIL).ended(ExitCode.USAGE).err
    ran = place.run("verify", "--as", EMAIL, "--password-from", PASSWORD).ended(ExitCode.USAGE)
    assert PASSWORD not in ran.err
    ran = place.run("verify", "--as", EMAIL, "--password-from", "env:NOTHING").ended(ExitCode.ERROR)
    assert "the password env:NOTHING is missing" in ran.err
