"""`apply --verify`: logins before and after, and doors that close only beside another way in."""

from __future__ import annotations

from contextlib import nullcontext
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from acceptance.people import AS_BOB, BOB, BOBS_PASSWORD, LETS_BOB_IN

from reconciler.cli import apply_
from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from acceptance.workplace import Ran, Workplace

    from reconciler.sandbox.clavex.records import User

JIRA_FORM, WIKI_FORM = "jira/miniorange_sign_in/login", "confluence/sso_settings/login"


def apply(place: Workplace, code: ExitCode, *options: str, allow: tuple[str, ...] = ()) -> Any:
    """What an apply that verifies printed as JSON; no secret and no session is in it."""
    ran = run(place, *options, "--json", allow=allow)
    return ran.ended(code).json


def run(place: Workplace, *options: str, allow: tuple[str, ...] = ()) -> Ran:
    permissions = [word for name in allow for word in ("--allow", name)]
    ran = place.run("apply", "--auto-approve", "--verify", *options, *permissions)
    sessions = place.sandbox.jira.world.sessions | place.sandbox.confluence.world.sessions
    for secret in (BOBS_PASSWORD, *place.stored_secrets().values(), *sessions):
        assert secret not in ran.out + ran.err
    return ran


def trials(made: Any, subject: str) -> dict[str, tuple[str | None, str | None]]:
    found = made["logins"]["trials"]
    return {trial["name"]: (trial["before"], trial["after"]) for trial in found if trial["subject"] == subject}


def broken(made: Any) -> list[tuple[str, str]]:
    return [(trial["subject"], trial["name"]) for trial in made["logins"]["trials"] if trial["broke"]]


# --- before and after ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("bob")
def test_only_the_touched_sign_ons_are_tried(place: Workplace) -> None:
    place.write(LETS_BOB_IN, {"sso": {"confluence": {"display_name": "Log in"}}})
    made = apply(place, ExitCode.DONE, *AS_BOB)
    well = dict.fromkeys(("start", "authorize", "client-secret", "claims", "product-login"), ("ok", "ok"))
    assert trials(made, "sso.confluence").items() >= well.items()
    assert trials(made, "sso.jira") == {}
    assert broken(made) == []


@pytest.mark.usefixtures("bob")
def test_nothing_to_do_tries_nothing(place: Workplace) -> None:
    assert apply(place, ExitCode.DONE)["logins"] is None


def test_a_first_apply(place: Workplace) -> None:
    place.write(LETS_BOB_IN)
    made = apply(place, ExitCode.DONE, allow=("locks-out",))
    assert trials(made, "sso.confluence")["start"] == (None, "ok")
    assert trials(made, "sso.jira")["authorize"] == ("failed", "ok")
    assert broken(made) == []


@pytest.mark.usefixtures("bob")
def test_a_login_that_no_longer_works(place: Workplace) -> None:
    place.write(LETS_BOB_IN, {"clients": {"atlassian": {"active": False}}})
    ran = run(place, allow=("locks-out",)).ended(ExitCode.UNVERIFIED)
    assert "authorize" in ran.out
    assert "A login that worked before would no longer: authorize of sso.confluence" in ran.out.replace("\n  ", " ")
    place.write(LETS_BOB_IN, {"clients": {"atlassian": {"active": True}}})
    made = apply(place, ExitCode.DONE, *AS_BOB)
    assert trials(made, "sso.jira")["product-login"] == ("unknown", "ok")


@pytest.mark.usefixtures("bob")
def test_a_person_who_no_longer_gets_in(place: Workplace) -> None:
    place.write(LETS_BOB_IN, {"clients": {"atlassian": {"claims": {"preferred_username": "attribute:nick"}}}})
    made = apply(place, ExitCode.UNVERIFIED, *AS_BOB, allow=("replaces",))  # Bob has none
    assert ("sso.confluence", "product-login") in broken(made)
    assert made["exit_code"] == ExitCode.UNVERIFIED


