"""A person logs in with a real browser: before apply, after it, and through each row of the guide's troubleshooting.

Each row is brought about, seen in the browser, found by `doctor` with its remedy, mended, and seen to work again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from acceptance.workplace import Workplace
    from browser.chromium import Tab

    from reconciler.sandbox.clavex.records import User

EMAIL, PASSWORD = "ann@acme.test", "Ann-pass-1"
BY_EMAIL = {"sso": {"jira": {"attributes": {"username": "email"}}}}
ACCESS = {"systems": {"jira": {"applications": {"jira-software": ["jira-software-users"]}}}}
GROUPS = {"jira": ["jira-software-users"], "confluence": ["confluence-users"]}
PRODUCTS = pytest.mark.parametrize("product", GROUPS)


@dataclass
class Workday:
    """Ann with her browser, and an administrator with the command line."""

    place: Workplace
    tab: Tab

    def press_button(self, product: str) -> Tab:
        """From the product's login page by the button of the single sign-on."""
        world = getattr(self.place.sandbox, product)
        self.tab.open(f"{world.url}{world.world.login_path}")
        assert self.tab.texts("a.sso") == ["Sign in with Clavex"]
        return self.tab.press("a.sso")

    def log_in(self, product: str) -> Tab:
        """The same, and through Clavex's form."""
        self.press_button(product)
        assert self.tab.url.startswith(f"{self.place.sandbox.clavex.url}/acme/authorize?")
        self.tab.type("#email", EMAIL)
        self.tab.type("#password", PASSWORD)
        return self.tab.press("#sign-in")

    def is_in(self, product: str, groups: list[str] | None = None) -> None:
        """Holds if the product's first page greets Ann, with her groups."""
        assert self.tab.has("#user"), self.tab.text()
        assert self.tab.text("h1") == product.capitalize()
        assert (self.tab.text("#user"), self.tab.text("#display-name")) == (EMAIL, "Ann Lee")
        assert self.tab.texts("#groups li") == (GROUPS[product] if groups is None else groups)

    def is_refused(self, product: str, reason: str) -> None:
        """Holds if the product turned her away."""
        assert self.tab.url.startswith(getattr(self.place.sandbox, product).url)
        assert (self.tab.status, self.tab.has("#user")) == (403, False)
        assert reason in self.tab.text("#reason")

    def found(self, command: str, code: ExitCode, subject: str, name: str) -> dict[str, Any]:
        """The check of that name by `doctor` or `verify`, which ended so."""
        made = self.place.run(command, "--json").ended(code).json
        (check,) = [one for one in made["checks"] if (one["subject"], one["name"]) == (subject, name)]
        return dict(check)


@pytest.fixture
def workday(place: Workplace, tab: Tab) -> Workday:
    place.write(BY_EMAIL, ACCESS)
    return Workday(place, tab)


@pytest.fixture
def applied(workday: Workday) -> Workday:
    workday.place.apply("locks-out").ended(ExitCode.DONE)
    return workday


@pytest.fixture
def ann(applied: Workday) -> User:
    return add_ann(applied.place)


def add_ann(place: Workplace) -> User:
    """A user of Clavex in the two groups of users."""
    world = place.sandbox.clavex.world
    user = world.add_user(EMAIL, PASSWORD, "Ann", "Lee")
    for group in world.groups.values():
        if "users" in group.name:
            group.members.add(user.id)
    return user


@PRODUCTS
def test_before_apply_there_is_no_button(product: str, workday: Workday) -> None:
    served = getattr(workday.place.sandbox, product)
    tab = workday.tab.open(served.url)
    assert (tab.url, tab.texts("a.sso")) == (f"{served.url}{served.world.login_path}", [])
    assert tab.has("#login-form")
    check = workday.found("doctor", ExitCode.UNVERIFIED, f"sso.{product}", "sign-on")
    assert (check["status"], "reconciler apply sets it up" in check["remedy"]) == ("failed", True)
    assert workday.found("verify", ExitCode.UNVERIFIED, f"sso.{product}", "authorize")["status"] == "failed"


@PRODUCTS
def test_after_apply_a_person_logs_in(product: str, applied: Workday, ann: User) -> None:
    applied.place.run("doctor").ended(ExitCode.DONE)
    applied.log_in(product)
    applied.is_in(product)
    applied.tab.press("#log-out")
    assert applied.tab.has("#login-form")


def test_one_login_serves_both_products(applied: Workday, ann: User) -> None:
    applied.log_in("jira")
    applied.press_button("confluence")  # no form this time: Clavex knows the browser
    applied.is_in("confluence")


