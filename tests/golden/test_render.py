"""What plan, drift, apply and errors look like: text in colour and without, ASCII, Markdown, JSON."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from situations import (
    CLIENT,
    IDP,
    LOGIN,
    MINI,
    SITUATIONS,
    brownfield,
    client,
    drift,
    entry,
    hostile,
    idp,
    mini,
    nothing,
    removal,
    two_steps,
    unread_only,
)

from reconciler.core.check import Diagnosis, Landing, broken, fine, unread
from reconciler.core.comparison import Comparison
from reconciler.core.outcome import Outcome, Status, StepResult
from reconciler.core.plan import StepKind
from reconciler.core.state import Origin, State
from reconciler.diagnostic import Diagnostic, Severity
from reconciler.errors import LockedError, SpecError, StatusError
from reconciler.render.apply import outcome_text, step_line
from reconciler.render.diagnostics import error_text
from reconciler.render.document import (
    diagnostics_document,
    drift_document,
    error_document,
    json_text,
    outcome_document,
    plan_document,
)
from reconciler.render.drift import drift_text
from reconciler.render.markdown import plan_markdown
from reconciler.render.plan import plan_text
from reconciler.render.state import entries_text, entry_text
from reconciler.render.terminal import PLAIN, Style
from reconciler.storage import LockInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.plan import Plan

    Golden = Callable[[str, str], None]

WIDTH = 100
ASCII = Style(unicode=False)
COLOR = Style(color=True)
RUNNING = LockInfo("7d1", "alice", "ci-3", 4711, "apply", "2025-03-04 10:12 UTC")
UNSEEN = Diagnosis("acme", "prod", (unread("start", "sso.jira", "the product does not answer"),))
LOGINS = Comparison(
    Diagnosis("acme", "prod", (fine("start", "sso.jira", ""), fine("product-login", "sso.jira", "bob is in"))),
    Diagnosis(
        "acme",
        "prod",
        (
            broken(
                "product-login", "sso.jira", "jira logged nobody in: it answers 403 \x1b[31m", "look into its log"
            ),
            fine("start", "sso.jira", "jira sends the browser to Clavex"),
        ),
        (Landing("sso.jira", "bob@acme.test", "bob", (("users", "users"),)),),
    ),
)
OUTCOMES = {
    "all_done": Outcome(
        (
            StepResult(CLIENT, StepKind.EXPAND, Status.DONE, seconds=0.234),
            StepResult(MINI, StepKind.UPDATE, Status.DONE, seconds=1.5),
            StepResult(CLIENT, StepKind.CONTRACT, Status.DONE, seconds=0.1),
        ),
        serial=13,
    ),
    "manual_left": Outcome(
        (
            StepResult(CLIENT, StepKind.CREATE, Status.DONE, seconds=0.2),
            StepResult(
                MINI,
                StepKind.UPDATE,
                Status.MANUAL,
                "open https://jira.acme.eu/plugins/servlet/oauth/backup\n"
                "upload /home/alice/imports/jira.json, which holds the client secret; delete the file afterwards\n"
                "run `reconciler plan`: it sees whether the values have arrived",
            ),
        ),
        serial=14,
    ),
    "partly": Outcome(
        (
            StepResult(CLIENT, StepKind.EXPAND, Status.DONE, seconds=0.2),
            StepResult(
                MINI,
                StepKind.UPDATE,
                Status.FAILED,
                "POST https://jira.acme.eu/plugins/servlet/oauth/saveconfig: 403 \x1b[31mXSRF check failed",
                "use a personal access token of an administrator",
            ),
            StepResult(IDP, StepKind.UPDATE, Status.IN_DOUBT, "PATCH https://confluence.acme.eu: connection cut", ""),
            StepResult(CLIENT, StepKind.CONTRACT, Status.SKIPPED, f"{MINI} failed", ""),
        ),
        serial=15,
    ),
    "nothing": Outcome((), serial=15),
    "login_broke": Outcome((StepResult(IDP, StepKind.UPDATE, Status.DONE, seconds=0.2),), 16, LOGINS),
    "login_unseen": Outcome((), 17, replace(LOGINS, after=UNSEEN)),
    "login_well": Outcome((), 17, replace(LOGINS, after=LOGINS.before)),
    "login_still_fails": Outcome((), 17, replace(LOGINS, before=LOGINS.after)),
}
ERRORS = {
    "spec": SpecError(
        [
            Diagnostic(
                Severity.ERROR,
                'unknown plugin "miniorang"',
                "sso.jira.plugin",
                'did you mean "miniorange"?',
                "specs/acme/acme.toml",
                12,
            ),
            Diagnostic(
                Severity.ERROR, "a required key is missing", "systems.jira.url", "", "specs/acme/acme.toml", 7
            ),
            Diagnostic(
                Severity.ERROR, "a required key is missing", "systems.wiki.url", "", "specs/acme/acme.toml", 9
            ),
            Diagnostic(Severity.ERROR, "the file is not UTF-8", file="specs/acme/b\x1b.toml"),
            Diagnostic(Severity.WARNING, "the group is mapped twice", "sso.jira.groups"),
        ]
    ),
    "locked": LockedError(
        "state/acme/prod: alice holds the lock since 10:12", "wait, or see `reconciler state unlock`"
    ),
    "status": StatusError(403, "<html>\x1b[2J", "GET https://jira.acme.eu/rest/api/2/serverInfo"),
}


def visible(text: str) -> str:
    """Colours as text that a reviewer can read."""
    return text.replace("\x1b", "␛")


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda make: make.__name__)
def test_plan_text(situation: Callable[[], Plan], golden: Golden) -> None:
    golden(f"plan/{situation.__name__}.txt", plan_text(situation(), PLAIN, width=WIDTH) + "\n")


def test_the_page_shows_what_is_printed() -> None:
    page = (Path(__file__).parents[2] / "docs" / "plan.md").read_text(encoding="utf-8")
    example = page.split("```text\n", 1)[1].split("```", 1)[0]
    assert example in plan_text(two_steps(), PLAIN, width=WIDTH)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda make: make.__name__)
def test_plan_markdown(situation: Callable[[], Plan], golden: Golden) -> None:
    golden(f"plan/{situation.__name__}.md", plan_markdown(situation()))


@pytest.mark.parametrize("situation", [brownfield, hostile], ids=lambda make: make.__name__)
def test_plan_json(situation: Callable[[], Plan], golden: Golden) -> None:
    golden(f"plan/{situation.__name__}.json", json_text(plan_document(situation())) + "\n")


@pytest.mark.parametrize("situation", [brownfield, hostile], ids=lambda make: make.__name__)
def test_plan_in_ascii(situation: Callable[[], Plan], golden: Golden) -> None:
    text = plan_text(situation(), ASCII, width=80)
    assert text.isascii()
    golden(f"plan/{situation.__name__}.ascii.txt", text + "\n")


@pytest.mark.parametrize("situation", [brownfield, drift], ids=lambda make: make.__name__)
def test_plan_in_colour(situation: Callable[[], Plan], golden: Golden) -> None:
    golden(f"plan/{situation.__name__}.colour.txt", visible(plan_text(situation(), COLOR, width=WIDTH)) + "\n")


def test_plan_with_permission(golden: Golden) -> None:
    allowed = frozenset({"rotates", f"takes-over={CLIENT}"})
    golden("plan/brownfield.allowed.txt", plan_text(brownfield(), PLAIN, width=WIDTH, allowed=allowed) + "\n")


@pytest.mark.parametrize("situation", [drift, nothing, removal, unread_only], ids=lambda make: make.__name__)
def test_drift(situation: Callable[[], Plan], golden: Golden) -> None:
    plan = situation()
    golden(f"drift/{situation.__name__}.txt", drift_text(plan, PLAIN, width=WIDTH) + "\n")
    golden(f"drift/{situation.__name__}.json", json_text(drift_document(plan)) + "\n")


def test_drift_while_an_apply_runs(golden: Golden) -> None:
    golden("drift/running.txt", drift_text(nothing(), PLAIN, width=WIDTH, running=RUNNING) + "\n")
    golden("drift/running.json", json_text(drift_document(nothing(), RUNNING)) + "\n")


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome(name: str, golden: Golden) -> None:
    outcome = OUTCOMES[name]
    total = len(outcome.results)
    lines = [step_line(result, PLAIN, place=place, total=total) for place, result in enumerate(outcome.results, 1)]
    report = outcome_text(outcome, PLAIN, width=WIDTH)
    golden(f"apply/{name}.txt", "\n".join([*lines, "", report]).lstrip() + "\n")
    golden(f"apply/{name}.json", json_text(outcome_document(outcome)) + "\n")


def test_outcome_in_colour(golden: Golden) -> None:
    golden("apply/partly.colour.txt", visible(outcome_text(OUTCOMES["partly"], COLOR, width=WIDTH)) + "\n")


@pytest.mark.parametrize("name", ERRORS)
def test_error(name: str, golden: Golden) -> None:
    golden(f"errors/{name}.txt", error_text(ERRORS[name], PLAIN, columns=WIDTH) + "\n")
    golden(f"errors/{name}.json", json_text(error_document(ERRORS[name])) + "\n")


def test_error_in_colour(golden: Golden) -> None:
    golden("errors/spec.colour.txt", visible(error_text(ERRORS["spec"], COLOR, columns=WIDTH)) + "\n")


def test_state(golden: Golden) -> None:
    moved = entry(mini(), depends_on=(CLIENT,), found={"update_attributes": False}, awaiting=True)
    shared = entry(idp(name="\x1b[31m"), origin=Origin.ADOPTED, deposed=("9",), shared=("additional_scopes",))
    entries = {CLIENT: entry(client()), MINI: moved, IDP: shared}
    state = State("acme", "prod", "6b0e1f", 12, entries=entries, in_doubt={CLIENT: "update", LOGIN: "record"})
    golden("state/list.txt", entries_text(state) + "\n")
    golden("state/empty.txt", entries_text(State("acme", "prod", "6b0e1f")) + "\n")
    for address, recorded in entries.items():
        golden(f"state/{address.type}.txt", entry_text(address, recorded) + "\n")


def test_diagnostics_document(golden: Golden) -> None:
    spec = ERRORS["spec"]
    assert isinstance(spec, SpecError)
    golden("errors/diagnostics.json", json_text(diagnostics_document(spec.diagnostics)) + "\n")