@pytest.mark.usefixtures("bob")
def test_a_plugin_that_is_exchanged_is_tried_as_it_was(place: Workplace) -> None:
    place.write(LETS_BOB_IN, {"sso": {"jira": {"plugin": "atlassian"}}})
    made = apply(place, ExitCode.DONE, *AS_BOB, allow=("locks-out", "deletes", "rotates"))
    assert trials(made, "sso.jira")["start"] == ("ok", "ok")
    assert trials(made, "sso.jira")["product-login"] == ("ok", "ok")


@pytest.mark.usefixtures("bob")
def test_a_client_that_is_exchanged_is_tried_as_it_was(place: Workplace) -> None:
    place.write(LETS_BOB_IN, {"clients": {"atlassian": {"client_id": "sso2"}}})
    made = apply(place, ExitCode.DONE, *AS_BOB, allow=("replaces", "too-much"))
    assert trials(made, "sso.jira")["product-login"] == ("ok", "ok")
    assert trials(made, "sso.jira")["client-secret"] == ("ok", "ok")


@pytest.mark.usefixtures("bob")
def test_what_cannot_be_tried_again(place: Workplace) -> None:
    place.write(LETS_BOB_IN, {"sso": {"confluence": {"display_name": "Log in"}}})
    fault = Fault(kind=Kind.SERVER_ERROR, path="external-login", skip=1, times=None)
    place.sandbox.confluence.faults.add(fault)
    ran = run(place).ended(ExitCode.INCOMPLETE)
    assert "What worked before could not all be tried again" in ran.out


@pytest.mark.usefixtures("bob")
def test_misuse(place: Workplace) -> None:
    place.run("apply", "--verify", "--destroy", "--auto-approve").ended(ExitCode.USAGE)
    place.run("apply", *AS_BOB).ended(ExitCode.USAGE)
    place.run("apply", "--verify", "--as", BOB).ended(ExitCode.USAGE)
    del place.environ["TEST_PASSWORD"]
    ran = place.run("apply", "--verify", *AS_BOB, "--auto-approve").ended(ExitCode.ERROR)
    assert "the password env:TEST_PASSWORD is missing" in ran.err


# --- doors --------------------------------------------------------------------------------------------------------

NO_FORM: Any = {"sso": {"confluence": {"login_form": False}, "jira": {"login_form": False}}}


def forms(place: Workplace) -> tuple[bool, bool]:
    """Whether Jira and Confluence show their own form."""
    document: Any = place.sandbox.jira.world.miniorange
    hidden = document["Sign In Settings"].get("DISABLE_DEFAULT_LOGIN")
    return str(hidden).lower() != "true", place.sandbox.confluence.world.sso.show_login_form


@pytest.mark.usefixtures("bob")
def test_a_door_wants_a_proof_or_a_permission(place: Workplace) -> None:
    place.write(LETS_BOB_IN, NO_FORM)
    for options in ((), ("--verify",)):
        ran = place.run("apply", "--auto-approve", *options).ended(ExitCode.REFUSED)
        assert "--verify --as USER --password-from HANDLE" in " ".join(ran.err.split())
        assert f"--allow locks-out={WIKI_FORM}" in ran.err
    assert forms(place) == (True, True)


@pytest.mark.usefixtures("bob")
def test_a_door_closes_after_a_login(place: Workplace) -> None:
    place.write(LETS_BOB_IN, NO_FORM)
    requests = place.sandbox.confluence.faults.requests
    ran = run(place, *AS_BOB).ended(ExitCode.DONE)
    assert forms(place) == (False, False)
    assert f"{WIKI_FORM} comes last, and only if the test account then gets in" in " ".join(ran.out.split())
    assert "Refused unless allowed" not in ran.out
    paths = [path for _, path in requests]
    closed = requests.index(("PATCH", "/rest/authconfig/1.0/sso"))
    assert "/plugins/servlet/oidc/callback" in paths[:closed]
    place.apply().ended(ExitCode.DONE)


