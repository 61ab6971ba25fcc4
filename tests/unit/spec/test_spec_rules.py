"""What single values must look like. The answers about URIs and ids are those of the released Clavex."""

import pytest

from reconciler.core.secret import Handle
from reconciler.spec.rules import (
    BrokenRuleError,
    check_client_id,
    check_logout_uri,
    check_proxy,
    check_redirect_uri,
    holds_credential,
    is_ordinary,
    masked,
    parse_handle,
    parse_org,
    parse_store,
    parse_url,
    shown,
)

KEY = "clv_" + "k" * 43

TAKEN = [
    "https://a/b",
    "http://a/b?x=1",
    "myapp:cb",
    "javascript:alert(1)",
    "https://",
    "https:",
    "https:x",
    "https:/x",
    "https://a/b#frag",
    "jira:8080/cb",
    "https://a/ b",
    "https://a/b?x=%zz",
    "a:%zz",
    "https://[::1]:80/x",
    "https://h:/x",
    "a+b.c-d:x",
    'https://a"b/c',
    "https://ä.eu/x",
    "https://a_b/x",
    "HTTPS://a/b",
    "https://a/b\\c",
    "https://a;b/",
    "https://a:99999/",
    "https://x/\u0085",
    "https://a?x",
    "https://*.x.io/cb",
    "HTTPS://*.x.io/",
    "http://*.x.io:8080/cb",
    "https://*.io",
    "https://*.*.io/cb",
    "https://*.a.io/*",
    "https://*.a.io/?q=*",
    "http://*.",
    "https://*.x.io/a:b",
]
REFUSED = [
    "",
    "/cb",
    "a.io/cb",
    "not a url",
    " https://a",
    "https://a ",
    "https://a:port/cb",
    "https://a/%zz",
    "https://a/b#%zz",
    "a:/%zz",
    "https://a b/c",
    "https://a/\tb",
    "https://a/\x7fb",
    "https://a/b#\n",
    "https://a/?\x00",
    "https://[::1/x",
    "1a:b",
    "ht tp://x",
    "https://a%41/x",
    "https://a%zz/x",
    "://x",
    "https://a\\b/",
    "https://a|b/",
    "https://a^b",
    "https://a{b}/",
    "https://a:80:80/",
    "https://a::/",
    "https://a.*.io/cb",
    "https://*/cb",
    "https://*a.x.io/cb",
    "https://a/*",
    "https://a/x?y=*",
    "https://a/x#*",
    "myapp://*.x.io/cb",
    "https://*.io:x/",
    "https://-*.x.io",
    "x:*",
    "*://x",
    "https://*.[::1]/",
]


@pytest.mark.parametrize("uri", TAKEN)
def test_a_redirect_uri_that_clavex_takes_is_taken(uri: str) -> None:
    check_redirect_uri(uri)


@pytest.mark.parametrize("uri", REFUSED)
def test_a_redirect_uri_that_clavex_refuses_is_refused(uri: str) -> None:
    assert not is_ordinary(uri)
    with pytest.raises(BrokenRuleError):
        check_redirect_uri(uri)


def test_an_ordinary_redirect_uri_is_seen_at_once() -> None:
    assert is_ordinary("https://jira.acme.eu:8443/jira/plugins/servlet/oidc/callback")
    assert not is_ordinary("https://*.acme.eu/callback")


@pytest.mark.parametrize("uri", ["https://admin:canary@h/x", "https://admin@h/x"])
def test_credentials_in_a_redirect_uri_are_refused_and_not_repeated(uri: str) -> None:
    for check in (check_redirect_uri, check_logout_uri):
        with pytest.raises(BrokenRuleError, match="has credentials in it") as caught:
            check(uri)
        assert "admin" not in str(caught.value) + caught.value.remedy


@pytest.mark.parametrize(
    "uri", ["https://a/b", "a:b", "mailto:x", "https://a/#x", "https://*.x/", "file:///x", "urn:a:b", "https:#x"]
)
def test_a_logout_uri_that_clavex_takes_is_taken(uri: str) -> None:
    check_logout_uri(uri)


@pytest.mark.parametrize(
    "uri", ["/x", "a", "https://", "https:", "https:/x", "https://a b", "https://a/%zz", "#f", "x:/y", "https:?x"]
)
def test_a_logout_uri_that_clavex_refuses_is_refused(uri: str) -> None:
    with pytest.raises(BrokenRuleError):
        check_logout_uri(uri)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://jira.acme.eu", "https://jira.acme.eu"),
        ("https://jira.acme.eu/", "https://jira.acme.eu"),
        ("HTTPS://jira.acme.eu:8443/jira//", "https://jira.acme.eu:8443/jira"),
        ("http://localhost:8080/jira", "http://localhost:8080/jira"),
        ("http://127.0.0.1:18080", "http://127.0.0.1:18080"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://[::1]:1/", "http://[::1]:1"),
    ],
)
def test_a_url_loses_its_trailing_slash_and_nothing_else(text: str, url: str) -> None:
    assert parse_url(text, allow_http=False) == url


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jira.acme.eu", "no scheme"),
        ("ftp://jira.acme.eu", "neither https nor http"),
        ("https://", "no host"),
        ("https:///jira", "makes no sense"),
        ("https://jira.acme.eu:https", "makes no sense"),
        ("https://jira.acme.eu/a b", "makes no sense"),
        ("https://jira.acme.eu/\n", "makes no sense"),
        ("https://[jira]", "makes no sense"),
        ("https://jira.acme.eu?a=b", "no query"),
        ("https://jira.acme.eu/#a", "no query"),
        ("https://a:canary@jira.acme.eu", "credentials"),
        ("http://jira.acme.eu", "loopback"),
        ("http://127.0.0.1.acme.eu", "loopback"),
        ("http://10.0.0.1", "loopback"),
    ],
)
def test_another_url_is_refused(text: str, message: str) -> None:
    with pytest.raises(BrokenRuleError, match=message) as caught:
        parse_url(text, allow_http=False)
    assert "canary" not in str(caught.value) + caught.value.remedy


