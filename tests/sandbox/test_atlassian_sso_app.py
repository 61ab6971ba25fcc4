"""The emulated built-in SSO app answers as facts atlassian 3 says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import httpx
import pytest

from reconciler.sandbox.atlassian import SSO_APP, Switches, confluence, jira

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import JsonValue

    from reconciler.sandbox.atlassian import ProductWorld
    from reconciler.sandbox.emulator import Emulator

    Make = Callable[..., Emulator[ProductWorld]]

IDPS = "/rest/authconfig/1.0/idps"
SSO = "/rest/authconfig/1.0/sso"
LOGIN_OPTIONS = "/rest/authconfig/1.0/login-options"
SECRET = "cs_of_the_test"
CLAVEX: dict[str, JsonValue] = {
    "name": "clavex",
    "sso-type": "OIDC",
    "enabled": False,
    "buttonText": "Sign in with Clavex",
    "issuer-url": "https://id.acme.eu/acme",
    "client-id": "atlassian",
    "client-secret": SECRET,
    "discovery-enabled": True,
    "additional-scopes": ["profile", "email"],
    "username-claim": "${preferred_username}",
    "jit-configuration": {"user-provisioning-enabled": True, "mapping-email": "${email}", "mapping-groups": "groups"},
}
SAML: dict[str, JsonValue] = {
    "name": "Okta",
    "sso-type": "SAML",
    "enabled": True,
    "button-text": "Okta",
    "sso-url": "https://okta.test/sso",
    "certificate": "-----BEGIN CERTIFICATE-----" + "x" * 2000,
}


def ask(
    emulator: Emulator[ProductWorld],
    method: str,
    path: str,
    json: JsonValue = None,
    *,
    params: dict[str, str] | None = None,
    anonymous: bool = False,
) -> httpx.Response:
    """Sends one request, as the administrator or as nobody."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(emulator.app)
        headers = {} if anonymous else {"Authorization": f"Bearer {emulator.token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://here.test", trust_env=False) as client:
            return await client.request(method, path, headers=headers, json=json, params=params)

    return asyncio.run(send())


def create(emulator: Emulator[ProductWorld], **changes: JsonValue) -> dict[str, Any]:
    answer = ask(emulator, "POST", IDPS, CLAVEX | changes)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("make", [jira, confluence])
def test_create_answers_200_with_the_entity_and_without_the_secret(make: Make) -> None:
    emulator = make()
    made = create(emulator)
    assert made == {
        "id": 1,
        "last-updated": "2026-01-15T08:00:02.000Z",
        "name": "clavex",
        "sso-type": "OIDC",
        "enabled": False,
        "buttonText": "Sign in with Clavex",
        "include-customer-logins": False,
        "enable-remember-me": False,
        "issuer-url": "https://id.acme.eu/acme",
        "client-id": "atlassian",
        "discovery-enabled": True,
        "authorization-endpoint": "https://id.acme.eu/acme/authorize",
        "token-endpoint": "https://id.acme.eu/acme/token",
        "userinfo-endpoint": "https://id.acme.eu/acme/userinfo",
        "additional-scopes": ["profile", "email"],
        "username-claim": "${preferred_username}",
        "jit-configuration": {
            "user-provisioning-enabled": True,
            "mapping-display-name": "",
            "mapping-email": "${email}",
            "mapping-groups": "groups",
            "additional-openid-scopes": [],
        },
    }
    assert ask(emulator, "GET", f"{IDPS}/1").json() == made
    assert ask(emulator, "GET", IDPS).json()["results"] == [made]


