"""Pending until a person says that it was done, and again as soon as a value changes: through the command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from unit.resolution.installed import JIRA_KEY, PATH, install

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from acceptance.workplace import Ran, Workplace

ADDRESS = "jira/resolution/jira"
SPEC: dict[str, Any] = {"sso": {"jira": {"plugin": "resolution", "callback": PATH}, "confluence": None}}


def confirmed(text: str) -> dict[str, Any]:
    return {"sso": {"jira": {"resolution": {"confirmed": text}}}}


def asked(ran: Ran) -> str:
    """The confirmation that an apply asks for."""
    found = re.search(r'confirmed = "([0-9a-f-]{45})"', ran.ended(ExitCode.MANUAL).out)
    assert found
    return found[1]


def change(place: Workplace) -> Any:
    """The one change of the plan."""
    (only,) = place.plan()["changes"]
    assert only["address"] == ADDRESS
    return only


@pytest.fixture
def settled(place: Workplace) -> tuple[Workplace, str]:
    """A stack whose checklist was typed in and confirmed, and the confirmation."""
    install(place.sandbox.jira)
    place.write(SPEC)
    said = asked(place.apply())
    place.write(SPEC, confirmed(said))
    place.apply().ended(ExitCode.DONE)
    place.settle()
    return place, said


def test_doctor_sends_nobody_to_an_apply_that_sets_nothing_up(place: Workplace) -> None:
    install(place.sandbox.jira)
    place.write(SPEC)
    checks = place.run("doctor", "--json").json["checks"]
    (check,) = [one for one in checks if (one["subject"], one["name"]) == ("sso.jira", "sign-on")]
    assert (check["status"], check["remedy"]) == ("failed", "reconciler apply says what a person has to do")


def test_it_waits_until_a_person_confirms_it(place: Workplace) -> None:
    install(place.sandbox.jira)
    place.write(SPEC)
    said = asked(place.apply())
    client = place.sandbox.clavex.world.clients["atlassian"]
    assert place.sandbox.jira.url + PATH in client.redirect_uris
    assert "jira-software-users" in place.sandbox.jira.world.groups
    for _ in range(2):
        waiting = change(place)
        assert (waiting["action"], waiting["manual"]) == ("update", True)
        assert waiting["reason"] == "a person has not carried it out yet"
        place.run("drift").ended(ExitCode.DONE)
        assert asked(place.apply()) == said
    place.write(SPEC, confirmed(said))
    assert change(place)["reason"] == "a person has carried it out"
    place.apply().ended(ExitCode.DONE)
    place.settle()
    for secret in place.stored_secrets().values():
        assert not any(secret in text for text in place.shown)


def test_a_changed_value_makes_it_wait_again(settled: tuple[Workplace, str]) -> None:
    place, said = settled
    other = {"sso": {"jira": {"display_name": "Enter"}}}
    place.write(SPEC, confirmed(said), other)
    waiting = change(place)
    assert [item["name"] for item in waiting["attributes"]] == ["button_text", "confirmed"]
    assert (waiting["reason"], waiting["manual"]) == ("the spec says otherwise", True)
    place.run("drift").ended(ExitCode.DONE)
    again = asked(place.apply())
    assert again != said
    assert again[13:] == said[13:], "the secret is the same"
    asked(place.apply())
    place.write(SPEC, confirmed(again), other)
    place.apply().ended(ExitCode.DONE)
    place.settle()


def test_a_change_that_is_taken_back_needs_nobody(settled: tuple[Workplace, str]) -> None:
    place, said = settled
    place.write(SPEC, confirmed(said), {"sso": {"jira": {"display_name": "Enter"}}})
    asked(place.apply())
    place.write(SPEC, confirmed(said))
    assert [item["name"] for item in change(place)["attributes"]] == []
    place.apply().ended(ExitCode.DONE)
    place.settle()


def test_a_new_secret_makes_it_wait_again(settled: tuple[Workplace, str]) -> None:
    place, said = settled
    (place.home / "acme.secrets").unlink()
    ran = place.apply("rotates")
    again = asked(ran)
    assert again[:12] == said[:12], "the values are the same"
    assert again != said
    place.write(SPEC, confirmed(again))
    place.apply().ended(ExitCode.DONE)
    place.settle()


def test_taking_the_confirmation_back_says_that_somebody_changed_the_app(settled: tuple[Workplace, str]) -> None:
    place, said = settled
    place.write(SPEC)
    assert "confirmed" in place.run("drift").ended(ExitCode.CHANGES).out
    assert asked(place.apply()) == said


def test_an_app_that_is_switched_off_or_removed_is_drift(settled: tuple[Workplace, str]) -> None:
    place, _ = settled
    plugins = place.sandbox.jira.world.plugins
    plugins[JIRA_KEY].enabled = False
    assert "app_enabled" in place.run("drift").ended(ExitCode.CHANGES).out
    assert "enable SAML Single Sign On" in " ".join(place.apply().ended(ExitCode.MANUAL).out.split())
    plugins[JIRA_KEY].enabled = True
    place.apply().ended(ExitCode.DONE)
    place.settle()
    kept = plugins.pop(JIRA_KEY)
    place.run("drift").ended(ExitCode.CHANGES)
    assert "install SAML Single Sign On" in " ".join(place.apply().ended(ExitCode.MANUAL).out.split())
    plugins[JIRA_KEY] = kept
    place.apply().ended(ExitCode.DONE)
    place.settle()


def test_a_lost_state_believes_the_confirmation(settled: tuple[Workplace, str]) -> None:
    place, _ = settled
    (place.home / "state.json").unlink()
    adopted = {item["address"]: item for item in place.plan()["changes"]}[ADDRESS]
    assert (adopted["action"], adopted["attributes"]) == ("adopt", [])
    place.apply().ended(ExitCode.DONE)
    place.settle()


def test_its_end_is_work_for_a_person_too(settled: tuple[Workplace, str]) -> None:
    place, _ = settled
    place.write({"sso": {"jira": None, "confluence": None}, "clients": {"atlassian": None}})
    ran = place.apply("deletes", "locks-out").ended(ExitCode.MANUAL)
    assert f"reconciler forget {ADDRESS}" in " ".join(ran.out.split())
    assert "atlassian" in place.sandbox.clavex.world.clients, "the client stays until the plugin is gone"
    place.run("forget", ADDRESS).ended(ExitCode.DONE)
    place.apply("deletes").ended(ExitCode.DONE)
    assert "atlassian" not in place.sandbox.clavex.world.clients
    place.settle()


def test_a_sign_on_that_is_renamed_in_the_spec_only_is_known_again(place: Workplace) -> None:
    install(place.sandbox.jira)
    named = {"sso": {"jira": {"resolution": {"name": "Clavex"}}}}
    place.write(SPEC, named)
    said = asked(place.apply())
    spec = place.write(SPEC, named, confirmed(said))
    place.apply().ended(ExitCode.DONE)
    place.write_whole({**spec, "sso": {"main": spec["sso"]["jira"]}})
    actions = {item["address"]: item["action"] for item in place.plan()["changes"]}
    assert actions == {ADDRESS: "forget", "jira/resolution/main": "adopt"}
    place.apply().ended(ExitCode.DONE)
    place.settle()


def test_another_name_in_the_app_is_a_change(settled: tuple[Workplace, str]) -> None:
    place, said = settled
    place.write(SPEC, confirmed(said), {"sso": {"jira": {"resolution": {"name": "Clavex"}}}})
    renamed = change(place)
    assert renamed["action"] == "update"
    assert [item["name"] for item in renamed["attributes"]] == ["name", "confirmed"]
    assert place.plan()["drift"] == []