def test_a_door_stays_open_without_a_login(place: Workplace, bob: User) -> None:
    place.write(LETS_BOB_IN, NO_FORM)
    for group in place.sandbox.clavex.world.groups.values():
        if group.name.startswith("jira"):
            group.members.discard(bob.id)  # no application access
    made = apply(place, ExitCode.PARTLY, *AS_BOB)
    assert forms(place) == (True, False)
    (left,) = [result for result in made["results"] if result["status"] == "skipped"]
    assert left["address"] == JIRA_FORM
    assert "no login to jira is proved with the new settings: jira had the answer" in left["message"]
    assert f"--allow locks-out={JIRA_FORM}" in left["remedy"]
    place.apply(f"locks-out={JIRA_FORM}").ended(ExitCode.DONE)
    assert forms(place) == (False, False)


@pytest.mark.usefixtures("bob")
def test_a_door_waits_for_the_rest(place: Workplace) -> None:
    place.write(LETS_BOB_IN, {"sso": {"confluence": {"login_form": False, "display_name": "Log in"}}})
    fault = Fault(kind=Kind.SERVER_ERROR, path="/authconfig/1.0/idps/", method="PATCH", status=500, times=None)
    place.sandbox.confluence.faults.add(fault)
    made = apply(place, ExitCode.PARTLY, *AS_BOB)
    (left,) = [result for result in made["results"] if result["address"] == WIKI_FORM]
    assert left["message"] == "confluence/idp/confluence was not done"
    assert forms(place) == (True, True)


def with_password(place: Workplace) -> Any:
    """The spec in which the tool logs in to Confluence with a local administrator's password."""
    served = place.sandbox.confluence
    place.environ["WIKI_PASSWORD"] = served.password
    system = {"token": None, "username": served.username, "password": "env:WIKI_PASSWORD"}
    return {**LETS_BOB_IN, "systems": {**LETS_BOB_IN["systems"], "confluence": system}}


@pytest.mark.usefixtures("bob")
def test_a_door_closes_beside_a_password_that_was_tried(place: Workplace) -> None:
    spec = with_password(place)
    place.write(spec, {"sso": {"confluence": {"login_form": False}}})
    ran = place.run("apply", "--auto-approve", "--allow", "moves-host").ended(ExitCode.DONE)
    assert "still takes the password of admin" in " ".join(ran.out.split())
    assert forms(place) == (True, False)


@pytest.mark.usefixtures("bob")
def test_a_password_that_is_taken_no_longer_keeps_the_door_open(place: Workplace) -> None:
    spec = with_password(place)
    place.write(spec, {"sso": {"confluence": {"login_form": False}}})
    fault = Fault(kind=Kind.SERVER_ERROR, path="/authconfig/1.0/sso", status=401, skip=1, times=None)
    place.sandbox.confluence.faults.add(fault)
    made = place.run("apply", "--auto-approve", "--json", "--allow", "moves-host").ended(ExitCode.PARTLY).json
    (left,) = [result for result in made["results"] if result["status"] == "skipped"]
    assert left["message"] == "confluence does not take admin any more"
    assert forms(place) == (True, True)


@pytest.mark.usefixtures("bob")
def test_a_run_that_is_stopped_closes_no_door_and_tries_no_login_again(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(LETS_BOB_IN, {"sso": {"confluence": {"login_form": False, "display_name": "Log in"}}})
    stop = Event()
    stop.set()
    monkeypatch.setattr(apply_, "_stoppable", lambda _: nullcontext(stop))
    made = apply(place, ExitCode.PARTLY, *AS_BOB)
    assert made["logins"] is None
    assert {result["status"] for result in made["results"]} == {"skipped"}
    assert forms(place) == (True, True)
