"""`doctor`: a healthy stack is well, each row of the guide's troubleshooting is found, and nothing is written."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.core.check import fine
from reconciler.errors import ExitCode
from reconciler.flows import doctor as flow
from reconciler.providers import atlassian_sso
from reconciler.sandbox.atlassian import SSO_APP
from reconciler.sandbox.clavex import oidc
from reconciler.sandbox.clavex.discovery import document
from reconciler.sandbox.faults import Fault, Kind
from reconciler.transport import retry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from acceptance.workplace import Workplace

    from reconciler.core.check import Check
    from reconciler.core.intent import SignOn
    from reconciler.ports import Examination

Found = dict[tuple[str, str], list[dict[str, Any]]]
HEALTHY = {
    "systems": {"jira": {"applications": {"jira-software": ["jira-software-users"]}}},
    "sso": {"jira": {"attributes": {"username": "email"}}},
}
MINIORANGE = "com.miniorange.oauth.jira-oauth"


@pytest.fixture
def healthy(place: Workplace) -> Workplace:
    """Everything is applied and works, and of what follows nothing is written."""
    place.write(HEALTHY)
    place.apply("locks-out").ended(ExitCode.DONE)
    return place


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "ATTEMPTS", 1)


def examine(place: Workplace, code: ExitCode) -> Found:
    """The checks by subject and name; holds if the command ended so and wrote nothing anywhere."""
    before = place.writes, _files(place)
    made = place.run("doctor", "--json").ended(code).json
    assert (place.writes, _files(place)) == before
    assert made["exit_code"] == code
    assert len(made["checks"]) > 0
    found: Found = {}
    for check in made["checks"]:
        found.setdefault((check["subject"], check["name"]), []).append(check)
    return found


def _files(place: Workplace) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in place.folder.rglob("*") if path.is_file()}


def wrong(found: Found) -> dict[tuple[str, str], str]:
    """What is not ok, with how it went."""
    return {key: check["status"] for key, checks in found.items() for check in checks if check["status"] != "ok"}


def told(found: Found, subject: str, name: str) -> str:
    """What was seen, and the remedy."""
    return "\n".join(f"{check['seen']} | {check['remedy']}" for check in found[subject, name])


def heal(place: Workplace, *allowed: str) -> None:
    place.apply(*allowed).ended(ExitCode.DONE)
    assert wrong(examine(place, ExitCode.DONE)) == {}


def provider(place: Workplace) -> dict[str, dict[str, Any]]:
    """The one provider in Jira's miniOrange."""
    return place.sandbox.jira.world.miniorange["Identity Providers"][0]


# --- health -------------------------------------------------------------------------------------------------------


def test_a_healthy_stack_is_well(healthy: Workplace) -> None:
    found = examine(healthy, ExitCode.DONE)
    assert wrong(found) == {}
    assert {name for subject, name in found if subject == "clavex"} == {
        *("reach", "tls", "clock", "issuer", "endpoints", "keys", "token", "as-specified")
    }
    assert {name for subject, name in found if subject == "sso.jira"} == {
        *("claims", "application-access", "client", "redirect-uri", "groups", "plugin", "group-claim"),
        "update-on-login",
    }
    assert {subject for subject, _ in found} == {
        *("this side", "clavex", "jira", "confluence", "sso.jira", "sso.confluence")
    }