def test_secret_is_kept_counted_and_never_shown() -> None:
    emulator = jira()
    create(emulator)
    kept = emulator.world.idps[1].client_secret
    assert kept is not None
    assert kept.get_secret_value() == SECRET
    answers = [ask(emulator, "GET", IDPS), ask(emulator, "GET", f"{IDPS}/1")]
    answers.append(ask(emulator, "PATCH", f"{IDPS}/1", {"client-secret": "cs_rotated"}))
    answers.append(ask(emulator, "DELETE", f"{IDPS}/1"))
    assert all("cs_" not in answer.text for answer in answers)
    assert {SECRET, "cs_rotated"} <= emulator.issued_secrets
    assert "cs_" not in repr(emulator.world.idps)


def test_patch_changes_the_given_properties_only() -> None:
    emulator = jira()
    before = create(emulator)
    patched = ask(emulator, "PATCH", f"{IDPS}/1", {"id": None, "enabled": True, "name": None})
    assert patched.status_code == 200
    assert patched.json()["last-updated"] > before["last-updated"]
    after = patched.json() | {"last-updated": before["last-updated"]}
    assert after == before | {"enabled": True}
    kept = emulator.world.idps[1].client_secret
    assert kept is not None
    assert kept.get_secret_value() == SECRET
    assert ask(emulator, "PATCH", f"{IDPS}/1", {"id": 1}).status_code == 200
    assert ask(emulator, "PATCH", f"{IDPS}/1", {"id": 2}).status_code == 400


@pytest.mark.parametrize(("how", "groups"), [("replaces", ""), ("merges", "groups")])
def test_partial_jit_configuration_is_a_switch(how: Literal["replaces", "merges"], groups: str) -> None:
    emulator = jira(switches=Switches(nested_patch=how))
    create(emulator)
    patched = ask(emulator, "PATCH", f"{IDPS}/1", {"jit-configuration": {"mapping-email": "${mail}"}}).json()
    assert patched["jit-configuration"]["mapping-email"] == "${mail}"
    assert patched["jit-configuration"]["mapping-groups"] == groups


def test_delete_answers_200_with_the_entity_and_the_id_is_not_used_again() -> None:
    emulator = jira()
    made = create(emulator)
    deleted = ask(emulator, "DELETE", f"{IDPS}/1")
    assert (deleted.status_code, deleted.json()) == (200, made)
    assert emulator.world.idps == {}
    assert create(emulator)["id"] == 2


@pytest.mark.parametrize("status", [404, 400])
def test_unknown_id_is_a_switch(status: Literal[404, 400]) -> None:
    emulator = jira(switches=Switches(unknown_idp=status))
    for method, number in (("GET", "9"), ("DELETE", "9"), ("PATCH", "x")):
        answer = ask(emulator, method, f"{IDPS}/{number}", {})
        assert (answer.status_code, answer.json().keys()) == (status, {"message"})


def test_lists_come_by_pages() -> None:
    emulator = jira()
    for number in range(51):
        create(emulator, name=f"idp {number}")
    first = ask(emulator, "GET", IDPS).json()
    assert first.keys() == {"results", "start", "limit", "size", "isLastPage"}
    assert (first["start"], first["limit"], first["size"], first["isLastPage"]) == (0, 50, 50, False)
    last = ask(emulator, "GET", IDPS, params={"start": "50"}).json()
    assert ([idp["name"] for idp in last["results"]], last["isLastPage"]) == (["idp 50"], True)
    whole = ask(emulator, "GET", IDPS, params={"limit": "-1"}).json()
    assert (whole["size"], whole["isLastPage"]) == (51, True)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"id": 7}, "id must be"),
        ({"name": None}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"buttonText": "x" * 256}, "button-text"),
        ({"client-id": "x" * 256}, "client-id"),
        ({"client-secret": "x" * 256}, "client-secret"),
        ({"issuer-url": "x" * 256}, "issuer-url"),
        ({"username-claim": "x" * 256}, "username-claim"),
        ({"jit-configuration": {"mapping-groups": "x" * 256}}, "mapping-groups"),
        ({"jit-configuration": {"mapping_groups": "groups"}}, "mapping_groups"),
        ({"enabled": None}, "enabled"),
        ({"enabled": "true"}, "enabled"),
        ({"issuer-url": None}, "issuer-url"),
        ({"client-secret": None}, "client-secret"),
        ({"discovery-enabled": False}, "token-endpoint"),
        ({"sso-type": "OAUTH"}, "sso-type"),
        ({"client_id": "atlassian"}, "client_id"),
        ({"button-text": "Sign in"}, "button-text"),
    ],
)
def test_wrong_entity_is_400_with_a_message_and_changes_nothing(changes: dict[str, JsonValue], cause: str) -> None:
    emulator = jira()
    refused = ask(emulator, "POST", IDPS, CLAVEX | changes)
    assert refused.status_code == 400
    assert refused.json().keys() == {"message"}
    assert cause in refused.json()["message"]
    assert "xxx" not in refused.text
    assert SECRET not in refused.text
    assert emulator.world.idps == {}


