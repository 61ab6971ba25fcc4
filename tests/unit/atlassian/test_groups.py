"""Groups of Jira and Confluence, with the traps of facts atlassian 6.2 and 7.2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from unit.atlassian.product import Side, connection

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.observed import Absent, Lookup, Present, Unreadable
from reconciler.errors import ReconcilerError
from reconciler.ports import Written
from reconciler.providers import confluence as confluence_provider
from reconciler.providers import jira as jira_provider
from reconciler.providers.atlassian.groups import GROUP
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from reconciler.ports import Http
    from reconciler.sandbox.serve import Sandbox


def group(provider: Any, served: Any, http: Http, name: str) -> Side:
    handler = connection(provider, served, http).handlers["group"]
    served.faults.reset_counts()
    return Side(handler, Desired(Address(served.emulator.name, "group", name), GROUP, {"name": name}))


def in_jira(sandbox: Sandbox, http: Http, name: str = "jira-software-users") -> Side:
    return group(jira_provider.provider, sandbox.jira, http, name)


def in_confluence(sandbox: Sandbox, http: Http, name: str = "confluence-team") -> Side:
    return group(confluence_provider.provider, sandbox.confluence, http, name)


def test_a_present_group_costs_jira_one_request(sandbox: Sandbox, jira: Http) -> None:
    made = in_jira(sandbox, jira, "jira-administrators")
    assert made.read() == Present("jira-administrators", {"name": "jira-administrators"})
    assert sandbox.jira.faults.requests == [("GET", "/rest/api/2/groups/picker")]


def test_an_empty_picker_is_not_an_absence(sandbox: Sandbox, jira: Http) -> None:
    """Who may not administer is shown no groups, and gets no error (facts atlassian 6.2)."""
    sandbox.jira.world.administrator = False
    found = in_jira(sandbox, jira, "jira-administrators").read()
    assert isinstance(found, Unreadable)
    assert "403" in found.reason


def test_a_picker_that_is_cut_short_hides_no_group(sandbox: Sandbox, jira: Http) -> None:
    for number in range(1100):
        sandbox.jira.world.groups[f"a-team-{number}"] = []
    sandbox.jira.world.groups["team"] = []
    assert in_jira(sandbox, jira, "team").read() == Present("team", {"name": "team"})


def test_a_substring_is_another_group(sandbox: Sandbox, jira: Http) -> None:
    assert in_jira(sandbox, jira, "administrators").read() == Absent()


@pytest.mark.parametrize("remote_id", [None, "Jira-Software-Users", "jira-software-users"])
def test_another_case_in_jira_is_the_same_group(sandbox: Sandbox, jira: Http, remote_id: str | None) -> None:
    sandbox.jira.world.groups["Jira-Software-Users"] = []
    found = in_jira(sandbox, jira).read(remote_id)
    assert found == Present(remote_id or "Jira-Software-Users", {"name": "jira-software-users"})


def test_another_case_in_confluence_is_the_same_group(sandbox: Sandbox, confluence: Http) -> None:
    found = in_confluence(sandbox, confluence, "Confluence-Users").read()
    assert found == Present("confluence-users", {"name": "Confluence-Users"})


def test_exists_is_400_in_jira_and_the_group_is_taken_as_it_is(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.world.groups["Jira-Software-Users"] = ["member"]
    assert in_jira(sandbox, jira).create() == Written("Jira-Software-Users", found=True)
    assert sandbox.jira.world.groups["Jira-Software-Users"] == ["member"]


def test_400_that_does_not_mean_exists_is_an_error(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=400, method="POST"))
    with pytest.raises(ReconcilerError, match="400") as caught:
        in_jira(sandbox, jira).create()
    assert "read-only" in caught.value.remedy


@pytest.mark.parametrize("status", [400, 403])
def test_a_directory_that_is_not_written_to_says_so(
    sandbox: Sandbox, jira: Http, confluence: Http, status: int
) -> None:
    """Which of the two a read-only first directory gives is not documented (facts atlassian 6.2)."""
    sandbox.jira.world.directory_refusal = sandbox.confluence.world.directory_refusal = status
    for made in (in_jira(sandbox, jira), in_confluence(sandbox, confluence)):
        with pytest.raises(ReconcilerError, match="its directory is read-only, or the account may not") as caught:
            made.create()
        assert f"{status} The directory is read-only." in caught.value.message
        assert "make the group at its source" in caught.value.remedy


def test_exists_is_409_in_confluence(sandbox: Sandbox, confluence: Http) -> None:
    assert in_confluence(sandbox, confluence, "CONFLUENCE-users").create().remote_id == "confluence-users"
    assert len(sandbox.confluence.world.groups) == 2


def test_a_create_whose_answer_got_lost_makes_one_group(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.faults.add(Fault(kind=Kind.CUT_AFTER, method="POST"))
    assert in_jira(sandbox, jira).create().remote_id == "jira-software-users"
    assert list(sandbox.jira.world.groups).count("jira-software-users") == 1


@pytest.mark.parametrize("name", ["with space & more", "a?b#c%41", "ümlaut", "semi;colon"])
def test_names_survive_the_path(sandbox: Sandbox, jira: Http, confluence: Http, name: str) -> None:
    for made, world in (
        (in_jira(sandbox, jira, name), sandbox.jira.world),
        (in_confluence(sandbox, confluence, name), sandbox.confluence.world),
    ):
        assert made.read() == Absent()
        assert made.create().remote_id == name
        assert name in world.groups
        assert made.read(name) == Present(name, {"name": name})
        made.delete(name)
        assert name not in world.groups


def test_a_name_with_a_slash_is_looked_up_in_the_list(sandbox: Sandbox, confluence: Http) -> None:
    """A path cannot carry it (facts atlassian 7.2); the list comes in pages."""
    sandbox.confluence.world.groups |= {f"team-{number}": [] for number in range(450)}
    assert in_confluence(sandbox, confluence, "org/team").read() == Absent()
    assert len(sandbox.confluence.faults.requests) == 3
    sandbox.confluence.world.groups["Org/Team"] = []
    found = in_confluence(sandbox, confluence, "org/team").read()
    assert found == Present("Org/Team", {"name": "org/team"})
    sandbox.confluence.world.groups["a\\b"] = []
    assert in_confluence(sandbox, confluence, "a\\b").read() == Present("a\\b", {"name": "a\\b"})


@pytest.mark.parametrize("name", [".", "..", "a/b"])
def test_a_name_that_no_path_can_carry_is_never_put_into_one(sandbox: Sandbox, confluence: Http, name: str) -> None:
    made = in_confluence(sandbox, confluence, name)
    assert made.read() == Absent()
    made.create()
    assert made.read() == Present(name, {"name": name})
    with pytest.raises(ReconcilerError, match="no path of Confluence's REST can name the group"):
        made.delete(name)
    assert {path for _, path in sandbox.confluence.faults.requests} == {"/rest/api/group", "/rest/api/admin/group"}


def test_a_name_with_signs_that_paths_are_made_of(sandbox: Sandbox, confluence: Http) -> None:
    for name in ("100 %", "a%2Fb", "what?", "a#b", "a;b", "..."):
        made = in_confluence(sandbox, confluence, name)
        made.create()
        assert made.read() == Present(name, {"name": name})
        made.delete(name)
        assert name not in sandbox.confluence.world.groups


def test_each_address_fails_by_itself(sandbox: Sandbox, confluence: Http) -> None:
    made = in_confluence(sandbox, confluence)
    sandbox.confluence.faults.add(Fault(kind=Kind.HTML, path="/group/broken"))
    names = ("confluence-users", "broken", "missing")
    found = made.handler.read([Lookup(Address("confluence", "group", name), {"name": name}) for name in names])
    assert [type(found[Address("confluence", "group", name)]) for name in names] == [Present, Unreadable, Absent]


def test_before_8_2_confluence_leaves_groups_to_a_person(sandbox: Sandbox, confluence: Http) -> None:
    sandbox.confluence.world.version = "8.1.4"
    made = in_confluence(sandbox, confluence)
    written = made.create()
    assert written.remote_id == "confluence-team"
    assert "Add group: confluence-team" in written.manual[0]
    assert sandbox.confluence.faults.writes == 0
    sandbox.confluence.world.groups["confluence-team"] = []
    assert made.read(written.remote_id) == Present("confluence-team", {"name": "confluence-team"})
    with pytest.raises(ReconcilerError, match="no REST that deletes the group confluence-team"):
        made.delete("confluence-team")
    del sandbox.confluence.world.groups["confluence-team"]
    made.delete("confluence-team")
    assert sandbox.confluence.faults.writes == 0


def test_the_last_group_of_administrators_is_not_deleted(sandbox: Sandbox, confluence: Http) -> None:
    with pytest.raises(ReconcilerError, match="400"):
        in_confluence(sandbox, confluence, "confluence-administrators").delete("confluence-administrators")
    assert "confluence-administrators" in sandbox.confluence.world.groups


@pytest.mark.parametrize("status", [400, 404])
def test_a_missing_group_is_400_or_404_and_counts_as_deleted(sandbox: Sandbox, jira: Http, status: int) -> None:
    sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=status, method="DELETE"))
    in_jira(sandbox, jira).delete("jira-software-users")
    sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=status, method="DELETE"))
    with pytest.raises(ReconcilerError, match=str(status)):
        in_jira(sandbox, jira, "jira-core-users").delete("jira-core-users")


def test_deleting_a_group_of_administrators_may_lock_out() -> None:
    assert list(GROUP.locks_out({"name": "Jira-Administrators"}, {}))
    assert not list(GROUP.locks_out({"name": "jira-software-users"}, {}))
    assert not list(GROUP.locks_out({"name": "jira-administrators"}, {"name": "jira-administrators"}))


def test_a_group_that_was_made_is_ours_even_if_its_spelling_cannot_be_read(sandbox: Sandbox, jira: Http) -> None:
    """It is not a failure: the next run would take it for somebody else's."""
    sandbox.jira.faults.add(Fault(kind=Kind.EXPIRED_TOKEN, method="GET", path="picker", times=None))
    assert in_jira(sandbox, jira, "Team").create().remote_id == "Team"
    assert "Team" in sandbox.jira.world.groups
