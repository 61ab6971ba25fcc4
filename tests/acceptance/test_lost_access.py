"""The plan says who may lose access, as far as the products tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reconciler.errors import ExitCode
from reconciler.flows import access
from reconciler.sandbox.faults import Fault, Kind
from reconciler.transport import retry

if TYPE_CHECKING:
    from acceptance.workplace import Workplace

SPEC: Any = {
    "systems": {
        "jira": {"applications": {"jira-software": ["jira-software-users"]}},
        "confluence": {"may_use": ["wiki"]},
    },
}
LESS: Any = {
    "systems": {"jira": {"applications": {"jira-software": []}}, "confluence": {"may_use": []}},
    "sso": {"jira": {"groups": {"jira-software-users": None}}},
}


@pytest.fixture
def applied(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    monkeypatch.setattr(retry, "ATTEMPTS", 1)
    place.write(SPEC)
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(SPEC, LESS)
    return place


def told(place: Workplace) -> dict[str, str]:
    """The warnings about access, by where they hold."""
    made = place.run("plan", "--json").ended(ExitCode.DONE).json
    found = [item for item in made["plan"]["diagnostics"] if item["severity"] == "warning"]
    return {item["where"]: item["message"] for item in found if "/" in item["where"]}


def test_who_may_lose_access(applied: Workplace) -> None:
    applied.sandbox.confluence.world.groups["wiki"] = ["admin"]
    applied.sandbox.jira.world.groups["jira-software-users"] = ["anna", "bob", "carl", "dora", "emil", "fritz"]
    found = told(applied)
    six = "who may lose access: 6 people: anna, bob, carl and 3 others"
    role = "jira/application_role/jira-software"
    assert found == {
        role: f"jira-software-users goes out of {role}; {six}",
        "jira/miniorange/jira": f"jira-software-users goes out of jira/miniorange/jira; {six}",
        "confluence/global_permission/use": "wiki goes out of confluence/global_permission/use; "
        "who may lose access: 1 person: admin",
    }
    text = " ".join(applied.run("plan").out.split())
    assert "who may lose access: 6 people: anna, bob, carl and 3 others" in text


def test_an_empty_group_and_a_long_list(applied: Workplace) -> None:
    applied.sandbox.confluence.world.groups["wiki"] = [f"user{number}" for number in range(201)]
    found = told(applied)
    assert found["jira/miniorange/jira"].endswith("; nobody is in it")
    many = "at least 200 people: user0, user1, user2 and at least 197 others"
    assert found["confluence/global_permission/use"].endswith(many)


def test_a_list_that_cannot_be_read(applied: Workplace) -> None:
    fault = Fault(kind=Kind.SERVER_ERROR, path="/group/wiki/member", status=403, times=None)
    applied.sandbox.confluence.faults.add(fault)
    assert "; who is in it could not be read: " in told(applied)["confluence/global_permission/use"]


def test_a_product_that_does_not_tell(applied: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MembersHandler", int)
    assert told(applied)["jira/miniorange/jira"].endswith("; jira does not tell who is in it and may lose access")


def test_many_groups(applied: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST", 1)
    made = applied.run("plan", "--json").ended(ExitCode.DONE).json
    texts = [item["message"] for item in made["plan"]["diagnostics"]]
    assert "2 more groups go out of what lets their members in, and were not asked about" in texts


def test_a_group_that_is_deleted(place: Workplace) -> None:
    group = {"groups": {"beta": {"system": "confluence", "on_remove": "delete"}}}
    place.write(group)
    place.apply("locks-out").ended(ExitCode.DONE)
    place.sandbox.confluence.world.groups["beta"] = ["anna"]
    place.write()
    assert told(place) == {"confluence/group/beta": "beta is deleted; who may lose access: 1 person: anna"}


def test_another_claim_of_groups_takes_administrators_away(place: Workplace) -> None:
    claims = {"clients": {"atlassian": {"claims": {"teams": "groups"}}}}
    admins = {"sso": {"confluence": {"groups": {"confluence-administrators": "confluence-administrators"}}}}
    place.write(claims, admins)
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(claims, admins, {"sso": {"confluence": {"attributes": {"groups": "teams"}}}})
    ran = place.run("plan").ended(ExitCode.DONE)
    assert "no login maps anybody to confluence-administrators any more" in " ".join(ran.out.split())
