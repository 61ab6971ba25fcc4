"""Logins before and after: which a plan touches, what broke, what is not known; and which changes close doors."""

from __future__ import annotations

import pytest

from reconciler.core.address import Address
from reconciler.core.check import Check, Diagnosis, Status, broken, doubtful, fine, hidden, unread
from reconciler.core.comparison import Comparison, touched
from reconciler.core.doors import closing
from reconciler.core.intent import Client, SignOn, System
from reconciler.core.outcome import Outcome, StepResult
from reconciler.core.outcome import Status as End
from reconciler.core.plan import Action, AttributeChange, Cause, Change, Plan, Step, StepKind
from reconciler.core.resource import Kind, Mark, ResourceType, Value
from reconciler.errors import ExitCode

CLAVEX, JIRA = System("clavex", "clavex", "https://id.test", "acme"), System("jira", "jira", "https://jira.test")
SIGN_ON = SignOn(
    name="jira",
    product=JIRA,
    plugin="atlassian",
    client=Client("a", "clavex", "a"),
    issuer_system=CLAVEX,
    display_name="Log in",
    scopes=(),
    attributes={},
    groups={"users": "users"},
)
CLIENT = SIGN_ON.client.address
SIGN_IN = Address("jira", "sso_settings", "login")
SETTINGS = ResourceType(
    "sso_settings", (), {"form": Mark.PLAIN, "text": Mark.PLAIN}, kind=Kind.SETTINGS, doors=("form",)
)


def change(
    address: Address,
    kind: StepKind = StepKind.UPDATE,
    needs: tuple[Address, ...] = (),
    attributes: tuple[AttributeChange, ...] = (),
) -> Change:
    return Change(address, Action.UPDATE, "", (Step(kind),), {}, attributes, depends_on=needs)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ([], False),
        ([change(CLIENT)], True),
        ([change(CLIENT, StepKind.RECORD)], False),
        ([change(Address("clavex", "mapper", "a.email"), needs=(CLIENT,))], True),
        ([change(Address("wiki", "idp", "wiki"), needs=(CLIENT,))], False),
        ([change(Address("jira", "group", "others"))], True),
        ([change(Address("clavex", "group", "users"))], True),
        ([change(Address("clavex", "group", "others"))], False),
    ],
)
def test_touched(changes: list[Change], found: bool) -> None:
    assert bool(touched({"jira": SIGN_ON}, Plan("acme", "default", "L", 0, tuple(changes)))) is found


WELL = (fine("start", "sso.jira", ""), fine("authorize", "sso.jira", ""), doubtful("claims", "sso.jira", "", ""))
ILL = broken("claims", "sso.jira", "", "")


def compared(before: tuple[Check, ...], after: tuple[Check, ...]) -> Comparison:
    return Comparison(Diagnosis("acme", "default", before), Diagnosis("acme", "default", after))


def names(comparison: Comparison) -> list[str]:
    return [trial.name for trial in comparison.broken]


def test_what_stops_a_login_and_did_not_before() -> None:
    assert names(compared(WELL, WELL)) == []
    assert names(compared(WELL, (*WELL[:2], ILL))) == ["claims"]
    assert names(compared((*WELL[:2], ILL), (*WELL[:2], ILL))) == []
    assert names(compared((*WELL[:2], hidden("claims", "sso.jira", "", "")), (*WELL[:2], ILL))) == []
    assert names(compared((*WELL, ILL), (*WELL, ILL))) == []  # of two checks of one name the worse counts


def test_what_was_not_checked_before_broke_if_all_went_well() -> None:
    new = broken("redirect-uri", "sso.jira", "", "")
    assert names(compared(WELL, (*WELL, new))) == ["redirect-uri"]
    assert names(compared((), (new,))) == []
    assert names(compared((*WELL[:2], ILL), (*WELL, new))) == []
    assert names(compared((fine("authorize", "sso.wiki", ""),), (new,))) == []


def test_each_check_once_in_the_order_of_the_runs() -> None:
    trials = compared((*WELL, fine("login", "sso.jira", "")), (WELL[1], WELL[0])).trials
    told = [(trial.name, trial.before, trial.after) for trial in trials]
    assert told == [
        ("authorize", Status.OK, Status.OK),
        ("start", Status.OK, Status.OK),
        ("claims", Status.WARNING, None),
        ("login", Status.OK, None),
    ]


def test_how_an_apply_ends() -> None:
    unseen = compared(WELL, (unread("start", "sso.jira", ""),))
    bad, good = compared(WELL, (*WELL[:2], ILL)), compared(WELL, WELL)
    never = compared((hidden("start", "sso.jira", "", ""),), (unread("start", "sso.jira", ""),))
    failed = StepResult(CLIENT, StepKind.UPDATE, End.FAILED)
    manual = StepResult(CLIENT, StepKind.UPDATE, End.MANUAL)
    assert unseen.lost_sight
    assert not never.lost_sight
    assert Outcome((), 1, unseen).exit_code is ExitCode.INCOMPLETE
    assert Outcome((manual,), 1, unseen).exit_code is ExitCode.MANUAL
    assert Outcome((failed,), 1, good).exit_code is ExitCode.PARTLY
    assert Outcome((failed,), 1, bad).exit_code is ExitCode.UNVERIFIED
    assert Outcome((), 1, good).exit_code is Outcome((), 1).exit_code is ExitCode.DONE


@pytest.mark.parametrize(
    ("name", "before", "after", "closes"),
    [
        ("form", True, False, True),
        ("form", None, False, True),
        ("form", False, False, False),
        ("form", False, True, False),
        ("text", True, False, False),
    ],
)
def test_a_change_that_closes_a_door(name: str, before: Value, after: Value, closes: bool) -> None:
    made = change(SIGN_IN, attributes=(AttributeChange(name, before, after, Cause.SPEC),))
    found = closing(Plan("acme", "default", "L", 0, (made,)), {("jira", "sso_settings"): SETTINGS})
    assert found == ((made,) if closes else ())
