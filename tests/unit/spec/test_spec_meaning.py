"""What a spec means once it is right: defaults, references, what is derived."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.intent import ClaimsFrom, Client, Group, SignOn, System
from reconciler.core.resource import OnRemove
from reconciler.core.secret import Handle
from reconciler.diagnostic import Severity
from reconciler.spec.load import Kinds, SpecRead, read_spec
from reconciler.spec.suggestion import did_you_mean

Read = Callable[..., SpecRead]

CLIENT = """
[clients.atlassian]
system = "clavex"
"""
SIGN_ON = """
[sso.jira]
system = "jira"
plugin = "miniorange"
client = "atlassian"
"""


def test_the_example_of_the_guide_is_understood(kinds: Kinds) -> None:
    spec = read_spec(Path(__file__).parents[3] / "specs" / "acme", None, kinds)
    assert spec.diagnostics == ()
    assert [(system.url, str(system.token)) for system in spec.intent.systems.values()] == [
        ("https://id.acme.eu", "env:CLAVEX_TOKEN"),
        ("https://jira.acme.eu", "env:JIRA_TOKEN"),
        ("https://confluence.acme.eu", "env:CONFLUENCE_TOKEN"),
    ]
    client = spec.intent.clients["atlassian"]
    assert client.claims == {"preferred_username": "email"}
    assert client.scopes == ("openid", "profile", "email", "groups")
    jira, confluence = spec.intent.sign_ons["jira"], spec.intent.sign_ons["confluence"]
    assert (jira.plugin, jira.options["route"], jira.update_attributes_on_login) == ("miniorange", "rest", True)
    assert (confluence.plugin, dict(confluence.options)) == ("atlassian", {})
    assert jira.attributes == confluence.attributes
    assert sorted(str(group.address) for group in spec.intent.groups) == [
        "clavex/group/confluence-users",
        "clavex/group/jira-administrators",
        "clavex/group/jira-software-users",
        "confluence/group/confluence-users",
        "jira/group/jira-administrators",
        "jira/group/jira-software-users",
    ]


def test_swapping_the_plugin_is_all_it_takes(tmp_path: Path, kinds: Kinds) -> None:
    text = (Path(__file__).parents[3] / "specs" / "acme" / "acme.toml").read_text(encoding="utf-8")
    swapped = text.replace('"miniorange"', '"?"').replace('"atlassian"\nclient', '"miniorange"\nclient')
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "acme.toml").write_text(swapped.replace('"?"', '"atlassian"'), encoding="utf-8")
    spec = read_spec(folder, None, kinds)
    assert [sign_on.plugin for sign_on in spec.intent.sign_ons.values()] == ["atlassian", "miniorange"]


def test_the_sandbox_differs_in_nothing_but_its_urls(kinds: Kinds) -> None:
    folder = Path(__file__).parents[3] / "specs" / "acme"
    plain, sandbox = (read_spec(folder, environment, kinds).intent for environment in (None, "sandbox"))
    assert [system.url for system in sandbox.systems.values()] == [
        "http://127.0.0.1:18080",
        "http://127.0.0.1:18081",
        "http://127.0.0.1:18082",
    ]
    assert sandbox.clients == plain.clients
    assert sandbox.groups == plain.groups


def test_a_system_has_its_credentials_by_name(read: Read, systems: str, tmp_path: Path) -> None:
    text = systems.replace('org = "acme"', 'org = "acme"\norg_id = "42"\nstrict = true').replace(
        'token = "env:JIRA_TOKEN"', 'username = "admin"\npassword = "command:vault#jira"\nca_file = "ca.pem"'
    )
    found = read(spec=text).intent.systems
    assert found["clavex"] == System(
        "clavex",
        "clavex",
        "https://id.acme.eu",
        "acme",
        Handle("env", "CLAVEX_TOKEN"),
        settings={"org_id": "42", "strict": "true"},
    )
    assert found["jira"] == System(
        "jira",
        "jira",
        "https://jira.acme.eu/jira",
        username="admin",
        password=Handle("command:vault", "jira"),
        ca_file=str(tmp_path / "specs" / "acme" / "ca.pem"),
    )


def test_a_client_manages_what_it_says(read: Read, systems: str) -> None:
    text = """
        [clients.wiki]
        system = "clavex"
        name = "Wiki"
        redirect_uris = ["https://wiki.acme.eu/cb"]
        post_logout_redirect_uris = []
        grant_types = ["authorization_code"]
        response_types = ["code"]
        scopes = ["openid"]
        token_endpoint_auth_method = "client_secret_basic"
        active = false
        access_token_ttl = 0
        refresh_token_ttl = 60
        secret = "env:WIKI_SECRET"
        claims = { name = "value:x" }
        """
    assert read(spec=systems + text).intent.clients["wiki"] == Client(
        name="wiki",
        system="clavex",
        client_id="wiki",
        display_name="Wiki",
        redirect_uris=("https://wiki.acme.eu/cb",),
        post_logout_redirect_uris=(),
        grant_types=("authorization_code",),
        response_types=("code",),
        scopes=("openid",),
        token_endpoint_auth_method="client_secret_basic",
        active=False,
        access_token_ttl=0,
        refresh_token_ttl=60,
        secret=Handle("env", "WIKI_SECRET"),
        claims={"name": "value:x"},
    )


def test_a_client_secret_lies_in_the_store_of_the_stack(read: Read, systems: str) -> None:
    spec = read(
        spec='stack.secrets = "command:vault"\n'
        + systems
        + CLIENT
        + SIGN_ON
        + '[clients.spa]\nsystem = "clavex"\npublic = true\nredirect_uris = ["spa:cb"]\n'
    )
    assert spec.secrets == "command:vault"
    assert spec.intent.clients["atlassian"].secret == Handle("command:vault", "clients.atlassian.client_secret")
    assert spec.intent.clients["spa"].secret is None


def test_an_external_client_is_shared(read: Read, systems: str) -> None:
    external = 'client_id = "aB3-xYz_0123456789aB3xYz"\nexternal = true\nsecret = "file:other#key"\n'
    client = read(spec=systems + CLIENT + external).intent.clients["atlassian"]
    assert client.shared
    assert client.secret == Handle("file:other", "key")
    assert client.redirect_uris == ()


def test_a_sign_on_has_the_defaults_of_the_guide(read: Read, systems: str) -> None:
    sign_on = read(spec=systems + CLIENT + SIGN_ON).intent.sign_ons["jira"]
    assert sign_on == SignOn(
        name="jira",
        product=sign_on.product,
        plugin="miniorange",
        client=sign_on.client,
        issuer_system=sign_on.issuer_system,
        display_name="Sign in with Clavex",
        scopes=("openid", "profile", "email"),
        attributes={
            "username": "preferred_username",
            "email": "email",
            "first_name": "given_name",
            "last_name": "family_name",
            "groups": "groups",
        },
        groups={},
        options={"route": "file", "keep_groups": False, "import_": None, "limit": 1.5},
    )
    assert sign_on.product.name == "jira"
    assert sign_on.issuer_system.name == "clavex"


def test_a_sign_on_says_what_it_manages(read: Read, systems: str) -> None:
    more = """
        enabled = false
        display_name = "Go"
        scopes = ["openid"]
        claims_from = "id_token"
        callback = "/plugins/servlet/oidc/callback"
        update_attributes_on_login = false
        create_users = true
        default_groups = []
        login_form = true
        login_fallback = true
        auto_redirect = false
        [sso.jira.attributes]
        username = "email"
        first_name = ""
        [sso.jira.miniorange]
        import = "/run/import.json"
        [sso.jira.atlassian]
        """
    sign_on = read(spec=systems + CLIENT + SIGN_ON + more).intent.sign_ons["jira"]
    assert sign_on.callback == "https://jira.acme.eu/jira/plugins/servlet/oidc/callback"
    assert sign_on.claims_from is ClaimsFrom.ID_TOKEN
    assert sign_on.attributes == {
        "username": "email",
        "email": "email",
        "last_name": "family_name",
        "groups": "groups",
    }
    assert sign_on.options["import_"] == "/run/import.json"
    assert (sign_on.default_groups, sign_on.enabled, sign_on.create_users) == ((), False, True)
    assert (sign_on.login_form, sign_on.login_fallback, sign_on.auto_redirect) == (True, True, False)
    assert (sign_on.display_name, sign_on.scopes) == ("Go", ("openid",))
    assert sign_on.update_attributes_on_login is False


@pytest.mark.parametrize(
    "callback", ["https://jira.acme.eu/jira/plugins/servlet/oidc/callback", "/plugins/servlet/oidc/callback"]
)
def test_a_callback_may_be_whole_or_a_path(read: Read, systems: str, callback: str) -> None:
    spec = read(spec=systems + CLIENT + SIGN_ON + f'callback = "{callback}"\n')
    assert spec.intent.sign_ons["jira"].callback == "https://jira.acme.eu/jira/plugins/servlet/oidc/callback"
    assert spec.diagnostics == ()


def test_a_warning_stops_nothing_and_has_a_place(read: Read, systems: str) -> None:
    spec = read(spec=systems + CLIENT + SIGN_ON + 'callback = "https://other.acme.eu/callback"\n')
    (found,) = spec.diagnostics
    assert found.severity is Severity.WARNING
    assert (Path(found.file).name, found.line, found.where) == ("spec.toml", 20, "sso.jira.callback")


def test_two_sign_ons_of_one_product_get_along_if_one_decides(read: Read, systems: str) -> None:
    second = '[sso.b]\nsystem = "jira"\nplugin = "atlassian"\nclient = "atlassian"\nlogin_form = true\n'
    spec = read(spec=systems + CLIENT + SIGN_ON + "login_form = false\nlogin_fallback = true\n" + second)
    assert list(spec.intent.sign_ons) == ["jira", "b"]


def test_a_mapped_group_lives_on_both_ends_and_a_table_says_more(read: Read, systems: str) -> None:
    more = """
        [sso.jira.groups]
        admins = "jira-administrators"
        bosses = "jira-administrators"
        [groups.admins]
        system = "clavex"
        description = "They may do everything"
        on_remove = "delete"
        [groups."Jira users"]
        system = "jira"
        [groups.ops]
        system = "clavex"
        name = "Admins"
        """
    assert read(spec=systems + CLIENT + SIGN_ON + more).intent.groups == (
        Group("clavex", "Admins", where="groups.ops"),
        Group("clavex", "admins", "They may do everything", OnRemove.DELETE, "groups.admins"),
        Group("clavex", "bosses", where="sso.jira.groups.bosses"),
        Group("jira", "Jira users", where='groups."Jira users"'),
        Group("jira", "jira-administrators", where="sso.jira.groups.admins"),
    )


def test_what_somebody_meant_is_the_nearest_name_or_all() -> None:
    assert did_you_mean("JIRRA", ["jira", "wiki"], "there are") == "did you mean jira?"
    assert did_you_mean("x", ["b", "a"], "there are") == "there are a, b"
    assert did_you_mean("x", map(str, range(14)), "there are").endswith("and 2 more")
    assert did_you_mean("x", [], "there are") == ""
