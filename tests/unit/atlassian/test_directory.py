"""Groups in a shared Crowd, and products that only look (facts atlassian 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from unit.atlassian.product import Side, intent, sign_on

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.intent import Facts, Group, System
from reconciler.core.observed import Absent, Present, Unreadable
from reconciler.core.resource import OnRemove
from reconciler.core.secret import Handle
from reconciler.diagnostic import Severity
from reconciler.errors import ReconcilerError, SecretError
from reconciler.ports import Credentials
from reconciler.providers import confluence as confluence_provider
from reconciler.providers import jira as jira_provider
from reconciler.providers.atlassian.groups import GROUP, GroupHandler
from reconciler.providers.crowd import authenticate, provider
from reconciler.sandbox.atlassian.crowd import crowd
from reconciler.sandbox.faults import Fault, Kind
from reconciler.sandbox.serve import Sandbox
from reconciler.transport.http import open_http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.ports import Http

CROWD = System("crowd", "crowd", "https://crowd.acme.eu/crowd", username="reconciler", password=Handle("env", "P"))
JIRA = System("jira", "jira", "https://jira.acme.eu", token=Handle("env", "T"), settings={"directory": "crowd"})


@pytest.fixture(scope="module")
def crowd_sandbox() -> Iterator[Sandbox]:
    with Sandbox(crowd=crowd()) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(crowd_sandbox: Sandbox) -> Sandbox:
    crowd_sandbox.reset()
    return crowd_sandbox


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[Http]:
    served = sandbox.crowd
    headers = authenticate(Credentials(username=served.username, password=SecretStr(served.password)))
    with open_http(System("crowd", "crowd", served.url), headers) as opened:
        yield opened


def group(http: Http, name: str = "staff & more") -> Side:
    handler = provider.connect(CROWD, http, {}, False).handlers["group"]
    return Side(handler, Desired(Address("crowd", "group", name), GROUP, {"name": name}))


def test_a_connection_stands_once_a_crowd_has_answered(sandbox: Sandbox, http: Http) -> None:
    assert provider.connect(CROWD, http, {}, False).facts == Facts(assumed=False)
    assert sandbox.crowd.faults.requests == [("GET", "/crowd/rest/usermanagement/1/group")]
    sandbox.crowd.faults.add(Fault(kind=Kind.HTML, status=404))
    with pytest.raises(ReconcilerError, match="HTML"):
        provider.connect(CROWD, http, {}, False)


def test_a_group_comes_and_goes(sandbox: Sandbox, http: Http) -> None:
    made = group(http)
    assert made.read() == Absent()
    assert made.create().remote_id == "staff & more"
    assert made.read() == Present("staff & more", {"name": "staff & more"})
    made.delete("staff & more")
    assert "staff & more" not in sandbox.crowd.world.groups
    made.delete("staff & more")


def test_exists_is_400_and_the_group_is_taken_as_it_is(sandbox: Sandbox, http: Http) -> None:
    sandbox.crowd.world.groups["STAFF & more"] = "theirs"
    assert group(http).create().remote_id == "STAFF & more"
    assert sandbox.crowd.world.groups["STAFF & more"] == "theirs"


def test_a_page_that_is_missing_is_not_a_group_that_is_missing(sandbox: Sandbox, http: Http) -> None:
    """Without the context path of Crowd, the server has no such page, which is 404 as well."""
    made = group(http)
    sandbox.crowd.faults.add(Fault(kind=Kind.HTML, status=404))
    found = made.read()
    assert isinstance(found, Unreadable)
    assert "HTML" in found.reason


def test_a_refusal_says_that_it_may_be_the_application(sandbox: Sandbox, http: Http) -> None:
    sandbox.crowd.world.may_write = False
    with pytest.raises(ReconcilerError, match="read-only, or the account may not make groups") as caught:
        group(http).create()
    assert "in Crowd" in caught.value.remedy
    sandbox.crowd.world.groups["staff & more"] = ""
    with pytest.raises(ReconcilerError, match="403"):
        group(http).delete("staff & more")


def test_another_failure_is_no_read_only_directory(sandbox: Sandbox, http: Http) -> None:
    sandbox.crowd.faults.add(Fault(kind=Kind.SERVER_ERROR, status=409, method="POST"))
    with pytest.raises(ReconcilerError, match="409") as caught:
        group(http).create()
    assert "read-only" not in f"{caught.value}"


def test_only_a_name_and_a_password_are_credentials() -> None:
    for credentials in (Credentials(SecretStr("canary")), Credentials(username="a", password=None)):
        with pytest.raises(SecretError) as caught:
            authenticate(credentials)
        assert "canary" not in str(caught.value)


def test_groups_of_all_products_are_made_once() -> None:
    settings = {"directory": "crowd", "may_use": '["staff","guests"]', "spaces": '{"DOCS":{"writers":["read"]}}'}
    wiki = System("wiki", "confluence", "https://wiki.acme.eu", settings=settings)
    other = System("other", "jira", "https://other.acme.eu")
    made = intent(
        sign_on(JIRA, "miniorange", groups={"staff": "staff"}),
        sign_on(wiki, "atlassian", name="wiki", groups={"staff": "staff"}),
        sign_on(other, "atlassian", name="other", groups={"elsewhere": "elsewhere"}),
        groups=(Group("jira", "beta", on_remove=OnRemove.DELETE), Group("crowd", "own"), Group("other", "x")),
    )
    made.systems["crowd"] = CROWD
    found = provider.expand(made, CROWD, Facts())
    assert not found.diagnostics
    assert {item.address.name: item.on_remove for item in found.resources} == {
        "own": OnRemove.FORGET,
        "staff": OnRemove.FORGET,
        "beta": OnRemove.DELETE,
        "guests": OnRemove.FORGET,
        "writers": OnRemove.FORGET,
    }
    assert {item.address.system for item in found.resources} == {"crowd"}
    looked_for = jira_provider.provider.expand(made, JIRA, Facts())
    assert {item.severity for item in looked_for.diagnostics} == {Severity.NOTE}
    assert {(item.address.name, item.manual, item.on_remove, item.depends_on) for item in looked_for.resources} == {
        (name, True, OnRemove.FORGET, (Address("crowd", "group", name),)) for name in ("beta", "staff")
    }
    watched = confluence_provider.provider.expand(made, wiki, Facts())
    assert all(item.manual for item in watched.resources if item.type is GROUP)


@pytest.mark.parametrize(("connected", "kind"), [(jira_provider, "Jira"), (confluence_provider, "Confluence")])
def test_a_product_with_a_directory_is_never_written(sandbox: Sandbox, connected: object, kind: str) -> None:
    served = getattr(sandbox, kind.lower())
    system = System(kind.lower(), kind.lower(), served.url, settings={"directory": "crowd"})
    with open_http(system, {"Authorization": SecretStr(f"Bearer {served.token}")}) as http:
        handler = connected.provider.connect(system, http, {}, False).handlers["group"]
        assert isinstance(handler, GroupHandler)
        side = Side(handler, Desired(Address(system.name, "group", "staff"), GROUP, {"name": "staff"}))
        first = side.create()
        assert first.remote_id == "staff"
        assert first.manual[0].startswith("wait until the directory synchronisation brings staff from crowd")
        assert first.manual[1].startswith(f"or start it: {kind}: User Directories > Synchronise")
        served.world.groups["staff"] = []
        assert side.create().manual == ()
        with pytest.raises(ReconcilerError, match="is kept in crowd, so it is not deleted"):
            side.delete("staff")
        del served.world.groups["staff"]
        side.delete("staff")
    assert served.faults.writes == 0
