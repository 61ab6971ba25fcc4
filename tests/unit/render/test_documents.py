"""docs/plan.md names exactly the keys and words that the JSON documents have."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.check import Check, Landing
from reconciler.core.comparison import Trial
from reconciler.core.outcome import Outcome, Status, StepResult
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
from reconciler.core.resource import OnRemove
from reconciler.core.state import Entry, Origin, State, SystemRecord
from reconciler.diagnostic import Diagnostic, Severity, error
from reconciler.errors import SpecError, StateError
from reconciler.render.document import (
    diagnostics_document,
    drift_document,
    entry_document,
    error_document,
    json_text,
    outcome_document,
    plan_document,
    state_document,
)
from reconciler.storage import LockInfo

PAGE = (Path(__file__).parents[3] / "docs" / "plan.md").read_text(encoding="utf-8")
GROUP = Address("jira", "group", "g")
ENTRY = Entry("17", Origin.CREATED, {"name": "g", "secret": "file:acme#g"}, {"secret": "f1"}, shared=("x",))
PLAN = Plan("acme", "prod", "lineage", 3)
RECORDS = {
    "plan": Plan,
    "change": Change,
    "attribute change": AttributeChange,
    "step": Step,
    "drift": Drift,
    "hazard": Hazard,
    "unread": Unread,
    "diagnostic": Diagnostic,
    "system": SystemRecord,
    "lock": LockInfo,
    "result": StepResult,
    "trial": Trial,
    "check": Check,
    "landing": Landing,
    "state": State,
    "entry": Entry,
}
DOCUMENTS = {
    "plan": plan_document(PLAN),
    "drift": drift_document(PLAN),
    "outcome": outcome_document(Outcome((), 4)),
    "diagnostics": diagnostics_document([]),
    "state": state_document(State("acme", "prod", "lineage")),
    "entry": entry_document(GROUP, ENTRY),
    "error": error_document(StateError("broken", "mend it")),
}
WORDS = {
    ("change", "action"): Action,
    ("change", "origin"): Origin,
    ("change", "on_remove"): OnRemove,
    ("attribute change", "cause"): Cause,
    ("step", "kind"): StepKind,
    ("step", "phase"): Phase,
    ("drift", "kind"): DriftKind,
    ("hazard", "name"): HazardName,
    ("diagnostic", "severity"): Severity,
    ("result", "status"): Status,
    ("entry", "origin"): Origin,
    ("entry", "on_remove"): OnRemove,
}


def table(heading: str) -> dict[str, str]:
    """The rows of the first table below a heading: key and meaning."""
    section = PAGE.split(f"\n{heading}\n", 1)[1]
    section = re.split(r"\n#", section, maxsplit=1)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE))


@pytest.mark.parametrize("name", RECORDS)
def test_the_page_has_every_key_of_a_record(name: str) -> None:
    assert list(table(f"#### {name}")) == [field.name for field in fields(RECORDS[name])]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_page_has_every_key_of_a_document(name: str) -> None:
    document = DOCUMENTS[name]
    rows = table(f"### `reconciler {name}` version {document['version']}")
    assert list(rows) == list(document)
    assert rows["format"] == f'`"{document["format"]}"`'


@pytest.mark.parametrize(("record", "key"), WORDS)
def test_the_page_has_every_word(record: str, key: str) -> None:
    words = re.findall(r"`([\w-]+)`", table(f"#### {record}")[key])
    assert words == [str(word) for word in WORDS[record, key]]


def test_every_record_of_a_plan_has_the_documented_keys() -> None:
    change = Change(
        GROUP,
        Action.CREATE,
        "why",
        (Step(StepKind.CREATE),),
        {"name": "g"},
        (AttributeChange("name", None, "g", Cause.SPEC),),
    )
    drift = Drift(GROUP, DriftKind.GONE)
    hazard = Hazard(HazardName.DELETES, "jira/group/g", "it is deleted")
    plan = Plan(
        "acme",
        "prod",
        "lineage",
        3,
        (change,),
        (drift,),
        (hazard,),
        (Unread(GROUP, "why"),),
        (error("what"),),
        systems={"jira": SystemRecord("jira", "https://jira.acme.eu")},
    )
    content = plan_document(plan)["plan"]
    assert isinstance(content, dict)
    assert list(content) == list(table("#### plan"))
    (shown,) = content["changes"]
    assert list(shown) == list(table("#### change"))
    assert list(shown["steps"][0]) == list(table("#### step"))
    assert list(shown["attributes"][0]) == list(table("#### attribute change"))
    for key, name in (("drift", "drift"), ("hazards", "hazard"), ("unread", "unread"), ("diagnostics", "diagnostic")):
        assert list(content[key][0]) == list(table(f"#### {name}"))
    assert list(content["systems"]["jira"]) == list(table("#### system"))


def test_an_outcome_tells_every_step() -> None:
    result = StepResult(GROUP, StepKind.CREATE, Status.FAILED, "no", "ask", 1.23456)
    document = outcome_document(Outcome((result,), 4))
    (shown,) = document["results"]
    assert list(shown) == list(table("#### result"))
    assert shown["seconds"] == 1.235
    assert document["exit_code"] == 3


def test_a_running_apply_is_in_the_drift_document() -> None:
    running = LockInfo("1", "alice", "host", 7, "apply", "now")
    assert list(drift_document(PLAN, running)["running"]) == list(table("#### lock"))


def test_a_state_document_has_every_entry() -> None:
    document = state_document(State("acme", "prod", "lineage", entries={GROUP: ENTRY}))
    assert document["state"]["entries"] == {str(GROUP): entry_document(GROUP, ENTRY)["entry"]}
    assert list(document["state"]) == list(table("#### state"))
    assert list(document["state"]["entries"][str(GROUP)]) == list(table("#### entry"))


def test_all_problems_of_a_spec_are_in_the_error_document() -> None:
    document = error_document(SpecError([error("one"), error("two")]))
    assert [item["message"] for item in document["diagnostics"]] == ["one", "two"]


def test_json_text_holds_nothing_that_acts_on_a_terminal() -> None:
    hostile = "".join(map(chr, range(256))) + "\u202e\u2028\ud800"
    text = json_text({"value": hostile})
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == {"value": hostile}