def test_miniorange_in_both_products(workday: Workday) -> None:
    """The guide's Step 2 as it stands: "Repeat for Confluence (use the same client ID and secret)"."""
    plugin = {"plugin": "miniorange", "miniorange": {"route": "rest"}, "attributes": {"username": "email"}}
    workday.place.write(BY_EMAIL, ACCESS, {"sso": {"confluence": plugin}})
    workday.place.apply("locks-out").ended(ExitCode.DONE)
    add_ann(workday.place)
    workday.log_in("jira")
    workday.is_in("jira")
    workday.press_button("confluence")
    workday.is_in("confluence")


def test_verify_says_where_the_browser_lands(applied: Workday, ann: User) -> None:
    applied.place.environ["ANN_PASSWORD"] = PASSWORD
    ran = applied.place.run("verify", "--as", EMAIL, "--password-from", "env:ANN_PASSWORD", "--json")
    landings = {landing["subject"]: landing for landing in ran.ended(ExitCode.DONE).json["landings"]}
    assert set(landings) == {"sso.jira", "sso.confluence"}
    applied.log_in("jira")
    for product in GROUPS:
        applied.press_button(product)
        landing = landings[f"sso.{product}"]
        assert landing["username"] == applied.tab.text("#user")
        assert [local for _, local in landing["groups"] if local] == applied.tab.texts("#groups li")


def test_the_guides_user_name_comes_from_the_users_metadata(workday: Workday) -> None:
    """Facts clavex 5.4: UserInfo has a preferred_username only where somebody wrote one."""
    workday.place.write(ACCESS)
    workday.place.apply("locks-out").ended(ExitCode.DONE)
    user = add_ann(workday.place)
    workday.log_in("jira")
    workday.is_refused("jira", "no claim 'preferred_username'")
    check = workday.found("doctor", ExitCode.DONE, "sso.jira", "claims")
    assert (check["status"], "write preferred_username into the metadata" in check["remedy"]) == ("warning", True)
    user.metadata["preferred_username"] = "ann"
    assert workday.press_button("jira").text("#user") == "ann"


def test_a_wrong_password_lets_nobody_in(applied: Workday, ann: User) -> None:
    tab = applied.press_button("jira")
    tab.type("#email", EMAIL)
    tab.type("#password", "not hers")
    assert tab.press("#sign-in").text("#fault") == "Invalid email or password."
    tab.type("#password", PASSWORD)
    tab.press("#sign-in")
    applied.is_in("jira")


def test_a_product_without_https_needs_a_second_press(applied: Workday, ann: User) -> None:
    """A real Clavex lets its login form lead to https only."""
    world = applied.place.sandbox.clavex.world
    world.switches = replace(world.switches, form_action="'self' https:")
    tab = applied.press_button("jira")
    tab.type("#email", EMAIL)
    tab.type("#password", PASSWORD)
    assert tab.press_in_vain("#sign-in").has("#sign-in")
    for command in ("doctor", "verify"):
        check = applied.found(command, ExitCode.DONE, "sso.jira", "way-back")
        assert (check["status"], "a second time" in check["remedy"]) == ("warning", True)
    applied.press_button("jira")
    applied.is_in("jira")


class TestRow1ApplicationAccess:
    """Users can't log in after SSO enabled."""

    def test_in_jira(self, workday: Workday, applied: Workday, ann: User) -> None:
        workday.place.sandbox.jira.world.application_roles["jira-software"].groups.remove("jira-software-users")
        workday.log_in("jira")
        workday.is_refused("jira", "application access")
        check = workday.found("doctor", ExitCode.DONE, "sso.jira", "application-access")
        assert (check["status"], check["remedy"] == "reconciler apply lets it in") == ("warning", True)
        workday.place.apply().ended(ExitCode.DONE)
        workday.press_button("jira")
        workday.is_in("jira")

    def test_in_confluence(self, applied: Workday, ann: User) -> None:
        applied.place.sandbox.confluence.world.permissions.pop("confluence-users")
        applied.log_in("confluence")
        applied.is_refused("confluence", "access")
        check = applied.found("doctor", ExitCode.UNVERIFIED, "sso.confluence", "application-access")
        assert "may_use" in check["remedy"]
        applied.place.write(BY_EMAIL, ACCESS, {"systems": {"confluence": {"may_use": ["confluence-users"]}}})
        applied.place.apply("locks-out").ended(ExitCode.DONE)
        applied.press_button("confluence")
        applied.is_in("confluence")


