"""The guide's example, seen by a person: what logging in is like before and after apply, and when it fails.

The failures are the rows of the guide's troubleshooting table; each is brought about and mended again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.visitor import Page, Visitor

    from reconciler.sandbox.clavex.records import User
    from reconciler.sandbox.serve import Sandbox

EMAIL, PASSWORD = "ann@acme.test", "Ann-pass-1"


@pytest.fixture
def place(sandbox: Sandbox, tmp_path: Path) -> Workplace:
    return Workplace(sandbox, tmp_path)


@pytest.fixture
def applied(place: Workplace) -> Workplace:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    return place


@pytest.fixture
def ann(applied: Workplace) -> User:
    """A user of Clavex with a user name, in the two groups of users."""
    world = applied.sandbox.clavex.world
    user = world.add_user(EMAIL, PASSWORD, "Ann", "Lee")
    user.metadata["preferred_username"] = "ann"
    for group in world.groups.values():
        if "users" in group.name:
            group.members.add(user.id)
    return user


def press_sso(visitor: Visitor, url: str) -> Page:
    page = visitor.open(url)
    assert page.id == "login"
    return visitor.press(page, next(link for link in page.links if link.startswith("sso-")))


def log_in(visitor: Visitor, url: str) -> Page:
    return visitor.send(press_sso(visitor, url), email=EMAIL, password=PASSWORD)


def give_access(sandbox: Sandbox) -> None:
    """What an administrator does in Jira under Application access."""
    answer = httpx.put(
        f"{sandbox.jira.url}/rest/api/2/applicationrole/jira-software",
        json={"groups": ["jira-administrators", "jira-software-users"]},
        headers={"Authorization": f"Bearer {sandbox.jira.token}"},
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("product", ["jira", "confluence"])
def test_before_apply_there_is_the_form_and_nothing_else(product: str, sandbox: Sandbox, visitor: Visitor) -> None:
    served = getattr(sandbox, product)
    page = visitor.open(served.url)
    assert (page.id, page.links, page.action) == ("login", {}, f"{served.url}{served.world.login_path}")
    wrong = visitor.send(page, os_username="admin", os_password="guess")
    assert (wrong.status, wrong.id, "incorrect" in wrong.texts["login-error"]) == (401, "login", True)
    home = visitor.send(page, os_username="admin", os_password=served.password)
    assert (home.texts["user"], home.items) == ("admin", sorted(served.world.first_groups))
    assert visitor.press(home, "log-out").id == "login"
    assert visitor.open(served.url).id == "login"


class TestAfterApply:
    def test_a_person_logs_in_to_jira_through_miniorange(self, ann: User, sandbox: Sandbox, visitor: Visitor) -> None:
        give_access(sandbox)
        form = press_sso(visitor, sandbox.jira.url)
        assert form.url.startswith(f"{sandbox.clavex.url}/acme/authorize?")
        asked = httpx.URL(form.url).params
        assert asked["redirect_uri"] == f"{sandbox.jira.url}/plugins/servlet/oauth/callback"
        assert set(asked["scope"].split()) == {"openid", "profile", "email", "groups"}
        assert asked["state"]
        assert asked["nonce"]
        home = visitor.send(form, email=EMAIL, password=PASSWORD)
        assert home.url == f"{sandbox.jira.url}/secure/Dashboard.jspa"
        assert (home.texts["user"], home.texts["display-name"], home.texts["email"]) == ("ann", "Ann Lee", EMAIL)
        assert home.items == ["jira-software-users"]

    def test_a_person_logs_in_to_confluence_through_its_own_app(
        self, ann: User, sandbox: Sandbox, visitor: Visitor
    ) -> None:
        home = log_in(visitor, sandbox.confluence.url)
        assert home.url == f"{sandbox.confluence.url}/dashboard.action"
        # The ID token has no user name but the one that a mapper makes of the address.
        assert (home.texts["user"], home.texts["display-name"], home.texts["email"]) == (EMAIL, "Ann Lee", EMAIL)
        assert home.items == ["confluence-users"]

    def test_one_login_at_clavex_serves_both(self, ann: User, sandbox: Sandbox, visitor: Visitor) -> None:
        give_access(sandbox)
        assert log_in(visitor, sandbox.jira.url).id == "home"
        home = press_sso(visitor, sandbox.confluence.url)
        assert (home.id, home.texts["user"]) == ("home", EMAIL)
        assert visitor.open(sandbox.jira.url).texts["user"] == "ann"  # the cookies do not meet

    def test_the_products_rest_knows_who_came(self, ann: User, sandbox: Sandbox, visitor: Visitor) -> None:
        give_access(sandbox)
        log_in(visitor, sandbox.jira.url)
        press_sso(visitor, sandbox.confluence.url)
        jira, confluence = f"{sandbox.jira.url}/rest/api/2", f"{sandbox.confluence.url}/rest/api"
        me = visitor.client.get(f"{jira}/myself", params={"expand": "groups,applicationRoles"}).json()
        assert (me["name"], me["emailAddress"], me["groups"]["items"]) == (
            "ann",
            EMAIL,
            [{"name": "jira-software-users"}],
        )
        assert [role["key"] for role in me["applicationRoles"]["items"]] == ["jira-software"]
        assert (
            visitor.client.get(f"{jira}/mypermissions").json()["permissions"]["ADMINISTER"]["havePermission"] is False
        )
        assert visitor.client.get(f"{jira}/group/member?groupname=jira-software-users").status_code == 403
        assert visitor.client.get(f"{confluence}/user/current").json()["username"] == EMAIL
        session = visitor.client.get(f"{sandbox.jira.url}/rest/auth/1/session").json()
        assert (session["name"], httpx.get(f"{sandbox.jira.url}/rest/auth/1/session").status_code) == ("ann", 401)
        assert httpx.get(f"{confluence}/user/current").json()["type"] == "anonymous"
        assert visitor.client.get(f"{confluence}/user/memberof?key=nobody").status_code == 404
        groups = visitor.client.get(f"{confluence}/user/memberof", params={"username": EMAIL}).json()
        assert [group["name"] for group in groups["results"]] == ["confluence-users"]


class TestTroubleshooting:
    """Row by row."""

    def test_users_cannot_log_in_without_application_access(
        self, ann: User, sandbox: Sandbox, visitor: Visitor
    ) -> None:
        failed = log_in(visitor, sandbox.jira.url)
        assert (failed.status, failed.id, failed.cause) == (403, "login-failed", "no-access")
        assert "application access" in failed.texts["reason"]
        assert visitor.open(sandbox.jira.url).id == "login"
        give_access(sandbox)
        assert press_sso(visitor, sandbox.jira.url).texts["user"] == "ann"

    def test_the_same_in_confluence_is_a_global_permission(
        self, ann: User, sandbox: Sandbox, visitor: Visitor
    ) -> None:
        permissions = sandbox.confluence.world.permissions
        held = permissions.pop("confluence-users")
        assert log_in(visitor, sandbox.confluence.url).cause == "no-access"
        permissions["confluence-users"] = held
        assert press_sso(visitor, sandbox.confluence.url).id == "home"

    def test_groups_do_not_sync_from_the_wrong_source(self, ann: User, sandbox: Sandbox, visitor: Visitor) -> None:
        """The client has no mapper for groups, and the plugin reads the ID token."""
        give_access(sandbox)
        clavex, confluence = sandbox.clavex.world, sandbox.confluence.world
        groups = next(mapper for mapper in clavex.mappers.values() if mapper.claim_name == "groups")
        groups.add_to_access_token = False
        confluence.groups["confluence-users"].append(EMAIL)
        failed = log_in(visitor, sandbox.confluence.url)
        assert (failed.cause, confluence.groups_of(EMAIL)) == ("no-access", [])  # provisioning took the group away
        assert press_sso(visitor, sandbox.jira.url).items == ["jira-software-users"]  # miniOrange reads UserInfo
        groups.add_to_access_token = True
        assert press_sso(visitor, sandbox.confluence.url).items == ["confluence-users"]

    def test_groups_do_not_sync_under_another_name(self, ann: User, sandbox: Sandbox, visitor: Visitor) -> None:
        jira = sandbox.jira.world
        jira.application_roles["jira-core"].groups.append("guests")
        jira.groups["guests"] = ["ann"]
        jira.add_user("ann", EMAIL, "Ann Lee")
        jira.groups["jira-software"] = jira.groups.pop("jira-software-users")
        assert log_in(visitor, sandbox.jira.url).items == ["guests"]

    def test_a_redirect_uri_that_is_not_registered_is_400_at_clavex(
        self, ann: User, applied: Workplace, sandbox: Sandbox, visitor: Visitor
    ) -> None:
        client = sandbox.clavex.world.clients["atlassian"]
        client.redirect_uris = [uri for uri in client.redirect_uris if "oauth" not in uri]
        page = press_sso(visitor, sandbox.jira.url)
        assert page.status == 400
        assert page.url.startswith(sandbox.clavex.url)
        assert '"redirect_uri not allowed"' in page.text
        applied.apply().ended(ExitCode.DONE)
        assert "login_session_id" in press_sso(visitor, sandbox.jira.url).fields

    def test_names_stay_as_they_were_without_the_update_on_login(
        self, ann: User, place: Workplace, sandbox: Sandbox, visitor: Visitor
    ) -> None:
        give_access(sandbox)
        place.write({"sso": {"jira": {"update_attributes_on_login": False}}})
        place.apply().ended(ExitCode.DONE)
        assert log_in(visitor, sandbox.jira.url).texts["display-name"] == "Ann Lee"
        ann.last_name = "Ross"
        assert press_sso(visitor, f"{sandbox.jira.url}/login.jsp").texts["display-name"] == "Ann Lee"
        place.write()
        place.apply().ended(ExitCode.DONE)
        assert press_sso(visitor, f"{sandbox.jira.url}/login.jsp").texts["display-name"] == "Ann Ross"

    def test_the_guides_user_name_is_in_no_users_userinfo(
        self, ann: User, sandbox: Sandbox, visitor: Visitor
    ) -> None:
        """Facts clavex 5.4: nobody has one unless somebody wrote it there."""
        give_access(sandbox)
        del ann.metadata["preferred_username"]
        failed = log_in(visitor, sandbox.jira.url)
        assert (failed.cause, "'preferred_username'" in failed.texts["reason"]) == ("missing-claim", True)


def test_the_person_of_the_sandbox_lands_in_both_products(place: Workplace, visitor: Visitor) -> None:
    """Who is invited before the first apply joins the groups that it makes."""
    place.sandbox.clavex.world.add_visitor("demo@acme.test", PASSWORD)
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    form = press_sso(visitor, place.sandbox.jira.url)
    jira = visitor.send(form, email="demo@acme.test", password=PASSWORD)
    assert (jira.texts["user"], jira.items) == ("demo", ["jira-administrators", "jira-software-users"])
    confluence = press_sso(visitor, place.sandbox.confluence.url)
    assert (confluence.texts["user"], confluence.items) == ("demo@acme.test", ["confluence-users"])
