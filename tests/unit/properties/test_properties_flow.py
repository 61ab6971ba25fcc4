"""Plan, apply, drift, move and removal of the keys, through the command line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from unit.properties.keyed import FOREIGN, NAME, given

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from acceptance.workplace import Workplace

ADDRESS = "jira/properties/jira"
NOTHING: dict[str, Any] = {"sso": {"jira": None, "confluence": None}, "clients": {"atlassian": None}}


def spec(file: Path, **changes: Any) -> dict[str, Any]:
    options = {"file": str(file), "secret_in_clear": True}
    jira = {"plugin": "properties", "properties": options, "update_attributes_on_login": None, "groups": None}
    return {"sso": {"jira": {**jira, **changes}, "confluence": None}}


@pytest.fixture
def settled(place: Workplace) -> tuple[Workplace, Path]:
    path = given(place.folder, FOREIGN)
    place.write(spec(path))
    place.apply().ended(ExitCode.DONE)
    place.settle()
    return place, path


def test_the_client_secret_arrives_and_nothing_shows_it(settled: tuple[Workplace, Path]) -> None:
    place, path = settled
    (secret,) = [value for name, value in place.stored_secrets().items() if name.startswith("clients.")]
    assert f"jira.sso.oidc.clientSecret={secret}\n" in path.read_text("latin-1")
    assert not any(secret in text for text in place.shown)
    assert secret not in (place.home / "state.json").read_text()
    assert any("takes effect when Jira starts again" in " ".join(text.split()) for text in place.shown)


def test_what_somebody_changes_is_drift_and_healed(settled: tuple[Workplace, Path]) -> None:
    place, path = settled
    good = path.read_bytes()
    for change in (b"enabled=true", b"clientSecret="):
        path.write_bytes(good.replace(change, change + b"x"))
        assert ADDRESS in place.run("drift").ended(ExitCode.CHANGES).out
        place.apply().ended(ExitCode.DONE)
        assert path.read_bytes() == good
        place.settle()
    path.write_bytes(FOREIGN)
    place.run("drift").ended(ExitCode.CHANGES)
    place.apply().ended(ExitCode.DONE)
    assert path.read_bytes() == good


def test_keys_made_by_hand_are_taken_over_only_with_permission(place: Workplace) -> None:
    path = given(place.folder, b"jira.sso.oidc.issuer=https\\://old\n")
    place.write(spec(path))
    place.apply().ended(ExitCode.REFUSED)
    assert path.read_bytes() == b"jira.sso.oidc.issuer=https\\://old\n"
    place.apply(f"takes-over={ADDRESS}").ended(ExitCode.DONE)
    place.settle()
    place.write(NOTHING)
    place.apply("deletes", "locks-out").ended(ExitCode.DONE)
    assert path.read_text().count("jira.sso.oidc.") == 6, "adopted keys stay"


def test_another_file_is_written_before_the_old_one_is_cleaned(settled: tuple[Workplace, Path]) -> None:
    place, path = settled
    other = place.folder / "other" / NAME
    other.parent.mkdir()
    place.write(spec(other))
    place.apply().ended(ExitCode.REFUSED)
    place.apply(f"replaces={ADDRESS}").ended(ExitCode.DONE)
    assert path.read_bytes() == FOREIGN
    assert other.stat().st_mode & 0o777 == 0o600
    place.settle()


def test_leaving_the_spec_takes_our_keys_out(settled: tuple[Workplace, Path]) -> None:
    place, path = settled
    place.write(NOTHING)
    place.apply("deletes").ended(ExitCode.DONE)
    assert path.read_bytes() == FOREIGN


def test_a_change_between_plan_and_write_is_refused(
    settled: tuple[Workplace, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, path = settled
    place.write(spec(path, enabled=False))
    other = path.read_bytes().replace(b"enabled=true", b"enabled=nein")

    def confirm(*_: object) -> None:
        path.write_bytes(other.replace(b"issuer=", b"issuer=x"))

    monkeypatch.setattr("reconciler.flows.apply.check_stores", confirm)
    ran = place.apply().ended(ExitCode.PARTLY)
    assert "somebody changed enabled since the plan was made" in ran.out
    assert b"enabled=nein" in path.read_bytes()


def test_doctor_sees_that_the_file_switches_it_off(settled: tuple[Workplace, Path]) -> None:
    place, path = settled
    assert "sign-on" not in {check["name"] for check in place.run("doctor", "--json").json["checks"]}
    path.write_bytes(path.read_bytes().replace(b"enabled=true", b"enabled=false"))
    made = place.run("doctor", "--json").ended(ExitCode.UNVERIFIED).json
    (check,) = [one for one in made["checks"] if one["name"] == "sign-on"]
    assert (check["status"], check["seen"]) == ("failed", "jira.sso.oidc.enabled is not true in the file")


def test_a_file_that_may_not_be_written_is_found_before_and_named_after(
    settled: tuple[Workplace, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, path = settled
    before = path.read_bytes()
    assert "file" not in {check["name"] for check in place.run("doctor", "--json").json["checks"]}
    monkeypatch.setattr(os, "access", lambda asked, *_, **__: str(asked) != str(path))  # root may do anything
    (check,) = [one for one in place.run("doctor", "--json").json["checks"] if one["name"] == "file"]
    assert (check["subject"], check["status"]) == ("sso.jira", "warning")
    assert f"{path} cannot be written: Permission denied" in check["seen"]
    place.write(spec(path, enabled=False))
    ran = place.apply().ended(ExitCode.PARTLY)
    for told in (ran.out, check["remedy"]):
        assert "run as the user who owns the file" in " ".join(told.split())
    assert path.read_bytes() == before


def test_without_the_words_nothing_is_planned(place: Workplace) -> None:
    path = given(place.folder, FOREIGN)
    place.write(spec(path), {"sso": {"jira": {"properties": {"secret_in_clear": None}}}})
    for command in ("validate", "plan", "apply"):
        ran = place.run(command).ended(ExitCode.ERROR)
        assert 'use plugin = "atlassian"' in ran.err
    assert path.read_bytes() == FOREIGN