class TestRow2Groups:
    """Groups not syncing from Clavex."""

    def test_the_claim_does_not_arrive(self, applied: Workday, ann: User) -> None:
        world = applied.place.sandbox.clavex.world
        world.mappers = {key: one for key, one in world.mappers.items() if one.claim_name != "groups"}
        applied.log_in("confluence")
        applied.is_refused("confluence", "access")  # it came with no group, and so with no permission
        check = applied.found("doctor", ExitCode.UNVERIFIED, "sso.confluence", "claims")
        assert ("for want of a mapper: groups" in check["seen"], "apply" in check["remedy"]) == (True, True)
        assert applied.found("verify", ExitCode.UNVERIFIED, "sso.confluence", "claims")["status"] == "failed"
        applied.place.apply().ended(ExitCode.DONE)
        applied.press_button("confluence")
        applied.is_in("confluence")

    def test_the_plugin_reads_another_claim(self, applied: Workday, ann: User) -> None:
        provider: Any = applied.place.sandbox.jira.world.miniorange["Identity Providers"]
        provider[0]["Group Mapping"]["ROLE_ATTRIBUTE"] = "roles"
        applied.log_in("jira")
        applied.is_refused("jira", "application access")
        check = applied.found("doctor", ExitCode.UNVERIFIED, "sso.jira", "group-claim")
        assert "the plugin reads groups from roles, and the spec says groups" in check["seen"]
        applied.place.apply("locks-out").ended(ExitCode.DONE)  # groups of administrators come by another claim
        applied.press_button("jira")
        applied.is_in("jira")

    def test_the_names_do_not_match(self, applied: Workday, ann: User) -> None:
        jira = applied.place.sandbox.jira.world
        jira.groups["Jira Software Users"] = jira.groups.pop("jira-software-users")
        applied.log_in("jira")
        applied.is_refused("jira", "application access")
        check = applied.found("doctor", ExitCode.UNVERIFIED, "sso.jira", "groups")
        assert "jira has no group jira-software-users" in check["seen"]
        applied.place.apply().ended(ExitCode.DONE)
        applied.press_button("jira")
        applied.is_in("jira")


class TestRow3RedirectUri:
    """Plugin redirect fails with 400."""

    @PRODUCTS
    def test_it_is_registered_by_apply(self, product: str, applied: Workday, ann: User) -> None:
        client = applied.place.sandbox.clavex.world.clients["atlassian"]
        lost = getattr(applied.place.sandbox, product).url
        client.redirect_uris = [uri for uri in client.redirect_uris if not uri.startswith(lost)]
        tab = applied.press_button(product)
        assert tab.url.startswith(applied.place.sandbox.clavex.url)
        assert (tab.status, "redirect_uri not allowed" in tab.text()) == (400, True)
        for command, name in (("doctor", "redirect-uri"), ("verify", "authorize")):
            check = applied.found(command, ExitCode.UNVERIFIED, f"sso.{product}", name)
            assert (check["status"], "reconciler apply adds" in check["remedy"]) == ("failed", True)
        applied.place.apply().ended(ExitCode.DONE)
        applied.log_in(product)
        applied.is_in(product)


class TestRow4StaleAttributes:
    """Avatar or display name not updated."""

    @PRODUCTS
    def test_the_name_follows_again(self, product: str, applied: Workday, ann: User) -> None:
        ann.last_name = "Miller"
        applied.log_in(product)
        self.switch_off(product, applied)
        ann.last_name = "Lee"  # she was Miller for a while
        applied.press_button(product)
        assert applied.tab.text("#display-name") == "Ann Miller"
        check = applied.found("doctor", ExitCode.DONE, f"sso.{product}", "update-on-login")
        assert check["status"] == "warning"
        assert f"update_attributes_on_login = true in [sso.{product}]" in check["remedy"]
        applied.place.apply("locks-out").ended(ExitCode.DONE)
        applied.press_button(product)
        applied.is_in(product)

    @staticmethod
    def switch_off(product: str, applied: Workday) -> None:
        """By hand, in the plugin's screen."""
        if product == "jira":
            provider: Any = applied.place.sandbox.jira.world.miniorange["Identity Providers"]
            provider[0]["Attribute Mapping"]["KEEP_EXISTING_USER_ATTRIBUTES"] = True
        else:
            idp = next(iter(applied.place.sandbox.confluence.world.idps.values()))
            idp.jit_configuration.user_provisioning_enabled = False