def test_the_guides_example_has_two_things_to_look_at(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    found = examine(place, ExitCode.DONE)
    assert wrong(found) == {("sso.jira", "claims"): "warning", ("sso.jira", "application-access"): "warning"}
    assert "preferred_username" in told(found, "sso.jira", "claims")
    assert "jira-software-users may not use Jira" in told(found, "sso.jira", "application-access")


def test_before_the_first_apply(place: Workplace) -> None:
    place.write(HEALTHY)
    found = examine(place, ExitCode.UNVERIFIED)
    assert "reconciler apply makes it" in told(found, "sso.jira", "client")
    assert "reconciler apply sets it up" in told(found, "sso.jira", "sign-on")
    assert "email, family_name, given_name, groups" in told(found, "sso.confluence", "claims")


def test_the_table(healthy: Workplace) -> None:
    ran = healthy.run("doctor").ended(ExitCode.DONE)
    assert "\nsso.jira\n  ok       claims " in ran.out
    assert ran.out.endswith("Nothing that was looked at would stop a login.\n")
    healthy.sandbox.clavex.world.clients["atlassian"].redirect_uris = ["https://elsewhere.test/"]
    ran = healthy.run("doctor").ended(ExitCode.UNVERIFIED)
    assert "A login would not work: sso.confluence (redirect-uri); sso.jira (redirect-uri)." in ran.out


# --- the rows of the troubleshooting table ------------------------------------------------------------------------


def test_row_1_application_access_in_jira(healthy: Workplace) -> None:
    for role in healthy.sandbox.jira.world.application_roles.values():
        role.groups = ["somebody"]
    found = examine(healthy, ExitCode.UNVERIFIED)
    assert found["sso.jira", "application-access"][0]["status"] == "failed"
    assert "turned away | reconciler apply lets it in" in told(found, "sso.jira", "application-access")
    healthy.sandbox.jira.world.application_roles["jira-core"].groups = ["JIRA-ADMINISTRATORS"]
    heal(healthy)


def test_row_1_application_access_in_confluence(healthy: Workplace) -> None:
    world = healthy.sandbox.confluence.world
    world.permissions.pop("confluence-users")
    found = examine(healthy, ExitCode.UNVERIFIED)
    assert "Global permissions" in told(found, "sso.confluence", "application-access")
    healthy.write(HEALTHY, {"systems": {"confluence": {"may_use": ["confluence-users"]}}})
    heal(healthy)
    world.version = "9.2.3"
    healthy.write(HEALTHY)
    unknown = examine(healthy, ExitCode.DONE)["sso.confluence", "application-access"][0]
    assert unknown["status"] == "unknown"
    assert "9.2.3 has no REST" in unknown["seen"]


def test_row_1_no_groups_are_mapped(healthy: Workplace) -> None:
    healthy.write(HEALTHY, {"sso": {"jira": {"groups": None}}})
    healthy.apply("locks-out", "deletes").ended(ExitCode.DONE)
    assert wrong(examine(healthy, ExitCode.DONE)) == {("sso.jira", "application-access"): "unknown"}


def test_row_2_groups_that_are_missing(healthy: Workplace) -> None:
    clavex = healthy.sandbox.clavex.world
    clavex.groups = {key: group for key, group in clavex.groups.items() if group.name != "confluence-users"}
    del healthy.sandbox.jira.world.groups["jira-software-users"]
    found = examine(healthy, ExitCode.UNVERIFIED)
    assert "Clavex has no group confluence-users" in told(found, "sso.confluence", "groups")
    assert "jira has no group jira-software-users" in told(found, "sso.jira", "groups")
    heal(healthy)


def test_row_2_a_claim_that_does_not_arrive(healthy: Workplace) -> None:
    world = healthy.sandbox.clavex.world
    mappers = {mapper.claim_name: mapper for mapper in world.mappers.values()}
    del world.mappers[mappers["groups"].id]
    mappers["email"].attribute_name = "first_name"
    found = examine(healthy, ExitCode.UNVERIFIED)
    text = told(found, "sso.confluence", "claims")
    assert "for want of a mapper: groups" in text
    assert "email is not what the plugin expects: its mapper differs in attribute_name" in text
    heal(healthy, "takes-over", "replaces")


def test_row_2_a_claim_that_the_plugin_does_not_read(healthy: Workplace) -> None:
    mapping = provider(healthy)["Group Mapping"]
    mapping["ON_THE_FLY_GROUP_MAPPING"] = False
    found = examine(healthy, ExitCode.DONE)
    assert wrong(found) == {("sso.jira", "group-claim"): "warning", ("jira", "as-specified"): "warning"}
    mapping["ROLE_ATTRIBUTE"] = "roles"
    next(iter(healthy.sandbox.confluence.world.idps.values())).jit_configuration.mapping_groups = ""
    found = examine(healthy, ExitCode.UNVERIFIED)
    text = told(found, "sso.jira", "group-claim") + told(found, "sso.jira", "groups")
    assert "the plugin reads groups from roles, and the spec says groups" in text
    assert "on-the-fly group mapping is off" in text
    assert "reads groups from no claim" in told(found, "sso.confluence", "group-claim")
    heal(healthy)


def test_row_2_just_in_time_provisioning_is_off(healthy: Workplace) -> None:
    next(iter(healthy.sandbox.confluence.world.idps.values())).jit_configuration.user_provisioning_enabled = False
    found = examine(healthy, ExitCode.DONE)
    assert [check["status"] for check in found["sso.confluence", "group-claim"]] == ["warning"]
    assert "no group of Clavex arrives | reconciler apply turns it on" in told(found, "sso.confluence", "group-claim")
    heal(healthy)


def test_row_3_the_redirect_uri_is_not_registered(healthy: Workplace) -> None:
    client = healthy.sandbox.clavex.world.clients["atlassian"]
    client.redirect_uris = [uri for uri in client.redirect_uris if "/oidc/" in uri]
    found = examine(healthy, ExitCode.UNVERIFIED)
    assert wrong(found) == {("sso.jira", "redirect-uri"): "failed", ("clavex", "as-specified"): "warning"}
    assert "a login ends in 400 | reconciler apply adds it" in told(found, "sso.jira", "redirect-uri")
    heal(healthy)


def test_row_3_a_uri_of_somebody_else_in_its_place_needs_permission(healthy: Workplace) -> None:
    client = healthy.sandbox.clavex.world.clients["atlassian"]
    client.redirect_uris = [*(uri for uri in client.redirect_uris if "/oidc/" in uri), "https://other.test/cb"]
    found = examine(healthy, ExitCode.UNVERIFIED)
    assert "and says if that needs permission (--allow)" in told(found, "sso.jira", "redirect-uri")
    healthy.apply().ended(ExitCode.REFUSED)
    heal(healthy, "takes-over=clavex/client/atlassian")


def test_row_3_the_client_is_not_active(healthy: Workplace) -> None:
    client = healthy.sandbox.clavex.world.clients["atlassian"]
    client.is_active = False
    assert "switched off" in told(examine(healthy, ExitCode.UNVERIFIED), "sso.jira", "client")
    client.is_active, client.response_types = True, ["code id_token"]
    assert "response type code" in told(examine(healthy, ExitCode.UNVERIFIED), "sso.jira", "client")


def test_row_3_the_products_own_base_url(healthy: Workplace) -> None:
    healthy.sandbox.jira.world.base_url = "https://jira.internal"
    found = examine(healthy, ExitCode.UNVERIFIED)
    assert "a redirect URI that Clavex refuses with 400" in told(found, "jira", "base-url")
    healthy.sandbox.clavex.world.clients["atlassian"].redirect_uris.append(
        "https://jira.internal/plugins/servlet/oauth/callback"
    )
    assert examine(healthy, ExitCode.DONE)["jira", "base-url"][0]["status"] == "warning"


def test_row_4_stale_attributes(healthy: Workplace) -> None:
    provider(healthy)["Attribute Mapping"]["KEEP_EXISTING_USER_ATTRIBUTES"] = True
    idp = next(iter(healthy.sandbox.confluence.world.idps.values()))
    idp.jit_configuration.user_provisioning_enabled = False
    found = examine(healthy, ExitCode.DONE)
    for sign_on in ("sso.jira", "sso.confluence"):
        assert found[sign_on, "update-on-login"][0]["status"] == "warning"
        assert f"update_attributes_on_login = true in [{sign_on}]" in told(found, sign_on, "update-on-login")
    heal(healthy)


# --- plugins ------------------------------------------------------------------------------------------------------


def test_a_plugin_that_is_missing_disabled_or_old(healthy: Workplace) -> None:
    jira, confluence = healthy.sandbox.jira.world, healthy.sandbox.confluence.world
    jira.plugins[MINIORANGE].enabled = False
    del confluence.plugins[SSO_APP]
    found = examine(healthy, ExitCode.UNVERIFIED)
    assert "is disabled | Jira, Manage apps: enable it" in told(found, "sso.jira", "plugin")
    assert "is not installed | Confluence, Manage apps: install it" in told(found, "sso.confluence", "plugin")
    jira.reset()
    confluence.reset()
    confluence.plugins[SSO_APP].version = "4.1.9"
    found = examine(healthy, ExitCode.UNVERIFIED)
    assert "4.1.9 is too old" in told(found, "sso.confluence", "plugin")


def test_an_identity_provider_that_is_switched_off(healthy: Workplace) -> None:
    next(iter(healthy.sandbox.confluence.world.idps.values())).enabled = False
    assert "switched off" in told(examine(healthy, ExitCode.UNVERIFIED), "sso.confluence", "sign-on")
    heal(healthy)


def test_versions_below_the_prerequisites(healthy: Workplace) -> None:
    overlay = {"sso": {"jira": {"plugin": "atlassian", "attributes": {"username": "preferred_username"}}}}
    healthy.write(HEALTHY, overlay)
    healthy.sandbox.jira.world.version = "9.1"
    found = examine(healthy, ExitCode.UNVERIFIED)
    assert found["sso.jira", "version"][0]["status"] == "warning"
    assert "the guide wants 9.4" in told(found, "sso.jira", "version")
    healthy.sandbox.jira.world.version = "8.14"
    found = examine(healthy, ExitCode.UNVERIFIED)
    assert "it came with 8.15" in told(found, "sso.jira", "version")
    assert "sso.jira.plugin: Jira 8.14 has no built-in OpenID Connect" in told(found, "this side", "spec")


def test_a_plugin_contributes_checks_of_its_own(healthy: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    def examine_mine(sign_on: SignOn, examination: Examination) -> Iterable[Check]:
        yield fine("mine", sign_on.where, examination.facts.version)

    monkeypatch.setattr(atlassian_sso, "plugin", atlassian_sso.plugin._replace(examine=examine_mine))
    assert told(examine(healthy, ExitCode.DONE), "sso.confluence", "mine").startswith("9.2.18")


# --- tokens -------------------------------------------------------------------------------------------------------


def give_key(place: Workplace, *permissions: str, expires_at: str | None = None) -> None:
    world = place.sandbox.clavex.world
    key, _ = world.add_key("ours", org_id=world.org_id, permissions=list(permissions), expires_at=expires_at)
    place.environ["CLAVEX_TOKEN"] = key


def test_tokens_that_may_not_administer(healthy: Workplace) -> None:
    give_key(healthy, "clients:write", "groups:read")
    healthy.sandbox.jira.world.administrator = False
    healthy.sandbox.confluence.world.administrator = False
    found = examine(healthy, ExitCode.INCOMPLETE)
    assert "may not groups:write" in told(found, "clavex", "token")
    assert "not an administrator's" in told(found, "jira", "token")
    assert "not an administrator's (admin)" in told(found, "confluence", "token")
    assert found["jira", "application-access"][0]["stops"] == "reading"


def test_a_key_that_ends_soon(healthy: Workplace) -> None:
    soon = datetime.now().astimezone() + timedelta(days=3, hours=1)
    give_key(healthy, "clients:write", "groups:write", "security:read", expires_at=soon.isoformat())
    found = examine(healthy, ExitCode.DONE)
    assert found["clavex", "token"][0]["status"] == "warning"
    assert "it ends in 3 days" in told(found, "clavex", "token")


def test_credentials_that_are_missing_or_malformed(healthy: Workplace) -> None:
    healthy.environ |= {"JIRA_TOKEN": "", "CONFLUENCE_TOKEN": "two words"}
    found = examine(healthy, ExitCode.INCOMPLETE)
    assert "set JIRA_TOKEN in the environment" in told(found, "jira", "credential")
    assert "holds a blank" in told(found, "confluence", "credential")
    assert "two words" not in healthy.shown[-2]
    assert "while jira cannot be read" in told(found, "sso.jira", "groups")


# --- what answers otherwise ---------------------------------------------------------------------------------------


def test_another_issuer(healthy: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "document", lambda issuer: document(issuer) | {"issuer": "https://id.other.eu/acme"})
    found = examine(healthy, ExitCode.UNVERIFIED)
    assert "says that the issuer is https://id.other.eu/acme" in told(found, "clavex", "issuer")
    assert "auth.issuer_base" in told(found, "clavex", "issuer")


def test_endpoints_on_another_host(healthy: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = {
        "token_endpoint": "http://evil.test/token",
        "jwks_uri": "http://evil.test/jwks",
        "userinfo_endpoint": 1,
    }
    monkeypatch.setattr(oidc, "document", lambda issuer: document(issuer) | elsewhere)
    healthy.write(HEALTHY, {"sso": {"jira": None}})
    found = examine(healthy, ExitCode.UNVERIFIED)
    assert "userinfo_endpoint missing; token_endpoint is http://evil.test/token" in told(found, "clavex", "endpoints")
    assert "not asked for" in told(found, "clavex", "keys")


@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        ([], "has no keys, so none that verifies PS256, RS256"),
        (
            [{"kty": "EC", "use": "sig"}, {"kty": "RSA", "use": "enc"}],
            "has 2 keys, and none that verifies PS256, RS256",
        ),
    ],
)
def test_keys_that_verify_nothing(
    healthy: Workplace, monkeypatch: pytest.MonkeyPatch, keys: list[object], seen: str
) -> None:
    monkeypatch.setattr(oidc, "published", lambda _: keys)
    assert seen in told(examine(healthy, ExitCode.UNVERIFIED), "clavex", "keys")


@pytest.mark.parametrize("kind", [Kind.HTML, Kind.TRUNCATED_JSON, Kind.LOGIN_REDIRECT, Kind.ERROR_IN_200])
def test_something_else_where_json_was_expected(healthy: Workplace, kind: Kind) -> None:
    healthy.sandbox.clavex.faults.add(Fault(kind=kind, path="jwks", times=None))
    healthy.sandbox.jira.faults.add(Fault(kind=kind, path="mypermissions", times=None))
    healthy.sandbox.confluence.faults.add(Fault(kind=kind, path="server-information", times=None))
    found = examine(healthy, ExitCode.INCOMPLETE)
    assert wrong(found) == {
        ("clavex", "keys"): "unknown",
        ("jira", "token"): "unknown",
        ("confluence", "reach"): "failed",
        ("sso.confluence", "groups"): "unknown",
    }


@pytest.mark.usefixtures("impatient")
def test_systems_that_cannot_be_reached(healthy: Workplace) -> None:
    urls = {name: system["url"] for name, system in healthy.sandbox.describe().items()}
    (healthy.home / "state.json").unlink()  # or the move would be refused
    moved = {"jira": {"url": "http://127.0.0.1:1"}, "clavex": {"url": urls["clavex"].replace("http:", "https:")}}
    healthy.write(HEALTHY, {"systems": moved})
    found = examine(healthy, ExitCode.INCOMPLETE)
    assert found["jira", "reach"][0]["status"] == "failed"
    assert ("jira", "clock") not in found
    assert "no TLS" in told(found, "clavex", "tls")


def test_a_system_that_moved_is_sent_nothing(healthy: Workplace) -> None:
    jira = healthy.sandbox.jira
    healthy.write(HEALTHY, {"systems": {"jira": {"url": jira.url.replace("127.0.0.1", "localhost")}}})
    before = len(jira.faults.requests)
    assert "moves-host" in healthy.run("doctor").ended(ExitCode.REFUSED).err
    assert len(jira.faults.requests) == before


@pytest.mark.parametrize(("minutes", "status", "code"), [(3, "warning", 0), (-30, "failed", 8)])
def test_clocks(
    healthy: Workplace, monkeypatch: pytest.MonkeyPatch, minutes: int, status: str, code: ExitCode
) -> None:
    class Off(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(minutes=minutes)

    monkeypatch.setattr(flow, "datetime", Off)
    found = examine(healthy, code)
    assert wrong(found) == {(name, "clock"): status for name in ("clavex", "jira", "confluence")}
    assert ("behind ours" if minutes > 0 else "ahead of ours") in told(found, "jira", "clock")


# --- this side ----------------------------------------------------------------------------------------------------


def test_a_state_that_cannot_be_read_stops_everything(healthy: Workplace) -> None:
    (healthy.home / "state.json").write_text("{")
    asked = [len(served.faults.requests) for served in healthy.sandbox.served]
    found = examine(healthy, ExitCode.INCOMPLETE)
    assert list(found) == [("this side", "state")]
    assert [len(served.faults.requests) for served in healthy.sandbox.served] == asked


def test_a_secret_store_that_cannot_be_read(healthy: Workplace) -> None:
    (healthy.home / "acme.secrets").write_text("not what it was\n")
    found = examine(healthy, ExitCode.INCOMPLETE)
    assert found["this side", "secret-store"][0]["status"] == "failed"


def test_a_store_without_the_secret(healthy: Workplace) -> None:
    healthy.write(HEALTHY, {"clients": {"atlassian": {"secret": "env:ATLASSIAN_SECRET"}}})
    found = examine(healthy, ExitCode.DONE)
    assert "has no ATLASSIAN_SECRET, and takes no new values" in told(found, "this side", "secret-store")


def test_while_an_apply_runs(healthy: Workplace) -> None:
    from reconciler.backends.local import LocalBackend
    from reconciler.flows.place import lock_info

    with LocalBackend(healthy.home).lock(lock_info("apply")):
        ran = healthy.run("doctor", "--json").ended(ExitCode.DONE)
    state = next(check for check in ran.json["checks"] if check["name"] == "state")
    assert state["status"] == "warning"
    assert f"on {os.uname().nodename} runs apply since" in state["seen"]