def test_http_is_allowed_where_the_spec_says_so() -> None:
    assert parse_url("http://jira.acme.eu/", allow_http=True) == "http://jira.acme.eu"


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("env:CLAVEX_TOKEN", Handle("env", "CLAVEX_TOKEN")),
        ("file:acme#clients.a.client_secret", Handle("file:acme", "clients.a.client_secret")),
        ("command:vault#sso/jira", Handle("command:vault", "sso/jira")),
    ],
)
def test_a_handle_names_a_store_and_a_secret(text: str, handle: Handle) -> None:
    assert parse_handle(text) == handle


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not say where"),
        ("env:A-B", "does not say where"),
        ("env:", "does not say where"),
        ("file:acme", "does not say where"),
        ("file:../acme#a", "does not say where"),
        ("file:acme#a b", "does not say where"),
        ("command:cat /etc/passwd", "no name of a command"),
        ("command:vault", "no name of a command"),
        ("file:acme#fingerprint-key", "key of the fingerprints"),
        ("canary", "must not stand in the spec"),
        (KEY, "must not stand in the spec"),
        ("ENV:CANARY", "must not stand in the spec"),
    ],
)
def test_what_is_no_handle_is_refused_and_not_repeated(text: str, message: str) -> None:
    with pytest.raises(BrokenRuleError, match=message) as caught:
        parse_handle(text)
    said = str(caught.value) + caught.value.remedy
    assert "canary" not in said.lower()
    assert KEY not in said


@pytest.mark.parametrize("text", ["file:acme", "command:vault"])
def test_a_store_is_named(text: str) -> None:
    assert parse_store(text) == text


@pytest.mark.parametrize("text", ["env", "env:A", "file:", "file:../a", "command:rm -rf", "vault", "file:acme#a"])
def test_another_store_is_refused(text: str) -> None:
    with pytest.raises(BrokenRuleError):
        parse_store(text)


def test_an_organisation_is_named_by_its_slug() -> None:
    assert parse_org("acme-eu") == "acme-eu"
    for text in ("Acme", "a", "acme--eu", "-acme", "a" * 64, "ac me"):
        with pytest.raises(BrokenRuleError, match="no slug"):
            parse_org(text)
    with pytest.raises(BrokenRuleError, match="UUID"):
        parse_org("c8a75cf0-0351-49c6-82b8-164c907e17bd")


@pytest.mark.parametrize("client_id", ["atlassian", "A1", "aä1", "a²", "٣", "a" * 120])
def test_a_client_id_of_letters_and_digits_is_taken(client_id: str) -> None:
    assert check_client_id(client_id) == ""


def test_a_client_id_that_clavex_made_up_must_exist() -> None:
    assert "must exist" in check_client_id("aB3-xYz_0123456789aB3xYz")


@pytest.mark.parametrize("client_id", ["a-b", "a_b", "a b", "a.b", "a" * 121])
def test_another_client_id_is_refused(client_id: str) -> None:
    with pytest.raises(BrokenRuleError, match="letters and digits"):
        check_client_id(client_id)


def test_a_quoted_value_is_short_printable_and_no_secret() -> None:
    assert shown("jira") == '"jira"'
    assert shown("x" * 70) == '"' + "x" * 60 + '…"'
    assert KEY not in shown(f"a {KEY}")
    assert "\x1b" not in shown("\x1b[31m")


def test_a_pasted_credential_is_found_and_masked() -> None:
    for secret in (KEY, "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln"):
        assert holds_credential(f'token = "{secret}"')
        assert masked(f"[{secret}]") == "[(not shown)]"
    assert not holds_credential('token = "env:CLAVEX_TOKEN" # clv_… goes there')


@pytest.mark.parametrize("text", ["http://proxy:3128", "https://proxy.acme.eu", "http://[::1]:3128/"])
def test_a_proxy_is_named(text: str) -> None:
    check_proxy(text)


@pytest.mark.parametrize(
    "text", ["proxy:3128", "socks5://proxy:1", "http://u:p@proxy:1", "http://proxy:port", "http://proxy/x", "http://"]
)
def test_another_proxy_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BrokenRuleError, match="this is no proxy, or it has credentials in it") as caught:
        check_proxy(text)
    assert "u:p" not in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["https://a\\b.eu", "https://a;b.eu", "https://a%2eb", "https://a,b/", "https://ä.eu\\@x"]
)
def test_a_host_has_no_character_that_programs_read_in_two_ways(text: str) -> None:
    with pytest.raises(BrokenRuleError):
        parse_url(text, allow_http=False)