def test_scope_lists_are_longer_than_255_characters() -> None:
    scopes: list[JsonValue] = [f"scope-{number}" for number in range(100)]
    assert create(jira(), **{"additional-scopes": scopes})["additional-scopes"] == scopes


def test_endpoints_given_by_hand_are_stored_without_discovery() -> None:
    endpoints: dict[str, JsonValue] = {
        "authorization-endpoint": "https://a.test/auth",
        "token-endpoint": "https://a.test/token",
        "userinfo-endpoint": "https://a.test/me",
    }
    made = create(jira(), **endpoints, **{"discovery-enabled": False})
    assert {key: made[key] for key in endpoints} == endpoints


def test_discovered_endpoints_can_be_absent() -> None:
    made = create(jira(switches=Switches(discovered_endpoints="absent")))
    assert not {"authorization-endpoint", "token-endpoint", "userinfo-endpoint"} & made.keys()


@pytest.mark.parametrize(
    ("make", "version", "key"),
    [
        (jira, "9.4.11", "button-text"),
        (jira, "10.3.24", "buttonText"),
        (confluence, "8.5.9", "button-text"),
        (confluence, "9.2.18", "buttonText"),
    ],
)
def test_button_text_is_spelled_by_version(make: Make, version: str, key: str) -> None:
    emulator = make(version)
    emulator.world.store_idp(SAML)
    (shown,) = ask(emulator, "GET", IDPS).json()["results"]
    assert {"buttonText", "button-text"} & shown.keys() == {key}
    other = ({"buttonText", "button-text"} - {key}).pop()
    assert ask(emulator, "PATCH", f"{IDPS}/1", {other: "x"}).status_code == 400
    assert ask(emulator, "PATCH", f"{IDPS}/1", {key: "x"}).json()[key] == "x"


def test_button_text_can_be_spelled_and_accepted_otherwise() -> None:
    emulator = jira(switches=Switches(button_key="button-text", other_button_key="accepted"))
    assert create(emulator)["button-text"] == "Sign in with Clavex"


def test_other_fields_can_be_ignored() -> None:
    emulator = jira(switches=Switches(other_fields="ignored"))
    assert "colour" not in create(emulator, **{"colour": "red", "button-text": "Other"})
    assert emulator.world.idps[1].button_text == "Sign in with Clavex"


def test_duplicate_names_are_a_switch() -> None:
    lenient, strict = jira(), jira(switches=Switches(duplicate_idp_names="refused"))
    for emulator in (lenient, strict):
        create(emulator)
    assert create(lenient)["id"] == 2
    assert ask(strict, "POST", IDPS, CLAVEX).status_code == 400
    assert ask(strict, "PATCH", f"{IDPS}/1", {"name": "clavex"}).status_code == 200


def test_emptied_list_is_shown_or_absent() -> None:
    for emulator, shown in ((jira(), True), (jira(switches=Switches(emptied_lists="absent")), False)):
        create(emulator)
        patched = ask(emulator, "PATCH", f"{IDPS}/1", {"additional-scopes": []}).json()
        assert patched.get("additional-scopes") == ([] if shown else None)


