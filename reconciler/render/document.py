"""Plan, drift, outcome, state and findings as JSON values: what `--json` prints. The schema is docs/plan.md.

Every document names its format and version. Secrets appear as handles only.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from reconciler.core.codec import plan_content, state_content
from reconciler.core.state import Entry
from reconciler.errors import FindingsError, ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.core.address import Address
    from reconciler.core.comparison import Comparison
    from reconciler.core.outcome import Outcome, StepResult, Window
    from reconciler.core.plan import Plan, Unread
    from reconciler.core.state import State
    from reconciler.diagnostic import Diagnostic
    from reconciler.storage import LockInfo

VERSION = 1
"""The version of the documents made here; that of the plan is the codec's."""
Document = dict[str, object]
_ACTING = re.compile(r"[^\n -~]+")


def json_text(document: Document) -> str:
    """The document as text: ASCII only, so that nothing in it can act on a terminal."""
    return json.dumps(document, indent=2).replace("\x7f", "\\u007f")


def in_ascii(text: str) -> str:
    """The same JSON in ASCII only, so that nothing in it can act on a terminal."""
    return _ACTING.sub(lambda found: json.dumps(found[0])[1:-1].replace("\x7f", "\\u007f"), text)


def plan_document(plan: Plan) -> Document:
    """The plan: what `plan --format json` prints, and a saved plan without its checksum."""
    return plan_content(plan)


def drift_document(plan: Plan, running: LockInfo | None = None, held: tuple[Unread, ...] = ()) -> Document:
    """What drifted, what could not be read, what was read and is held up all the same, and who applies now."""
    content = plan_content(replace(plan, changes=(), hazards=()))["plan"]
    kept = {key: content[key] for key in ("stack", "environment", "lineage", "serial", "drift", "unread")}
    others = [asdict(item) | {"address": str(item.address)} for item in held]
    return _document("drift", kept | {"held": others, "running": asdict(running) if running else None})


def outcome_document(outcome: Outcome) -> Document:
    """What an apply did, step by step, with the exit code that it ends with."""
    return _document(
        "outcome",
        {
            "exit_code": int(outcome.exit_code),
            "serial": outcome.serial,
            "results": [_result(result) for result in outcome.results],
            "logins": _logins(outcome.logins),
            "windows": [_window(window) for window in outcome.windows],
            "advice": outcome.advice,
        },
    )


def _logins(compared: Comparison | None) -> Document | None:
    if compared is None:
        return None
    return {
        "trials": [asdict(trial) for trial in compared.trials],
        "before": [asdict(check) for check in compared.before.checks],
        "after": [asdict(check) for check in compared.after.checks],
        "landings": [asdict(landing) for landing in compared.after.landings],
    }


def diagnostics_document(diagnostics: Iterable[Diagnostic]) -> Document:
    """Findings: what `validate --json` prints."""
    return _document("diagnostics", {"diagnostics": [asdict(item) for item in diagnostics]})


def state_document(state: State) -> Document:
    """The whole state: what `state list --json` prints. The file leaves out keys that say nothing."""
    return state_content(state)


def entry_document(address: Address, entry: Entry) -> Document:
    """What is recorded of one resource: what `state show --json` prints."""
    recorded = TypeAdapter(Entry).dump_python(entry, mode="json")
    return _document("entry", {"address": str(address), "entry": recorded})


def history_document(rows: Iterable[tuple[str, str, State | None]]) -> Document:
    """Past states: what `state history --json` prints. Without serial and resources where one cannot be read."""
    states = [
        {
            "id": name,
            "written": written,
            "serial": state.serial if state else None,
            "resources": len(state.entries) if state else None,
        }
        for name, written, state in rows
    ]
    return _document("history", {"states": states})


def done_document(content: Document) -> Document:
    """What a command did to the state."""
    return _document("done", content)


def error_document(problem: ReconcilerError) -> Document:
    """An error that ended a command, with its exit code."""
    found = problem.diagnostics if isinstance(problem, FindingsError) else ()
    return _document(
        "error",
        {
            "exit_code": int(problem.exit_code),
            "message": problem.message,
            "remedy": problem.remedy,
            "diagnostics": [asdict(item) for item in found],
        },
    )


def _document(noun: str, content: Document) -> Document:
    return {"format": f"reconciler {noun}", "version": VERSION, **content}


def _window(window: Window) -> Document:
    opened = [str(address) for address in window.open]
    return asdict(window) | {"address": str(window.address), "seconds": round(window.seconds, 3), "open": opened}


def _result(result: StepResult) -> Document:
    times = {"seconds": round(result.seconds, 3), "ended": round(result.ended, 3)}
    return asdict(result) | {"address": str(result.address), **times}
