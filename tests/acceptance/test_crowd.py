"""Crowd as the directory of both products: groups are made there once, and the products are watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from acceptance import wanted
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode
from reconciler.sandbox.atlassian.crowd import crowd
from reconciler.sandbox.serve import Sandbox
from reconciler.transport import retry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JIT = "locks-out=confluence/idp/confluence"
CROWD = {"provider": "crowd", "username": "reconciler", "password": "env:CROWD_PASSWORD"}
SHARED: dict[str, Any] = {
    "systems": {"crowd": CROWD, "jira": {"directory": "crowd"}, "confluence": {"directory": "crowd"}},
    "sso": {"jira": {"groups": {"staff": "staff"}}, "confluence": {"groups": {"staff": "staff"}}},
}
MAPPED = {"jira-administrators", "jira-software-users", "confluence-users", "staff"}


@pytest.fixture(scope="module")
def crowd_sandbox() -> Iterator[Sandbox]:
    with Sandbox(crowd=crowd()) as sandbox:
        yield sandbox


@pytest.fixture
def place(crowd_sandbox: Sandbox, tmp_path: Path) -> Workplace:
    crowd_sandbox.reset()
    return Workplace(crowd_sandbox, tmp_path, {"CROWD_PASSWORD": crowd_sandbox.crowd.password})


def synchronise(place: Workplace) -> None:
    for product in (place.sandbox.jira, place.sandbox.confluence):
        place.sandbox.crowd.world.synchronise(product.world)


def group_writes(seen: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    return [(system, method) for system, method, path in seen if path.endswith("/group")]


def test_groups_are_made_in_crowd_only_and_awaited_in_the_products(place: Workplace) -> None:
    place.write(SHARED)
    assert "directory synchronisation, every 60 minutes" in " ".join(place.run("plan").out.split())
    seen = place.watch()
    ran = place.apply(JIT).ended(ExitCode.MANUAL)
    assert set(place.sandbox.crowd.world.groups) >= MAPPED
    assert group_writes(seen) == [("crowd", "POST")] * len(MAPPED)
    shown = " ".join((ran.out + ran.err).split())
    assert "brings staff from crowd" in shown
    assert "Confluence: User Directories > Synchronise" in shown
    assert "staff" not in place.sandbox.jira.world.groups

    before = place.writes
    place.apply(JIT).ended(ExitCode.MANUAL)
    assert place.writes == before

    synchronise(place)
    place.apply(JIT).ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()
    assert len(group_writes(seen)) == len(MAPPED)


def test_what_the_products_have_already_needs_no_patience(place: Workplace) -> None:
    place.sandbox.crowd.world.groups |= dict.fromkeys(MAPPED, "")
    synchronise(place)
    seen = place.watch()
    place.write(SHARED)
    place.apply(JIT).ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()
    assert group_writes(seen) == []


def test_a_group_that_leaves_the_spec_is_deleted_in_crowd_alone(place: Workplace) -> None:
    extra = {"groups": {"beta": {"system": "jira", "on_remove": "delete"}}}
    place.write(SHARED, extra)
    place.apply(JIT)
    synchronise(place)
    place.apply(JIT).ended(ExitCode.DONE)
    seen = place.watch()
    place.write(SHARED)
    assert [hazard["subject"] for hazard in place.plan()["hazards"]] == ["crowd/group/beta"]
    place.apply("deletes").ended(ExitCode.DONE)
    assert [item for item in seen if item[0] != "clavex"] == [
        ("crowd", "DELETE", "/crowd/rest/usermanagement/1/group")
    ]
    assert "beta" not in place.sandbox.crowd.world.groups
    assert "beta" in place.sandbox.jira.world.groups
    place.settle()


def test_access_of_products_rests_on_groups_of_crowd(place: Workplace) -> None:
    access = {
        "jira": {"applications": {"jira-software": ["agents"]}},
        "confluence": {"may_use": ["agents"], "spaces": {"DOCS": {"agents": ["read"]}}},
    }
    place.write(SHARED, {"systems": access})
    place.apply(JIT).ended(ExitCode.MANUAL)
    assert "agents" in place.sandbox.crowd.world.groups
    assert place.sandbox.jira.world.application_roles["jira-software"].groups == ["jira-administrators"]
    synchronise(place)
    place.apply(JIT).ended(ExitCode.DONE)
    assert "agents" in place.sandbox.jira.world.application_roles["jira-software"].groups
    assert ("application", "use") in place.sandbox.confluence.world.permissions["agents"]
    place.settle()


def test_an_application_that_may_not_add_groups_is_told(place: Workplace) -> None:
    place.sandbox.crowd.world.may_write = False
    place.write(SHARED)
    ran = place.apply(JIT).ended(ExitCode.PARTLY)
    shown = " ".join((ran.out + ran.err).split())
    assert "the group staff was refused: its directory is read-only, or the account may not make groups" in shown
    assert "let the application add groups in Crowd" in shown


def test_a_read_only_directory_is_told(place: Workplace) -> None:
    """400 or 403: which of the two a product answers is not documented (facts atlassian 6.2)."""
    for product, status in (("jira", 403), ("confluence", 400)):
        getattr(place.sandbox, product).world.directory_refusal = status
    place.write({"systems": {"crowd": CROWD}})
    ran = place.apply(JIT, arguments=["--allow", "takes-over"]).ended(ExitCode.PARTLY)
    shown = " ".join((ran.out + ran.err).split())
    assert "the group jira-software-users was refused: its directory is read-only" in shown
    assert "403 The directory is read-only." in shown
    assert "name the Crowd that keeps it as `directory`" in shown


@pytest.mark.parametrize(
    ("overlay", "told"),
    [
        ({"systems": {"jira": {"directory": "crwd"}}}, "there is no system crwd"),
        ({"systems": {"jira": {"directory": "crwd"}}}, "did you mean crowd?"),
        ({"systems": {"jira": {"directory": "clavex"}}}, "clavex is no Crowd"),
        ({"systems": {"jira": {"directory": "jira"}}}, "jira is no Crowd"),
        ({"systems": {"crowd": {"directory": "crowd"}}}, "unknown key"),
        ({"sso": {"jira": {"groups": {"Staff": "Staff", "staff": None}}}}, "Staff and staff are one group in Crowd"),
        ({"sso": {"jira": {"system": "crowd"}}}, "people sign on to a product, and this is a Crowd"),
    ],
)
def test_what_makes_no_sense_is_named(place: Workplace, overlay: dict[str, Any], told: str) -> None:
    place.write(SHARED, overlay)
    ran = place.run("validate").ended(ExitCode.ERROR)
    assert told in " ".join((ran.out + ran.err).split())


def test_a_token_is_not_sent(place: Workplace) -> None:
    place.write(SHARED, {"systems": {"crowd": {"username": None, "password": None, "token": "env:JIRA_TOKEN"}}})
    ran = place.run("plan").ended(ExitCode.ERROR)
    assert "Crowd knows no tokens" in ran.out + ran.err
    assert place.sandbox.crowd.faults.requests == []


def test_a_wrong_password_leaves_the_plan_incomplete(place: Workplace) -> None:
    place.environ["CROWD_PASSWORD"] = "wrong"
    place.write(SHARED)
    ran = place.apply(JIT).ended(ExitCode.INCOMPLETE)
    assert "401" in ran.out + ran.err
    assert place.writes == 0


@pytest.mark.parametrize(
    ("change", "seen"), [({"url": "http://127.0.0.1:1/crowd"}, "connection refused"), ({"username": "other"}, "401")]
)
def test_doctor_says_that_crowd_is_not_reached_or_takes_no_password(
    place: Workplace, change: dict[str, str], seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "ATTEMPTS", 1)
    place.write(SHARED)
    checks = place.run("doctor", "--json").json["checks"]
    assert [one["status"] for one in checks if (one["subject"], one["name"]) == ("crowd", "reach")] == ["ok"]
    place.write(SHARED, {"systems": {"crowd": change}})
    checks = place.run("doctor", "--json").json["checks"]
    (reach,) = [one for one in checks if (one["subject"], one["name"]) == ("crowd", "reach")]
    assert (reach["status"], reach["stops"]) == ("failed", "reading")
    assert seen in reach["seen"]
