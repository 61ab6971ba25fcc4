"""Who gets in through which plugin, as whom, with which groups, and the ways past both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.logins import EMAIL, PASSWORD, SECRET, log_in, start

from reconciler.sandbox import atlassian
from reconciler.sandbox.clavex import Client
from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from sandbox.visitor import Visitor

    from reconciler.sandbox.atlassian.idp import Idp


class TestTheBuiltInApp:
    def test_a_login(self, idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
        home = log_in(visitor, sandbox)
        assert (home.texts["user"], home.texts["display-name"], home.items) == (
            "bob",
            "Bob Ross",
            ["confluence-users"],
        )
        secrets = sandbox.issued_secrets
        assert {SECRET, PASSWORD} <= secrets
        assert visitor.client.cookies["JSESSIONID.confluence"] in secrets

    def test_provisioning_makes_the_groups_those_that_were_sent(
        self, idp: Idp, sandbox: Sandbox, visitor: Visitor, bob: str
    ) -> None:
        world = sandbox.confluence.world
        world.add_user("bob", "old@acme.test", "Old Name")
        world.groups |= {"writers": ["bob", "admin"], "Readers": []}
        for name in ("readers", "nowhere"):
            sandbox.clavex.world.add_group(name).members.add(bob)
        home = log_in(visitor, sandbox)
        assert (home.texts["email"], home.texts["display-name"]) == (EMAIL, "Bob Ross")
        assert home.items == ["Readers", "confluence-users"]
        assert world.groups["writers"] == ["admin"]
        assert "nowhere" not in world.groups

    def test_provisioning_renames(self, idp: Idp, sandbox: Sandbox, visitor: Visitor, bob: str) -> None:
        log_in(visitor, sandbox)
        sandbox.clavex.world.users[bob].metadata["preferred_username"] = "robert"
        assert start(visitor, sandbox).texts["user"] == "robert"
        assert set(sandbox.confluence.world.users) == {"admin", "robert"}
        assert sandbox.confluence.world.groups["confluence-users"] == ["admin", "robert"]

    def test_without_provisioning_only_those_who_exist_get_in(
        self, idp: Idp, sandbox: Sandbox, visitor: Visitor
    ) -> None:
        idp.jit_configuration = idp.jit_configuration.model_copy(update={"user_provisioning_enabled": False})
        failed = log_in(visitor, sandbox)
        assert (failed.status, failed.cause, "no user bob" in failed.texts["reason"]) == (403, "unknown-user", True)
        sandbox.confluence.world.add_user("BOB", "", "")
        sandbox.confluence.world.groups["confluence-users"].append("BOB")
        assert start(visitor, sandbox).texts["user"] == "BOB"

    def test_no_claim_means_sub_and_a_bare_name_is_no_claim(
        self, idp: Idp, sandbox: Sandbox, visitor: Visitor, bob: str
    ) -> None:
        idp.username_claim = ""
        assert log_in(visitor, sandbox).texts["user"] == bob
        idp.username_claim = "preferred_username"
        sandbox.confluence.world.users.pop(bob)
        assert start(visitor, sandbox).texts["user"] == "preferred_username"

    def test_missing_groups_remove_or_refuse(self, idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
        world = sandbox.confluence.world
        idp.jit_configuration = idp.jit_configuration.model_copy(update={"mapping_groups": "teams"})
        assert log_in(visitor, sandbox).cause == "no-access"
        world.switches = replace(world.switches, missing_groups="refused")
        assert start(visitor, sandbox).cause == "missing-claim"

    def test_an_empty_display_name_is_refused(self, idp: Idp, sandbox: Sandbox, visitor: Visitor, bob: str) -> None:
        user = sandbox.clavex.world.users[bob]
        user.first_name = user.last_name = ""
        failed = log_in(visitor, sandbox)
        assert (failed.cause, "display name" in failed.texts["reason"]) == ("missing-claim", True)

    def test_endpoints_typed_in_by_hand(self, idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
        issuer = f"{sandbox.clavex.url}/acme"
        idp.authorization_endpoint = f"{issuer}/authorize"
        idp.token_endpoint, idp.userinfo_endpoint = f"{issuer}/token", f"{issuer}/userinfo"
        idp.discovery_enabled = False
        sandbox.clavex.faults.reset_counts()
        assert log_in(visitor, sandbox).id == "home"
        assert not any("well-known" in path for _, path in sandbox.clavex.faults.requests)

    @pytest.mark.parametrize("place", ["header", "body"])
    def test_the_secret_in_header_or_body(self, place: Any, idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
        world = sandbox.confluence.world
        world.switches = replace(world.switches, sso_app_secret_in=place)
        assert log_in(visitor, sandbox).id == "home"

    def test_a_provider_that_is_off_is_not_there(self, idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
        address = f"{sandbox.confluence.url}/plugins/servlet/external-login/{idp.id}"
        assert visitor.open(address).url.startswith(sandbox.clavex.url)
        idp.enabled = False
        assert (visitor.open(address).status, start(visitor, sandbox).id) == (404, "login")


class TestMiniOrange:
    def test_a_login(self, provider: dict[str, Any], sandbox: Sandbox, visitor: Visitor) -> None:
        home = log_in(visitor, sandbox)
        assert (home.texts["user"], home.texts["display-name"], home.items) == (
            "bob",
            "Bob Ross",
            ["confluence-users"],
        )

    def test_no_creation(self, provider: dict[str, Any], sandbox: Sandbox, visitor: Visitor) -> None:
        provider["Group Mapping"]["RESTRICT_USER_CREATION"] = "true"
        assert log_in(visitor, sandbox).cause == "unknown-user"

    def test_login_by_address(self, provider: dict[str, Any], sandbox: Sandbox, visitor: Visitor) -> None:
        sandbox.confluence.world.add_user("robert", EMAIL.upper(), "Old")
        provider["Attribute Mapping"]["LOGIN_USER_BY_ATTRIBUTE"] = "email"
        home = log_in(visitor, sandbox)
        assert (home.texts["user"], home.texts["display-name"]) == ("robert", "Bob Ross")

    def test_groups_are_replaced_or_kept(self, provider: dict[str, Any], sandbox: Sandbox, visitor: Visitor) -> None:
        world = sandbox.confluence.world
        world.add_user("bob", EMAIL, "Bob")
        world.groups["writers"] = ["bob"]
        provider["Group Mapping"]["ON_THE_FLY_DO_NOT_REMOVE_GROUPS"] = True
        assert log_in(visitor, sandbox).items == ["confluence-users", "writers"]
        provider["Group Mapping"]["ON_THE_FLY_DO_NOT_REMOVE_GROUPS"] = False
        assert start(visitor, sandbox).items == ["confluence-users"]

    def test_new_manual_and_default_groups(
        self, provider: dict[str, Any], sandbox: Sandbox, visitor: Visitor
    ) -> None:
        world = sandbox.confluence.world
        mapping = provider["Group Mapping"]
        sandbox.clavex.world.groups[next(iter(sandbox.clavex.world.groups))].name = "staff"
        world.permissions["staff"] = {("application", "use")}
        mapping["CREATE_NEW_GROUPS"] = True
        assert log_in(visitor, sandbox).items == ["staff"]
        mapping |= {"ON_THE_FLY_GROUP_MAPPING": False, "ROLE_MAPPING": {"confluence-users": ["staff"], "x": "y"}}
        assert start(visitor, sandbox).items == ["confluence-users"]
        world.groups["everybody"] = []
        mapping |= {"DEFAULT_GROUPS": ["everybody"], "ENABLE_DEFAULT_GROUPS_FOR": "newUsers"}
        assert start(visitor, sandbox).items == ["confluence-users"]
        mapping["ENABLE_DEFAULT_GROUPS_FOR"] = "allUsers"
        assert start(visitor, sandbox).items == ["confluence-users", "everybody"]

    def test_the_id_token_alone(self, provider: dict[str, Any], sandbox: Sandbox, visitor: Visitor) -> None:
        """Without mappers it says nothing of names."""
        provider["Application Configuration"]["USERINFO_END_POINT"] = ""
        assert log_in(visitor, sandbox).cause == "missing-claim"


class TestWaysIn:
    def test_both_plugins_stand_beside_the_form(
        self, idp: Idp, provider: dict[str, Any], sandbox: Sandbox, visitor: Visitor
    ) -> None:
        provider["Application Configuration"]["CUSTOM_APP_NAME"] = "Enter <here>"
        page = visitor.open(f"{sandbox.confluence.url}/login.action")
        assert list(page.links) == [f"sso-idp-{idp.id}", "sso-miniorange-1"]
        assert (page.texts["sso-idp-1"], page.texts["sso-miniorange-1"]) == ("Sign in with Clavex", "Enter <here>")
        assert page.action
        sandbox.confluence.world.plugins[sandbox.confluence.world.miniorange_key].enabled = False
        assert list(start(visitor, sandbox).fields) == ["login_session_id", "email", "password"]

    def test_without_the_form_the_only_provider_is_the_login(
        self, idp: Idp, sandbox: Sandbox, visitor: Visitor
    ) -> None:
        sso = sandbox.confluence.world.sso
        sso.show_login_form = False
        assert start(visitor, sandbox).url.startswith(f"{sandbox.clavex.url}/acme/authorize")
        assert start(visitor, sandbox, "?auth_fallback").url.startswith(sandbox.clavex.url)
        sso.enable_authentication_fallback = True
        page = visitor.open(f"{sandbox.confluence.url}/login.action?auth_fallback")
        home = visitor.send(page, os_username="admin", os_password=sandbox.confluence.password)
        assert home.texts["user"] == "admin"

    def test_a_form_that_is_hidden_takes_no_password(self, idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
        page = visitor.open(f"{sandbox.confluence.url}/login.action")
        sandbox.confluence.world.sso.show_login_form = False
        refused = visitor.send(page, os_username="admin", os_password=sandbox.confluence.password)
        assert (refused.status, "switched off" in refused.texts["login-error"]) == (401, True)

    def test_miniorange_hides_the_form_and_has_an_emergency_address(
        self, provider: dict[str, Any], sandbox: Sandbox, visitor: Visitor
    ) -> None:
        sign_in: Any = sandbox.confluence.world.miniorange["Sign In Settings"]
        address = f"{sandbox.confluence.url}/login.action"
        sign_in |= {"DISABLE_DEFAULT_LOGIN": "true", "ENABLE_AUTO_REDIRECT_DELAY": True}
        assert visitor.open(f"{address}?oauth_sso=false").url.startswith(sandbox.clavex.url)
        sign_in["ENABLE_BACKDOOR"] = "true"
        assert visitor.open(address).url.startswith(sandbox.clavex.url)
        assert visitor.open(f"{address}?oauth_sso=false").action == f"{address}?oauth_sso=false"

    def test_providers_of_a_plugin_that_is_not_there(
        self, idp: Idp, provider: dict[str, Any], sandbox: Sandbox, visitor: Visitor
    ) -> None:
        world, servlets = sandbox.confluence.world, f"{sandbox.confluence.url}/plugins/servlet"
        assert visitor.open(f"{servlets}/oauth/auth?id=two").status == 404
        assert visitor.open(f"{servlets}/external-login").url.startswith(sandbox.clavex.url)
        for plugin in world.plugins.values():
            plugin.enabled = False
        assert visitor.open(f"{servlets}/oauth/auth").cause == "no-provider"
        assert visitor.open(f"{servlets}/external-login").cause == "no-provider"
        assert visitor.open(f"{sandbox.confluence.url}/login.action").links == {}

    def test_no_way_in_says_so(self, sandbox: Sandbox, visitor: Visitor) -> None:
        sandbox.confluence.world.sso.show_login_form = False
        assert visitor.open(sandbox.confluence.url).texts["no-way-in"] == "There is no way to log in here."


def test_a_product_below_a_path(visitor: Visitor) -> None:
    switches = atlassian.Switches(context_path="/wiki", sso_app_claims="userinfo")
    with Sandbox(confluence=atlassian.confluence(switches=switches)) as sandbox:
        clavex, world = sandbox.clavex.world, sandbox.confluence.world
        callback = f"{sandbox.confluence.url}/plugins/servlet/oidc/callback"
        assert "/wiki/plugins" in callback
        clavex.add_client(Client("wiki", clavex.org_id, "Wiki", [callback]), SECRET)
        user = clavex.add_user(EMAIL, PASSWORD)
        world.add_user(user.id, EMAIL, "Bob")
        world.groups["confluence-users"].append(user.id)
        world.store_idp(
            {
                "name": "clavex",
                "sso-type": "OIDC",
                "enabled": True,
                "button-text": "Go",
                "issuer-url": f"{sandbox.clavex.url}/acme",
                "client-id": "wiki",
                "client-secret": SECRET,
                "discovery-enabled": True,
            }
        )
        home = log_in(visitor, sandbox)
        assert (home.texts["user"], home.url) == (user.id, f"{sandbox.confluence.url}/dashboard.action")
        assert next(cookie.path for cookie in visitor.client.cookies.jar if "confluence" in cookie.name) == "/wiki"
