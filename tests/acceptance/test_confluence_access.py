"""What groups may do in Confluence: we grant and take back what is ours, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from acceptance import wanted

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from acceptance.workplace import Workplace

USE, READ, CREATE = ("application", "use"), ("space", "read"), ("page", "create")
JIT = "locks-out=confluence/idp/confluence"


def confluence(**keys: Any) -> dict[str, Any]:
    return {"systems": {"confluence": keys}}


def given(place: Workplace, *overlays: dict[str, Any]) -> None:
    place.write(*overlays)
    place.apply(JIT).ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_new_group_may_use_confluence(place: Workplace) -> None:
    seen = place.watch()
    given(place, confluence(may_use=["staff", "Confluence-Users"]), spelled())
    world = place.sandbox.confluence.world
    assert world.permissions["staff"] == {USE}
    assert world.permissions["confluence-users"] == {USE, ("personal_space", "create")}
    written = [path for system, _, path in seen if system == "confluence"]
    granted = [path for path in written if path.startswith("/rest/api/permissions")]
    assert granted == ["/rest/api/permissions/group/staff/grant"]
    assert written.index("/rest/api/admin/group") < written.index(granted[0])


def spelled() -> dict[str, Any]:
    """Another case of a group's name, the same everywhere."""
    return {"sso": {"confluence": {"groups": {"confluence-users": None, "Confluence-Users": "Confluence-Users"}}}}


@pytest.mark.parametrize("left", [confluence(may_use=[]), {}])
def test_only_what_we_granted_is_taken_back(place: Workplace, left: dict[str, Any]) -> None:
    given(place, confluence(may_use=["staff", "confluence-users"]))
    place.write(left)
    (hazard,) = place.plan()["hazards"]
    assert (hazard["name"], hazard["subject"]) == ("locks-out", "confluence/global_permission/use")
    assert "members of staff" in hazard["message"]
    place.apply().ended(ExitCode.REFUSED)
    place.apply("locks-out").ended(ExitCode.DONE)
    permissions = place.sandbox.confluence.world.permissions
    assert not permissions.get("staff")
    assert USE in permissions["confluence-users"]
    place.settle()


def test_what_others_granted_is_not_taken_along(place: Workplace) -> None:
    """Taking the use away takes every other global permission (facts atlassian 7.3)."""
    given(place, confluence(may_use=["staff"]))
    place.sandbox.confluence.world.permissions["staff"].add(("space", "create"))
    place.settle()
    place.write()
    before = place.writes
    ran = place.apply("locks-out").ended(ExitCode.PARTLY)
    assert "staff holds other global permissions too (space create)" in ran.out + ran.err
    assert place.writes == before
    assert place.sandbox.confluence.world.permissions["staff"] == {USE, ("space", "create")}


def test_permissions_of_a_space(place: Workplace) -> None:
    given(place, confluence(spaces={"DOCS": {"staff": ["read", "create_page"], "confluence-users": ["read"]}}))
    space = place.sandbox.confluence.world.spaces["DOCS"]
    assert (space["staff"], space["confluence-users"]) == ({READ, CREATE}, {READ})
    space["staff"].add(("page", "delete"))
    place.settle()

    place.write(confluence(spaces={"DOCS": {"staff": ["read", "delete_page", "administer"]}}))
    assert place.plan()["hazards"] == []
    place.apply().ended(ExitCode.DONE)
    assert space["staff"] == {READ, ("page", "delete"), ("space", "administer")}
    assert not space["confluence-users"]
    place.settle()

    place.write()
    (hazard,) = place.plan()["hazards"]
    assert "members of staff can no longer administer the space" in hazard["message"]
    place.apply("locks-out").ended(ExitCode.DONE)
    assert not space["staff"]
    assert space["confluence-administrators"] == {READ, ("space", "administer")}
    place.settle()


def test_what_somebody_took_back_is_drift_and_heals(place: Workplace) -> None:
    given(place, confluence(may_use=["staff"], spaces={"DOCS": {"staff": ["read"]}}))
    world = place.sandbox.confluence.world
    del world.permissions["staff"], world.spaces["DOCS"]["staff"]
    found = place.run("drift").ended(ExitCode.CHANGES).out
    assert "confluence/global_permission/use" in found
    assert "confluence/space_permissions/DOCS" in found
    place.apply().ended(ExitCode.DONE)
    assert (world.permissions["staff"], world.spaces["DOCS"]["staff"]) == ({USE}, {READ})
    place.settle()


def test_a_space_that_is_not_there_leaves_the_plan_incomplete(place: Workplace) -> None:
    place.write(confluence(spaces={"TEAM": {"staff": ["read"]}}))
    ran = place.apply(JIT).ended(ExitCode.INCOMPLETE)
    assert "this Confluence has no space TEAM" in ran.out + ran.err
    assert place.writes == 0


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (
            "9.1.0",
            ["no REST for global permissions", "no REST for permissions of a space", "space DOCS, Space settings"],
        ),
        ("9.2.3", ["no REST for global permissions", "9.2.18", "`Can use` for staff"]),
        ("9.3.0", ["no REST for global permissions", "9.3.1"]),
    ],
)
def test_an_older_confluence_says_what_to_do_by_hand(place: Workplace, version: str, told: list[str]) -> None:
    place.sandbox.confluence.world.version = version
    place.write(confluence(may_use=["staff"], spaces={"DOCS": {"staff": ["read"]}}))
    ran = place.apply(JIT).ended(ExitCode.ERROR)
    for text in told:
        assert text in " ".join((ran.out + ran.err).split())
    assert place.writes == 0


@pytest.mark.parametrize("version", ["9.2.18", "9.3.1"])
def test_a_confluence_that_has_it_grants_it(place: Workplace, version: str) -> None:
    place.sandbox.confluence.world.version = version
    given(place, confluence(may_use=["staff"]))


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"spaces": {"DOCS": {"staff": ["write"]}}}, 'must be "read" or "administer" or'),
        ({"may_use": "staff"}, "must be a list, in [ ]; this is text"),
        ({"may_use": ["a/b"]}, "nothing can be granted to a/b by REST"),
        ({"spaces": {"DOCS": {"a/b": ["read"]}}}, "nothing can be granted to a/b by REST"),
        ({"applications": {}}, "unknown key"),
    ],
)
def test_what_makes_no_sense_is_named(place: Workplace, keys: dict[str, Any], told: str) -> None:
    place.write(confluence(**keys))
    ran = place.run("validate").ended(ExitCode.ERROR)
    shown = " ".join((ran.out + ran.err).split())
    assert told in shown
    assert f"(systems.confluence.{next(iter(keys))}" in shown
