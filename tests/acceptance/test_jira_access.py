"""Who may use the applications of Jira: our groups are let in, those of others stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from acceptance import wanted

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from acceptance.workplace import Workplace

SOFTWARE = "jira/application_role/jira-software"
LETS_OUT = f"locks-out={SOFTWARE}"


def applications(**roles: list[str]) -> dict[str, Any]:
    names = {key.replace("_", "-"): groups for key, groups in roles.items()}
    return {"systems": {"jira": {"applications": names}}}


def given(place: Workplace, *overlays: dict[str, Any]) -> None:
    place.write(*overlays)
    place.apply("locks-out=confluence/idp/confluence").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def software(place: Workplace) -> list[str]:
    return place.sandbox.jira.world.application_roles["jira-software"].groups


def test_our_groups_are_let_in_and_those_of_others_stay(place: Workplace) -> None:
    seen = place.watch()
    given(place, applications(jira_software=["jira-software-users", "jira-developers"]))
    assert software(place) == ["jira-administrators", "jira-developers", "jira-software-users"]
    written = [path for system, _, path in seen if system == "jira"]
    assert written.count("/rest/api/2/applicationrole/jira-software") == 1
    assert written.index("/rest/api/2/applicationrole/jira-software") > max(
        at for at, path in enumerate(written) if path == "/rest/api/2/group"
    )


def test_default_groups_are_let_in_too(place: Workplace) -> None:
    place.sandbox.jira.world.application_roles["jira-software"].default_groups = ["jira-administrators"]
    given(place, {"systems": {"jira": {"default_groups": {"jira-software": ["jira-software-users"]}}}})
    role = place.sandbox.jira.world.application_roles["jira-software"]
    assert role.groups == role.default_groups == ["jira-administrators", "jira-software-users"]


@pytest.mark.parametrize("left", [applications(jira_software=[]), {}])
def test_only_what_we_let_in_is_taken_out_again(place: Workplace, left: dict[str, Any]) -> None:
    given(place, applications(jira_software=["Jira-Administrators", "jira-software-users"]), _spelled())
    software(place).append("by-hand")
    place.settle()
    place.write(left, _spelled())
    (hazard,) = place.plan()["hazards"]
    assert (hazard["name"], hazard["subject"]) == ("locks-out", SOFTWARE)
    assert "members of jira-software-users" in hazard["message"]
    place.apply().ended(ExitCode.REFUSED)
    place.apply(LETS_OUT).ended(ExitCode.DONE)
    assert software(place) == ["by-hand", "jira-administrators"]
    place.settle()


def test_a_default_group_of_others_stays_theirs(place: Workplace) -> None:
    """It was one before us, though we wanted it too; only its access is ours."""
    role = place.sandbox.jira.world.application_roles["jira-software"]
    role.default_groups = ["jira-software-users"]
    given(place, {"systems": {"jira": {"default_groups": {"jira-software": ["jira-software-users"]}}}})
    assert role.groups == ["jira-administrators", "jira-software-users"]
    place.write()
    place.apply(LETS_OUT).ended(ExitCode.DONE)
    assert (role.groups, role.default_groups) == (["jira-administrators"], ["jira-software-users"])
    place.settle()


def _spelled() -> dict[str, Any]:
    """Another case of a group's name is the same group, wherever it is written the same way."""
    name = "Jira-Administrators"
    return {
        "sso": {"jira": {"groups": {"jira-administrators": None, name: name}}},
    }


def test_what_somebody_took_out_is_drift_and_heals(place: Workplace) -> None:
    given(place, applications(jira_software=["jira-software-users"]))
    software(place).remove("jira-software-users")
    assert SOFTWARE in place.run("drift").ended(ExitCode.CHANGES).out
    place.apply().ended(ExitCode.DONE)
    assert software(place) == ["jira-administrators", "jira-software-users"]
    place.settle()


def test_an_application_that_is_not_there_leaves_the_plan_incomplete(place: Workplace) -> None:
    place.write(applications(jira_servicedesk=["agents"]))
    ran = place.apply("locks-out").ended(ExitCode.INCOMPLETE)
    assert "this Jira has no application jira-servicedesk" in ran.out + ran.err
    assert "jira-core, jira-software" in ran.out + ran.err
    assert place.writes == 0


def test_a_stale_version_is_read_again(place: Workplace) -> None:
    place.write(applications(jira_software=["jira-software-users"], jira_core=["jira-software-users"]))
    place.sandbox.jira.faults.add(
        Fault(kind=Kind.SERVER_ERROR, status=412, method="PUT", path="/rest/api/2/applicationrole/jira-software")
    )
    place.apply("locks-out").ended(ExitCode.DONE)
    assert software(place) == ["jira-administrators", "jira-software-users"]
    place.settle()


def test_two_spellings_of_one_group_are_an_error(place: Workplace) -> None:
    place.write(applications(jira_software=["Jira-Software-Users"]))
    ran = place.run("validate").ended(ExitCode.ERROR)
    assert "are one group in Jira" in ran.out + ran.err
    assert "acme.toml:" in ran.out + ran.err


def test_a_key_of_the_wrong_form_is_named(place: Workplace) -> None:
    place.write(applications(jira_software="users"))
    ran = place.run("validate").ended(ExitCode.ERROR)
    assert "systems.jira.applications.jira-software" in ran.out + ran.err
