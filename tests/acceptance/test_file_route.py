"""miniOrange by files: a person carries the document, and the next look settles what was carried out."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from acceptance import wanted
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode

FOREIGN: dict[str, Any] = {
    "ID": "42",
    "Name": "Okta",
    "Application Configuration": {"CLIENT_ID": "okta", "CLIENT_SECRET": "of-okta", "OWN": 7},
    "Attribute Mapping": {"USERNAME_ATTRIBUTE": "login"},
    "Group Mapping": {"ROLE_ATTRIBUTE": "roles"},
}


class Person:
    """Who exports and imports the configuration of miniOrange in Jira."""

    def __init__(self, place: Workplace) -> None:
        self.world = place.sandbox.jira.world
        self.exported, self.imported = place.folder / "export.json", place.folder / "import.json"
        self.world.miniorange["Identity Providers"] = [
            copy.deepcopy(FOREIGN)
        ]  # nothing is exported from an empty one
        self.export()

    def export(self) -> None:
        self.exported.write_text(json.dumps(self.world.export()))

    def import_(self) -> None:
        self.world.import_(json.loads(self.imported.read_text()))
        self.imported.unlink()
        self.export()

    def overlay(self, **keys: Any) -> dict[str, Any]:
        files = {"route": "file", "export": str(self.exported), "import": str(self.imported)}
        return {"sso": {"jira": {"miniorange": files, **keys}}}


@pytest.fixture
def person(place: Workplace) -> Person:
    return Person(place)


def ours(place: Workplace) -> list[dict[str, Any]]:
    providers: Any = place.sandbox.jira.world.miniorange["Identity Providers"]
    return [item for item in providers if item["Name"] != "Okta"]


def check(place: Workplace) -> None:
    """Holds if all is as wanted, the provider of somebody else aside and unchanged."""
    providers: Any = place.sandbox.jira.world.miniorange["Identity Providers"]
    theirs = next(item for item in providers if item["Name"] == "Okta")
    assert {key: theirs[key] for key in FOREIGN} == {
        key: {**theirs[key], **value} if isinstance(value, dict) else value for key, value in FOREIGN.items()
    }
    providers.remove(theirs)
    wanted.check(place)
    providers.insert(0, theirs)


def test_what_a_person_must_do_is_said_and_settled_by_the_next_export(place: Workplace, person: Person) -> None:
    place.write(person.overlay())
    ran = place.apply("locks-out").ended(ExitCode.MANUAL)
    assert str(person.imported) in ran.out
    assert "import" in ran.out
    assert person.imported.stat().st_mode & 0o777 == 0o600
    assert not ours(place)
    waiting = place.plan()
    assert [change["address"] for change in waiting["changes"]] == ["jira/miniorange/jira"]
    person.import_()
    place.apply().ended(ExitCode.DONE)
    check(place)
    place.settle()


def test_what_waits_for_a_person_is_asked_for_again_until_it_is_done(place: Workplace, person: Person) -> None:
    place.write(person.overlay())
    place.apply("locks-out").ended(ExitCode.MANUAL)
    person.imported.unlink()
    before = place.writes
    ran = place.apply().ended(ExitCode.MANUAL)
    assert str(person.imported) in ran.out
    assert place.writes == before
    place.run("drift").ended(ExitCode.DONE)
    person.import_()
    place.apply().ended(ExitCode.DONE)
    check(place)
    place.settle()


def test_a_change_is_manual_and_keeps_what_is_not_ours(place: Workplace, person: Person) -> None:
    place.write(person.overlay())
    place.apply("locks-out").ended(ExitCode.MANUAL)
    person.import_()
    place.apply().ended(ExitCode.DONE)
    ours(place)[0]["Application Configuration"]["ADDED_BY_HAND"] = [1, {"a": "b"}]
    person.export()
    place.write(person.overlay(display_name="Log in"))
    place.apply().ended(ExitCode.MANUAL)
    assert ours(place)[0]["Application Configuration"]["CUSTOM_APP_NAME"] == "Sign in with Clavex"
    person.import_()
    place.apply().ended(ExitCode.DONE)
    assert ours(place)[0]["Application Configuration"]["ADDED_BY_HAND"] == [1, {"a": "b"}]
    check(place)
    place.settle()


def test_an_old_redirect_uri_stays_until_the_person_is_done(place: Workplace, person: Person) -> None:
    atlassian = person.overlay(plugin="atlassian")
    place.write(atlassian)
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(person.overlay())
    place.apply("deletes", "locks-out").ended(ExitCode.MANUAL)
    uris = place.sandbox.clavex.world.clients["atlassian"].redirect_uris
    old, new = (place.sandbox.jira.url + path for path in wanted.CALLBACKS.values())
    assert {old, new} <= set(uris)
    assert place.sandbox.jira.world.idps  # the way in that still works
    place.apply("deletes", "locks-out").ended(ExitCode.MANUAL)
    assert {old, new} <= set(place.sandbox.clavex.world.clients["atlassian"].redirect_uris)
    person.import_()
    place.apply("deletes", "locks-out").ended(ExitCode.DONE)
    assert old not in place.sandbox.clavex.world.clients["atlassian"].redirect_uris
    check(place)
    place.settle()


def test_a_new_client_id_waits_for_the_person_and_the_old_client_stays_till_then(
    place: Workplace, person: Person
) -> None:
    place.write(person.overlay())
    place.apply("locks-out").ended(ExitCode.MANUAL)
    person.import_()
    place.apply().ended(ExitCode.DONE)
    place.write(person.overlay(), {"clients": {"atlassian": {"client_id": "sso2"}}})
    place.apply("replaces").ended(ExitCode.MANUAL)
    assert set(place.sandbox.clavex.world.clients) == {"atlassian", "sso2"}
    person.import_()
    place.apply().ended(ExitCode.DONE)
    check(place)
    place.settle()


def test_a_sign_on_that_leaves_is_removed_by_the_person(place: Workplace, person: Person) -> None:
    place.write(person.overlay())
    place.apply("locks-out").ended(ExitCode.MANUAL)
    person.import_()
    place.apply().ended(ExitCode.DONE)
    place.write({"sso": {"jira": None}})
    place.apply("deletes", "locks-out").ended(ExitCode.MANUAL)
    assert ours(place)
    place.apply("deletes", "locks-out").ended(ExitCode.MANUAL)
    person.import_()
    assert not ours(place)
    place.apply("deletes", "locks-out").ended(ExitCode.DONE)
    check(place)
    place.settle()


def test_one_file_carries_the_sign_on_and_a_form_that_stays(place: Workplace, person: Person) -> None:
    place.write(person.overlay(login_form=True, login_fallback=True))
    place.apply("locks-out").ended(ExitCode.MANUAL)
    person.import_()
    place.apply().ended(ExitCode.DONE)
    check(place)
    place.settle()


def test_a_form_is_hidden_by_a_second_file_after_the_sign_on_is_there(place: Workplace, person: Person) -> None:
    place.write(person.overlay(login_form=False, login_fallback=True))
    place.apply("locks-out").ended(ExitCode.MANUAL)
    person.import_()
    place.apply("locks-out").ended(ExitCode.MANUAL)
    person.import_()
    place.apply().ended(ExitCode.DONE)
    check(place)
    place.settle()


def test_what_the_person_changed_otherwise_is_drift_and_healed_by_the_person(
    place: Workplace, person: Person
) -> None:
    place.write(person.overlay())
    place.apply("locks-out").ended(ExitCode.MANUAL)
    person.import_()
    place.apply().ended(ExitCode.DONE)
    ours(place)[0]["Application Configuration"]["CUSTOM_APP_NAME"] = "By hand"
    place.run("drift").ended(ExitCode.DONE)  # it shows in a new export only
    person.export()
    place.run("drift").ended(ExitCode.CHANGES)
    place.apply().ended(ExitCode.MANUAL)
    person.import_()
    place.apply().ended(ExitCode.DONE)
    check(place)
    place.settle()


def test_a_missing_export_is_no_empty_plugin(place: Workplace, person: Person) -> None:
    place.write(person.overlay())
    person.exported.unlink()
    ran = place.run("plan").ended(ExitCode.INCOMPLETE)
    assert "export it on the Backup/Restore screen" in " ".join(ran.out.split())
    place.apply("locks-out").ended(ExitCode.INCOMPLETE)
    assert place.writes == 0
    assert not person.imported.exists()


def test_an_import_file_never_lies_with_the_state(place: Workplace, person: Person) -> None:
    person.imported = place.folder / "state" / "import.json"
    place.write(person.overlay())
    ran = place.run("validate").ended(ExitCode.ERROR)
    assert "state" in ran.err


def test_a_link_below_the_state_is_seen_through(place: Workplace, person: Person) -> None:
    (place.folder / "state").mkdir()
    Path(place.folder / "link").symlink_to(place.folder / "state")
    person.imported = place.folder / "link" / "import.json"
    place.write(person.overlay())
    place.apply("locks-out").ended(ExitCode.PARTLY)
    assert not list((place.folder / "state").glob("*import*"))


@pytest.mark.parametrize("shown", ["masked", "empty"])
def test_a_hidden_secret_is_never_written_back_by_rest_and_said_by_file(
    place: Workplace, person: Person, shown: str
) -> None:
    from dataclasses import replace

    world = place.sandbox.jira.world
    world.switches = replace(world.switches, miniorange_secret=shown)
    place.write()
    ran = place.apply("locks-out").ended(ExitCode.PARTLY)
    assert "nothing was sent" in " ".join(ran.out.split())
    providers: Any = world.miniorange["Identity Providers"]
    assert [item["Name"] for item in providers] == ["Okta"]
    assert providers[0]["Application Configuration"]["CLIENT_SECRET"] == "of-okta"
    person.export()
    place.write(person.overlay())
    ran = place.apply("locks-out").ended(ExitCode.MANUAL)
    assert "the export hides the client secret of Okta" in " ".join(ran.out.split())
