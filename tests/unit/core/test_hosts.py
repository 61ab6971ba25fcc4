"""Which host a URL means: nothing that looks like another is taken for it."""

import pytest

from reconciler.core.hosts import is_below, is_loopback


@pytest.mark.parametrize(
    "url",
    [
        "https://jira.acme.eu/jira",
        "https://jira.acme.eu:443/jira/",
        "https://JIRA.acme.eu/jira/rest",
    ],
)
def test_what_is_below(url: str) -> None:
    assert is_below(url, "https://jira.acme.eu/jira/")


@pytest.mark.parametrize(
    "url",
    [
        "http://jira.acme.eu/jira",
        "https://jira.acme.eu/jira2",
        "https://jira.acme.eu:444/jira",
        "https://jira.acme.eu.evil.test/jira",
        "https://jira.acme.eu@evil.test/jira",
        "https://evil.test/jira.acme.eu/jira",
        "https://jira.acme.eu/jira/../x",
        "https://jira.acme.eu/jira/./x",
        "https://jira.acme.eu/jira/%2E%2e/x",
        "https://jira.acme.eu:port/jira",
        "https://[jira.acme.eu/jira",
        "",
    ],
)
def test_what_is_not_below(url: str) -> None:
    assert not is_below(url, "https://jira.acme.eu/jira")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost.evil.test", False),
        ("127.0.0.1.evil.test", False),
        ("10.0.0.1", False),
        ("0x7f.1", False),
        ("", False),
    ],
)
def test_this_machine(host: str, *, here: bool) -> None:
    assert is_loopback(host) is here
