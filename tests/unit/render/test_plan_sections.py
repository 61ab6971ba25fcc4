"""Parts of a plan: names, permissions, places, steps, what is left out, what an apply would do about drift."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.plan import (
    Action,
    AttributeChange,
    Cause,
    Change,
    Drift,
    DriftKind,
    Hazard,
    HazardName,
    Phase,
    Plan,
    Step,
    StepKind,
    Unread,
)
from reconciler.diagnostic import Diagnostic, Severity, error, note, warning
from reconciler.errors import StateError
from reconciler.render.diagnostics import diagnostics_text, error_text, grouped
from reconciler.render.drift import answer, drift_text
from reconciler.render.plan import plan_text
from reconciler.render.sections import brief_creates, hazard_lines, left_out, unread_lines
from reconciler.render.steps import dependents_of, step_lines, why
from reconciler.render.terminal import PLAIN, Style
from reconciler.render.wording import allowing, listed, permission

if TYPE_CHECKING:
    from reconciler.core.resource import Value

CLIENT = Address("clavex", "client", "a")
IDP = Address("jira", "idp", "a")


def change(address: Address, action: Action, *steps: Step, **more: object) -> Change:
    return Change(address, action, "the reason", steps or (Step(StepKind.RECORD),), {}, **more)


def test_many_names_are_cut_short() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed([str(place) for place in range(12)]).endswith("8, 9 and 2 more")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.text("'\\\"$`! \n\x1b-~a", min_size=1))
@pytest.mark.parametrize("style", [PLAIN, Style(unicode=False)], ids=["unicode", "ascii"])
def test_a_permission_is_safe_to_print_and_one_word_of_a_shell(style: Style, name: str) -> None:
    argument = permission(Hazard(HazardName.DELETES, name, ""), style)
    assert style.safe(argument) == argument
    if "$'" not in argument:
        assert shlex.split(argument) == ["--allow", f"deletes={name}"]


def test_a_shell_reads_a_permission_as_it_was_meant() -> None:
    name = "jira/group/it's \\ \x1b[2J\u202e $HOME\n`id`"
    argument = permission(Hazard(HazardName.DELETES, name, ""), PLAIN)
    script = f"printf %s {argument.removeprefix('--allow ')}"
    told = subprocess.run(["bash", "-c", script], capture_output=True, check=True, timeout=10)
    assert told.stdout.decode() == f"deletes={name}"


def test_hazards_that_repeat_the_changes_are_cut_short() -> None:
    hazards = tuple(Hazard(HazardName.DELETES, f"jira/group/{place:02}", "it is deleted") for place in range(25))
    hazards += tuple(Hazard(HazardName.TAKES_OVER, f"jira/group/{place:02}", "foreign") for place in range(25))
    lines = hazard_lines(hazards, frozenset(), PLAIN, 80)
    assert sum("--allow deletes=" in line for line in lines) == 20
    assert "  --allow deletes  permits all 25, of which 5 are not listed here" in lines
    assert sum("--allow takes-over=" in line for line in lines) == 25


def test_what_permits_many_hazards_is_said_in_few_words() -> None:
    hazards = [Hazard(HazardName.DELETES, f"jira/group/{place:02}", "it is deleted") for place in range(11)]
    hazards += [Hazard(HazardName.LOCKS_OUT, "jira/idp/a", text) for text in ("one", "two")]
    assert allowing(hazards[1:]) == [
        *(f"--allow deletes=jira/group/{place:02}" for place in range(1, 11)), "--allow locks-out=jira/idp/a",
    ]  # fmt: skip
    assert allowing(hazards) == ["--allow deletes", "--allow locks-out=jira/idp/a"]


def test_addresses_that_could_not_be_read_are_wrapped() -> None:
    unread = tuple(Unread(Address("jira", "group", f"people-{place}"), "no answer") for place in range(9))
    plan = Plan("acme", "default", "lineage", 0, (), unread=unread)
    lines = unread_lines(plan.unread, PLAIN, 60, "Could not be read")
    assert max(map(len, lines)) <= 60
    assert lines[1].startswith("  ? jira/group/people-0, jira/group/people-1,")
    assert lines[2].startswith("    jira/group/people-")


def test_creates_beyond_twenty_of_a_type_are_brief() -> None:
    changes = [change(Address("jira", "group", f"{place:02}"), Action.CREATE) for place in range(22)]
    changes += [change(Address("jira", "idp", "x"), Action.CREATE), change(CLIENT, Action.UPDATE)]
    brief = brief_creates(changes)
    assert {address.name for address in brief} == {"20", "21"}
    assert left_out(changes, brief) == ["the attributes of 2 more groups are in `--format json`"]


def test_what_comes_between_the_steps() -> None:
    uris = AttributeChange("redirect_uris", ("a",), ("b",), Cause.SPEC)
    steps = (
        Step(StepKind.EXPAND, Phase.EARLY, {"redirect_uris": ("a", "b")}),
        Step(StepKind.CONTRACT, Phase.LATE, {"redirect_uris": ("b",)}),
    )
    widened = change(CLIENT, Action.UPDATE, *steps, attributes=(uris,))
    user = change(IDP, Action.UPDATE, depends_on=(CLIENT,))
    assert step_lines(widened, dependents_of([widened, user]), 80, PLAIN) == [
        "in steps:",
        "  1 expand    adds the new redirect_uris",
        "  then jira/idp/a changes",
        "  2 contract  removes the old redirect_uris",
    ]
    assert step_lines(widened, dependents_of([widened]), 80, PLAIN)[2].startswith("  2 contract")
    assert step_lines(user, {}, 80, PLAIN) == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (StepKind.MARK, "the reason (one request, which only sets the managed-by mark)"),
        (StepKind.RELEASE, "the reason (one request, which only takes the managed-by mark off)"),
        (StepKind.RECORD, "the reason (only the state changes)"),
        (StepKind.UPDATE, "the reason"),
    ],
)
def test_why_says_what_a_single_step_does(kind: StepKind, words: str) -> None:
    assert why(change(CLIENT, Action.ADOPT, Step(kind))) == words


def test_the_same_finding_in_many_places_is_one() -> None:
    many = [warning("the same", f"clients.{place:02}") for place in range(12)]
    text = diagnostics_text([error("bad"), *many, note("fine"), note("fine"), *many], PLAIN, columns=80)
    assert text.startswith("note: fine\n\nwarning: the same\n  --> clients.00\n")
    assert "clients.09\n      and 2 more places\n" in text
    assert text.endswith("error: bad")


def test_all_places_of_an_error_are_listed() -> None:
    many = [Diagnostic(Severity.ERROR, "the same", file="a.toml", line=place) for place in range(1, 31)]
    assert diagnostics_text(many, PLAIN, columns=80).count("--> a.toml:") == 30
    assert len(grouped(many)) == 1


def test_a_long_error_is_wrapped_below_its_message() -> None:
    text = error_text(StateError("word " * 20, "remedy " * 12), PLAIN, columns=40)
    assert all(len(line) <= 40 for line in text.splitlines())
    assert text.count("help:") == 1


def item(before: Value, after: Value, name: str = "x", *, sensitive: bool = False) -> AttributeChange:
    return AttributeChange(name, before, after, Cause.DRIFT, sensitive)


@pytest.mark.parametrize(
    ("drift", "planned", "words"),
    [
        (item("a", "b"), None, "apply would leave it so: the spec asks for nothing else"),
        (item("a", "b"), change(CLIENT, Action.UPDATE, attributes=(item("b", "a"),)), "apply would put it back"),
        (item("a", "b"), change(CLIENT, Action.UPDATE, attributes=(item("b", "c"),)), "apply would update it"),
        (item("a", "b"), change(CLIENT, Action.UPDATE, attributes=(item("b", "a", "y"),)), "apply would update it"),
        (item("a", "b"), change(CLIENT, Action.DELETE), "apply would delete it"),
        (
            item("a", "b"),
            change(CLIENT, Action.ADOPT),
            "the spec wants it so too: apply would only record it",
        ),
        (
            item(("ours",), ()),
            change(CLIENT, Action.UPDATE, attributes=(item(("theirs",), ("ours", "theirs")),)),
            "apply would put it back",
        ),
        (
            item(None, None, sensitive=True),
            change(CLIENT, Action.UPDATE, attributes=(item(None, None, sensitive=True),)),
            "apply would put it back",
        ),
    ],
)
def test_what_an_apply_would_do_about_drift(drift: AttributeChange, planned: Change | None, words: str) -> None:
    assert answer(Drift(CLIENT, DriftKind.CHANGED, (drift,)), planned) == words


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Action.CREATE, "apply would make it again"),
        (Action.ADOPT, "apply would adopt it"),
        (Action.FORGET, "apply would forget it"),
    ],
)
def test_what_an_apply_would_do_about_what_is_gone(action: Action, words: str) -> None:
    assert answer(Drift(CLIENT, DriftKind.GONE), change(CLIENT, action)) == words


def test_pending_changes_are_told_apart_from_drift() -> None:
    plan = Plan("acme", "prod", "l", 1, changes=(change(CLIENT, Action.UPDATE),))
    assert drift_text(plan, PLAIN, width=80) == (
        "No drift: everything is as it was last applied.\n1 change pending, not drift: see `reconciler plan`."
    )


def test_drift_of_what_nothing_is_planned_for_makes_no_promise() -> None:
    plan = Plan("acme", "prod", "l", 1, drift=(Drift(CLIENT, DriftKind.GONE),), unread=(Unread(CLIENT, "tied"),))
    assert "apply would" not in drift_text(plan, PLAIN, width=80)


def test_ten_thousand_creates_stay_short() -> None:
    step = Step(StepKind.CREATE, attributes={"name": "x", "more": "y"})
    shown = (AttributeChange("name", None, "x", Cause.SPEC), AttributeChange("more", None, "y", Cause.SPEC))
    changes = tuple(
        change(Address("jira", "group", f"{place:05}"), Action.CREATE, step, attributes=shown)
        for place in range(10_000)
    )
    text = plan_text(Plan("acme", "prod", "l", 1, changes=changes), PLAIN, width=100)
    assert text.count("\n") < 10_200
    assert text.endswith("Plan: 10,000 to create.")


def test_an_empty_plan_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from reconciler.core.plan import Plan\n"
        "from reconciler.render.plan import plan_text\n"
        "from reconciler.render.terminal import Style\n"
        "print(plan_text(Plan('a', 'b', 'c', 1, unchanged=12), Style(), width=80))\n"
        "print(sorted({'rich', 'deepdiff', 'httpx', 'click'} & sys.modules.keys()))\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=60, text=True)
    assert told.stdout == "No changes. 12 resources are as the spec wants them.\n[]\n"
