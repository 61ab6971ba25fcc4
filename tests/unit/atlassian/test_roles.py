"""Application access of Jira (facts atlassian 6.3): sets that replace, under a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from unit.atlassian.product import Recorder, Script, connection

from reconciler.core.address import Address
from reconciler.core.observed import Lookup, Observation, Present, Unreadable
from reconciler.errors import ReconcilerError, StatusError
from reconciler.ports import Write
from reconciler.providers import jira as jira_provider
from reconciler.providers.jira.roles import RoleHandler
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from reconciler.ports import Http
    from reconciler.sandbox.serve import Sandbox

ROLE = Address("jira", "application_role", "jira-software")
PATH = "/rest/api/2/applicationrole/jira-software"


def read(handler: Any, *groups: str) -> Observation:
    found: Observation = handler.read([Lookup(ROLE, {"groups": groups})])[ROLE]
    return found


def update(handler: Any, *groups: str) -> None:
    handler.update(Write(ROLE, {"groups": groups}, frozenset({"groups"}), "jira-software"))


def test_the_provider_has_it(sandbox: Sandbox, jira: Http) -> None:
    handler = connection(jira_provider.provider, sandbox.jira, jira).handlers["application_role"]
    expected = {"groups": ("jira-administrators",), "default_groups": ()}
    assert read(handler) == Present("jira-software", expected)


def test_names_are_compared_without_case(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.world.application_roles["jira-software"].groups.append("Staff")
    found = read(RoleHandler(jira), "JIRA-Administrators", "missing")
    assert isinstance(found, Present)
    assert found.attributes["groups"] == ("JIRA-Administrators", "Staff")


def test_a_write_rests_on_what_was_read(sandbox: Sandbox, jira: Http) -> None:
    """What others let in and take out between the read and the write stays as they have it."""
    role = sandbox.jira.world.application_roles["jira-software"]
    role.groups, role.default_groups = ["a", "b", "c"], ["a"]
    http = Recorder(jira)
    handler = RoleHandler(http)
    read(handler)
    role.groups, role.default_groups = ["a", "B", "theirs"], ["theirs"]
    update(handler, "a", "c", "ours")
    assert role.groups == ["a", "ours", "theirs"]
    assert role.default_groups == ["theirs"]
    assert [method for method, _, _ in http.sent] == ["PUT", "PUT"]


def test_what_is_there_in_another_case_is_not_added_again(sandbox: Sandbox, jira: Http) -> None:
    role = sandbox.jira.world.application_roles["jira-software"]
    handler = RoleHandler(jira)
    read(handler)
    role.groups.append("OURS")
    update(handler, "jira-administrators", "ours")
    assert role.groups == ["OURS", "jira-administrators"]


def test_a_write_without_a_read_reads_first(sandbox: Sandbox, jira: Http) -> None:
    update(RoleHandler(jira), "jira-administrators", "ours")
    assert sandbox.jira.world.application_roles["jira-software"].groups == ["jira-administrators", "ours"]
    del sandbox.jira.world.application_roles["jira-software"]
    with pytest.raises(ReconcilerError, match="no application jira-software") as caught:
        update(RoleHandler(jira), "ours")
    assert caught.value.remedy == "correct the key, or license it; there are: jira-core"


def test_a_role_that_never_rests_is_an_error(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=412, method="PUT", path=PATH, times=None))
    with pytest.raises(ReconcilerError, match="again and again"):
        update(RoleHandler(jira), "ours")
    assert sandbox.jira.faults.writes == 4


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_no_missing_role(sandbox: Sandbox, jira: Http, status: int) -> None:
    sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=status, times=2))
    found = read(RoleHandler(jira))
    assert isinstance(found, Unreadable)
    assert str(status) in found.reason
    with pytest.raises(StatusError, match=str(status)):
        update(RoleHandler(jira), "ours")


def test_without_a_version_nothing_is_sent_in_its_place() -> None:
    script = Script([{"key": "jira-software", "groups": ["a"]}])
    update(RoleHandler(script), "b")
    assert script.sent == [("PUT", PATH, {"groups": ["b"], "defaultGroups": []})]


def test_nothing_wanted_is_nothing_asked(sandbox: Sandbox, jira: Http) -> None:
    assert RoleHandler(jira).read([]) == {}
    assert sandbox.jira.faults.requests == []
