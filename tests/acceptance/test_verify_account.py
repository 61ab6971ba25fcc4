"""`verify --as`: a test account logs in, its token is verified, and it is told who lands where."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from acceptance.people import AS_BOB, BOB, BOBS_PASSWORD
from pydantic import SecretStr

from reconciler.errors import ExitCode
from reconciler.flows import product_login
from reconciler.flows.registry import PROVIDER_RECORDS
from reconciler.sandbox.faults import Fault, Kind
from reconciler.transport.browsing import Browser, End, Walk

if TYPE_CHECKING:
    from acceptance.workplace import Workplace

    from reconciler.sandbox.clavex.records import Group, User

Found = dict[tuple[str, str], dict[str, Any]]
ARGUMENTS = ("verify", *AS_BOB)


@pytest.fixture
def bob(bob: User, place: Workplace) -> User:
    """He is in two mapped groups and in another."""
    group_of(place, "jira-administrators").members.remove(bob.id)
    place.sandbox.clavex.world.add_group("choir").members.add(bob.id)
    return bob


def group_of(place: Workplace, name: str) -> Group:
    return next(group for group in place.sandbox.clavex.world.groups.values() if group.name == name)


def log_in(place: Workplace, code: ExitCode) -> tuple[Found, list[dict[str, Any]]]:
    """The checks by subject and name, and who landed where."""
    made = place.run(*ARGUMENTS, "--json").ended(code).json
    for secret in (BOBS_PASSWORD, *place.stored_secrets().values()):
        assert all(secret not in text for text in place.shown)
    return {(check["subject"], check["name"]): check for check in made["checks"]}, made["landings"]


def test_who_lands_where(place: Workplace, bob: User) -> None:
    found, landings = log_in(place, ExitCode.DONE)
    for subject in ("sso.jira", "sso.confluence"):
        for name in ("login", "id-token", "claims-arrived", "product-login"):
            assert found[subject, name]["status"] == "ok", found[subject, name]
    jira = next(landing for landing in landings if landing["subject"] == "sso.jira")
    assert jira["account"] == jira["username"] == bob.email
    both = ["confluence-users", "jira-software-users"]
    assert jira["groups"] == [["choir", ""], [both[0], ""], [both[1], both[1]]]
    assert jira["person"] == {"username": bob.email, "groups": [both[1]]}
    assert landings[0]["person"] == {"username": bob.email, "groups": [both[0]]}
    assert "UserInfo" in found["sso.jira", "claims-arrived"]["seen"]
    assert "the ID token" in found["sso.confluence", "claims-arrived"]["seen"]


@pytest.mark.usefixtures("bob")
def test_the_table(place: Workplace) -> None:
    out = place.run(*ARGUMENTS).ended(ExitCode.DONE).out
    assert f"\n  sso.jira: {BOB} as {BOB}\n    choir                not mapped in the spec\n" in out


@pytest.mark.usefixtures("bob")
def test_nothing_but_the_logins_is_sent(place: Workplace) -> None:
    seen = place.watch()
    found, _ = log_in(place, ExitCode.DONE)
    assert {(name, path) for name, _, path in seen} == {("clavex", "/acme/token"), ("clavex", "/acme/authorize")}
    assert sorted(set(place.sandbox.jira.world.sessions.values())) == ["admin", BOB]
    for session in place.sandbox.jira.world.sessions | place.sandbox.confluence.world.sessions:
        assert all(session not in text for text in place.shown)
    told = found["sso.jira", "product-login"]["seen"]
    assert told.startswith(f"jira logged {BOB} in as {BOB}, with the groups jira-software-users; this proves")
    assert "the stored" not in found["sso.jira", "client-secret"]["seen"].partition(";")[2]


# --- what a product says to a login -------------------------------------------------------------------------------


def product(
    place: Workplace, subject: str = "sso.confluence", code: ExitCode = ExitCode.UNVERIFIED
) -> dict[str, Any]:
    """The check of the login through the product."""
    return log_in(place, code)[0][subject, "product-login"]


@pytest.mark.usefixtures("bob")
def test_a_copy_of_the_secret_that_is_not_the_stored_one(place: Workplace) -> None:
    world = place.sandbox.confluence.world
    (idp,) = world.idps.values()
    idp.client_secret = SecretStr("another-secret")
    check = product(place)
    assert (check["status"], check["stops"]) == ("failed", "login")
    assert (
        "confluence had the answer of Clavex and logged nobody in: it answers 502 at http://127.0.0.1:"
        in check["seen"]
    )
    assert "the plugin's own copy of the secret is another than the stored one" in check["remedy"]
    # What the remedy says mends it.
    place.run("forget", "confluence/idp/confluence").ended(ExitCode.DONE)
    place.apply().ended(ExitCode.DONE)
    assert product(place, code=ExitCode.DONE)["status"] == "ok"


def test_a_group_without_application_access(place: Workplace, bob: User) -> None:
    group_of(place, "jira-software-users").members.remove(bob.id)
    found, landings = log_in(place, ExitCode.UNVERIFIED)
    assert "it answers 403 at " in found["sso.jira", "product-login"]["seen"]
    assert "application-access" in found["sso.jira", "product-login"]["remedy"]
    assert found["sso.confluence", "product-login"]["status"] == "ok"
    assert [landing["person"] is None for landing in landings] == [False, True]


@pytest.mark.usefixtures("bob")
def test_a_provider_that_is_gone_is_not_tried(place: Workplace) -> None:
    place.sandbox.confluence.world.idps.clear()
    check = product(place)
    assert (check["status"], check["stops"]) == ("unknown", "nothing")
    assert "not tried: it is not set up in Confluence yet" in check["seen"]


@pytest.mark.usefixtures("bob")
def test_a_form_that_does_not_come_is_not_filled_in(place: Workplace) -> None:
    place.sandbox.clavex.world.clients["atlassian"].redirect_uris = ["https://elsewhere.test/"]
    assert "does not lead to Clavex's login form" in product(place)["seen"]


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault(kind=Kind.LOGIN_REDIRECT, path="/oauth/callback"), "it shows its login page again, http://127.0.0.1:"),
        (Fault(kind=Kind.SERVER_ERROR, path="/oauth/callback", status=401), "it answers 401 at http://127.0.0.1:"),
        (
            Fault(kind=Kind.LOGIN_REDIRECT, path=r"/oauth/callback|/login\.jsp", times=None),
            "it leads round in a circle",
        ),
        (Fault(kind=Kind.HTML, path="/oauth/callback"), "to somebody who is not logged in"),
    ],
)
def test_what_the_product_answered(place: Workplace, fault: Fault, told: str) -> None:
    place.sandbox.jira.faults.add(fault)
    assert told in product(place, "sso.jira")["seen"]


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("https://wiki.test/", "it leads to https://wiki.test/, which was not opened"),
        ("{callback}?error=access_denied&state=1", "Clavex had told it access_denied"),
    ],
)
def test_where_the_login_led(place: Workplace, monkeypatch: pytest.MonkeyPatch, target: str, told: str) -> None:
    callback = f"{place.sandbox.confluence.url}/plugins/servlet/oidc/callback"
    end = End.ELSEWHERE if "wiki" in target else End.PAGE
    walk = Walk((callback, target.format(callback=callback)), end)
    monkeypatch.setattr(Browser, "submit", lambda *_: walk)
    assert told in product(place)["seen"]


@pytest.mark.usefixtures("bob")
def test_a_product_that_leads_to_another_host(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place.sandbox.confluence.world, "base_url", "https://wiki.test")
    check = product(place)
    assert check["seen"].startswith("not tried")  # the start leads there already


def test_a_user_name_that_the_product_does_not_take(place: Workplace, bob: User) -> None:
    world = place.sandbox.jira.world
    world.add_user("bobby", bob.email, "Bob")
    document: Any = world.miniorange
    document["Identity Providers"][0]["Attribute Mapping"]["LOGIN_USER_BY_ATTRIBUTE"] = "email"
    check = product(place, "sso.jira", ExitCode.DONE)
    assert check["status"] == "warning"
    assert "as bobby" in check["seen"]
    assert f"the claims call the account {bob.email}" in check["seen"]


@pytest.mark.usefixtures("bob")
def test_groups_that_the_plugin_does_not_take(place: Workplace) -> None:
    (idp,) = place.sandbox.confluence.world.idps.values()
    idp.jit_configuration.user_provisioning_enabled = False
    world = place.sandbox.confluence.world
    world.add_user(BOB, BOB, "Bob")
    world.groups["wiki-readers"] = [BOB]
    world.permissions["wiki-readers"] = {("application", "use")}
    check = product(place, code=ExitCode.DONE)
    assert check["status"] == "warning"
    assert "missing, though Clavex sends them and the spec maps them: confluence-users" in check["seen"]


@pytest.mark.usefixtures("bob")
def test_groups_that_the_product_does_not_tell(place: Workplace) -> None:
    for served, path in ((place.sandbox.jira, "/myself"), (place.sandbox.confluence, "/memberof")):
        served.faults.add(Fault(kind=Kind.SERVER_ERROR, path=path, status=500, times=None))
    found, landings = log_in(place, ExitCode.DONE)
    for subject in ("sso.jira", "sso.confluence"):
        assert ", with groups that it does not tell; this proves" in found[subject, "product-login"]["seen"]
    assert [landing["person"]["groups"] for landing in landings] == [None, None]


@pytest.mark.usefixtures("bob")
def test_who_is_logged_in_cannot_be_read(place: Workplace) -> None:
    place.sandbox.confluence.faults.add(Fault(kind=Kind.HTML, path="/user/current", times=None))
    check = product(place, code=ExitCode.INCOMPLETE)
    assert (check["status"], check["stops"]) == ("unknown", "reading")


@pytest.mark.usefixtures("bob")
def test_a_product_of_another_kind_that_does_not_tell(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    records = {**PROVIDER_RECORDS, "confluence": PROVIDER_RECORDS["confluence"]._replace(who=None)}
    monkeypatch.setattr(product_login, "PROVIDER_RECORDS", records)
    check = product(place, code=ExitCode.DONE)
    assert check["status"] == "unknown"
    assert "which does not tell who is logged in" in check["seen"]


@pytest.mark.usefixtures("bob")
def test_a_product_that_sets_no_session(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Browser, "session", lambda *_: SecretStr(""))
    assert "logged nobody in" in product(place)["seen"]


@pytest.mark.usefixtures("bob")
def test_more_logins_than_clavex_takes_are_not_tried_again(place: Workplace) -> None:
    fault = Fault(kind=Kind.TOO_MANY, method="POST", path="/acme/authorize", times=None)
    place.sandbox.clavex.faults.add(fault)
    seen = place.watch()
    found, _ = log_in(place, ExitCode.INCOMPLETE)
    for name in ("login", "product-login"):
        assert "Clavex takes no more logins from this address" in found["sso.jira", name]["seen"]
    assert len([path for _, _, path in seen if path == "/acme/authorize"]) == 4


# --- what Clavex gives ----------------------------------------------------------------------------------------------


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
    assert "the account itself has none in Clavex" in found["sso.jira", "claims-arrived"]["remedy"]
    mappers = place.sandbox.clavex.world.mappers
    del mappers[next(key for key, mapper in mappers.items() if mapper.claim_name == "preferred_username")]
    found, _ = log_in(place, ExitCode.UNVERIFIED)
    assert "no username (preferred_username)" not in found["sso.jira", "claims-arrived"]["seen"]
    assert "username (preferred_username): nobody" in found["sso.confluence", "claims-arrived"]["seen"]
    assert "see the check claims-arrived" in found["sso.confluence", "product-login"]["remedy"]


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
    assert "belong together" in place.run("verify", "--as", BOB).ended(ExitCode.USAGE).err
    ran = place.run("verify", "--as", BOB, "--password-from", BOBS_PASSWORD).ended(ExitCode.USAGE)
    assert BOBS_PASSWORD not in ran.err
    ran = place.run("verify", "--as", BOB, "--password-from", "env:NOTHING").ended(ExitCode.ERROR)
    assert "the password env:NOTHING is missing" in ran.err
