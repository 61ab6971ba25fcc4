"""A client that must be replaced: whatever goes wrong on the way, no client is lost, kept or taken by mistake."""

from __future__ import annotations

import pytest
from acceptance import wanted
from acceptance.cases import client, portal
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind


@pytest.fixture
def stuck(place: Workplace) -> Workplace:
    """The client id was changed, and Confluence could not follow: two clients are there."""
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(client(client_id="sso2"))
    place.sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="PATCH"))
    place.apply("replaces").ended(ExitCode.PARTLY)
    assert clients(place) == {"atlassian", "sso2"}
    assert place.sandbox.confluence.world.idps[1].client_id == "atlassian"
    return place


def clients(place: Workplace) -> set[str]:
    return set(place.sandbox.clavex.world.clients)


def test_the_old_client_stays_while_a_consumer_still_uses_it(stuck: Workplace) -> None:
    stuck.apply().ended(ExitCode.DONE)
    wanted.check(stuck)
    stuck.settle()


def test_a_half_done_replacement_can_be_turned_back(stuck: Workplace) -> None:
    stuck.write()
    stuck.apply().ended(ExitCode.REFUSED)  # the old secret was overwritten in its store
    stuck.apply("rotates").ended(ExitCode.DONE)
    wanted.check(stuck)
    stuck.settle()


def test_a_half_done_replacement_can_be_replaced_again(stuck: Workplace) -> None:
    stuck.write(client(client_id="sso3"))
    stuck.apply("replaces").ended(ExitCode.DONE)
    wanted.check(stuck)
    stuck.settle()


def test_a_chain_of_half_done_replacements_leaves_nothing_behind(stuck: Workplace) -> None:
    stuck.write(client(client_id="sso3"))
    stuck.sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="PATCH"))
    stuck.apply("replaces").ended(ExitCode.PARTLY)
    assert clients(stuck) == {"atlassian", "sso2", "sso3"}
    stuck.apply().ended(ExitCode.DONE)
    wanted.check(stuck)
    stuck.settle()


def test_all_that_a_half_done_replacement_left_goes_with_the_stack(stuck: Workplace) -> None:
    stuck.apply("deletes", "locks-out", "too-much", arguments=["--destroy"]).ended(ExitCode.DONE)
    assert clients(stuck) == set()
    assert not stuck.entries


def test_the_old_client_is_left_alone_when_the_answer_to_the_new_one_is_lost(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    seen = place.watch()
    place.write(client(client_id="sso2"))
    place.sandbox.clavex.faults.add(Fault(kind=Kind.CUT_AFTER, method="POST", path="/clients$"))
    place.apply("replaces").ended(ExitCode.DONE)
    assert not [path for _, method, path in seen if path.endswith("/atlassian/secret") and method == "POST"]
    wanted.check(place)
    place.settle()


def test_a_client_that_changes_its_kind_is_known_again_without_a_state(place: Workplace) -> None:
    place.write(portal(public=True))
    place.apply("locks-out").ended(ExitCode.DONE)
    (place.home / "state.json").unlink()
    place.write(portal())
    place.apply("replaces", "locks-out").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_client_that_goes_before_its_replacement_is_made_comes_back_when_that_fails(place: Workplace) -> None:
    place.write(portal(public=True, claims={"email": "email"}))
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(portal(claims={"email": "email"}))
    place.sandbox.clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="POST", path="/clients$"))
    place.apply("replaces").ended(ExitCode.PARTLY)
    assert clients(place) == {"atlassian"}
    place.apply().ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()
