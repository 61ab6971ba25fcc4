"""Old spec, new spec, hazards: refused without permission, then made so, then nothing is left to do."""

from __future__ import annotations

import pytest
from acceptance import wanted
from acceptance.cases import CASES, Case
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode
from reconciler.sandbox.clavex import Client
from reconciler.sandbox.faults import Fault, Kind


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_change(case: Case, place: Workplace) -> None:
    place.write(case.old)
    place.apply("locks-out").ended(ExitCode.DONE)

    place.write(case.new)
    hazards = {f"{hazard['name']}={hazard['subject']}" for hazard in place.plan()["hazards"]}
    assert hazards == set(case.hazards)
    before = place.writes
    if case.hazards:
        place.apply().ended(ExitCode.REFUSED)
        place.apply(*case.hazards[1:]).ended(ExitCode.REFUSED)
        assert place.writes == before
    place.apply(*case.hazards).ended(ExitCode.DONE)
    wanted.check(place)
    assert place.plan()["changes"] == []
    place.settle()


def test_another_default_store_changes_no_secret(place: Workplace) -> None:
    place.write({"clients": {"atlassian": {"secret": "file:acme#kept"}}})
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write({"stack": {"secrets": "file:other"}, "clients": {"atlassian": {"secret": "file:acme#kept"}}})
    assert place.plan()["changes"] == []
    place.run("drift").ended(ExitCode.DONE)
    place.settle()
    assert [path.name for path in sorted(place.home.glob("*.secrets"))] == ["acme.secrets", "other.secrets"]
    old = place.home / "acme.secrets"
    lines = old.read_text().splitlines(keepends=True)
    old.write_text("".join(line for line in lines if "fingerprint-key" not in line))
    place.settle()


def test_a_secret_that_somebody_exchanged_at_clavex_is_seen_and_healed(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    world = place.sandbox.clavex.world
    world.set_secret(world.clients["atlassian"], "made-by-somebody-else")
    place.run("drift").ended(ExitCode.DONE)  # it sends no POST, so it cannot know
    said = " ".join(place.run("plan").ended(ExitCode.DONE).out.split())
    assert "clavex/client/atlassian was changed" in said
    assert "apply would have the server make a new secret" in said
    place.apply().ended(ExitCode.REFUSED)
    place.apply("rotates").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_secret_that_somebody_exchanged_and_told_us_of_reaches_the_plugins(place: Workplace) -> None:
    place.write({"clients": {"atlassian": {"secret": "env:SECRET"}}})
    world = place.sandbox.clavex.world
    client = world.add_client(Client("atlassian", world.org_id, "Jira + Confluence", ["https://x.acme.eu/cb"]))
    world.set_secret(client, "first")
    place.environ["SECRET"] = "first"
    place.apply("locks-out", "takes-over").ended(ExitCode.DONE)
    world.set_secret(client, "second")
    ran = place.run("plan").ended(ExitCode.ERROR)
    assert "the server would make the secret env:SECRET, and this store cannot keep it" in " ".join(ran.out.split())
    place.environ["SECRET"] = "second"
    place.apply().ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_clavex_that_proves_no_secret_keeps_nobody_from_planning(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.sandbox.clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, path="/token$", times=None))
    ran = place.run("plan").ended(ExitCode.DONE)
    assert "whether its stored secret is right could not be found out" in " ".join(ran.out.split())
    assert place.plan()["changes"] == []


def test_a_secret_that_nobody_vouches_for_and_nobody_proves_keeps_back_its_client_alone(place: Workplace) -> None:
    place.write({"clients": {"atlassian": {"secret": "env:SECRET"}}})
    world = place.sandbox.clavex.world
    world.set_secret(world.add_client(Client("atlassian", world.org_id, "Name", ["https://x.acme.eu/cb"])), "first")
    place.environ["SECRET"] = "first"
    place.sandbox.clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, path="/token$", times=None))
    ran = place.run("plan").ended(ExitCode.INCOMPLETE)
    said = " ".join(ran.out.split())
    assert "clavex/client/atlassian" in said
    assert "whether its stored secret is right could not be found out" in said
    assert "plan again when the server answers" in said
    assert "create jira/group/jira-software-users" in said or "adopt jira/group/jira-software-users" in said