def test_foreign_providers_can_be_made_and_changed_by_hand() -> None:
    emulator = jira()
    emulator.world.store_idp(SAML)
    create(emulator)
    emulator.world.idps[1].name = "Renamed"
    (foreign, _ours) = ask(emulator, "GET", IDPS).json()["results"]
    assert (foreign["id"], foreign["name"], foreign["sso-url"]) == (1, "Renamed", "https://okta.test/sso")
    assert not {"client-id", "discovery-enabled", "additional-scopes"} & foreign.keys()


def test_sso_settings_change_one_by_one() -> None:
    emulator = jira()
    before = ask(emulator, "GET", SSO).json()
    assert before == {
        "show-login-form": True,
        "show-login-form-for-jsm": True,
        "enable-authentication-fallback": False,
        "discovery-refresh-cron": "0 0 * * * ?",
        "last-updated": "2026-01-15T08:00:01.000Z",
    }
    after = ask(emulator, "PATCH", SSO, {"enable-authentication-fallback": True})
    assert after.status_code == 200
    assert after.json()["last-updated"] > before["last-updated"]
    assert after.json() | {"last-updated": before["last-updated"]} == before | {
        "enable-authentication-fallback": True
    }
    assert emulator.world.sso.enable_authentication_fallback is True
    assert ask(emulator, "PATCH", SSO, {"show-login-form": "false"}).status_code == 400
    assert ask(emulator, "PATCH", SSO, {"show_login_form": False}).status_code == 400
    emulator.world.sso.show_login_form = False
    assert ask(emulator, "GET", SSO).json()["show-login-form"] is False


def test_login_options_are_anonymous_and_of_enabled_providers_only() -> None:
    emulator = jira()
    emulator.world.base_url = "https://acme.eu/jira"
    create(emulator)
    form = {"type": "LOGIN_FORM"}
    assert ask(emulator, "GET", LOGIN_OPTIONS, anonymous=True).json()["results"] == [form]
    emulator.world.idps[1].enabled = True
    button = {
        "id": 1,
        "type": "IDP",
        "buttonText": "Sign in with Clavex",
        "loginLink": "https://acme.eu/jira/plugins/servlet/external-login/1",
    }
    assert ask(emulator, "GET", LOGIN_OPTIONS, anonymous=True).json()["results"] == [button, form]
    emulator.world.sso.show_login_form = False
    assert ask(emulator, "GET", LOGIN_OPTIONS, anonymous=True).json()["results"] == [button]


@pytest.mark.parametrize(
    ("make", "version", "app_version", "status"),
    [
        (jira, "8.14.1", "5.0.0", 404),
        (jira, "8.15.0", "5.0.0", 200),
        (confluence, "7.11.6", "5.0.0", 404),
        (confluence, "7.12.0", "5.0.0", 200),
        (jira, "8.15.0", "4.1.9", 404),
        (jira, "8.15.0", "4.2.0", 200),
    ],
)
def test_app_answers_from_its_versions_on(make: Make, version: str, app_version: str, status: int) -> None:
    emulator = make(version, Switches(sso_app_version=app_version))
    for path in (IDPS, SSO, LOGIN_OPTIONS):
        assert ask(emulator, "GET", path).status_code == status


def test_app_needs_an_administrator_and_to_be_enabled() -> None:
    emulator = jira()
    emulator.world.administrator = False
    assert ask(emulator, "GET", IDPS).status_code == 403
    assert ask(emulator, "POST", IDPS, CLAVEX).status_code == 403
    assert ask(emulator, "GET", LOGIN_OPTIONS).status_code == 200
    emulator.world.plugins[SSO_APP].enabled = False
    assert ask(emulator, "GET", LOGIN_OPTIONS).status_code == 404
