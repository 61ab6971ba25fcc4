"""Files and lines: canonical JSON of states, plans and journal events, with versions.

Every file names its format and version. A newer version is refused, an older one is upgraded on reading.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from reconciler.core.journal import Applied, Began, Failed, InDoubt, Intended
from reconciler.core.plan import Plan
from reconciler.core.state import State
from reconciler.errors import StalePlanError, StateError

STATE_VERSION = 1
PLAN_VERSION = 1
MOVED = "reconciler state moved"
"""The format of what is left in the place of a state that was moved to another backend."""
WAY_BACK = (
    "`reconciler state history` lists the states before it, `reconciler state restore ID --force` brings one back"
)
"""What to do about a damaged state."""
_Event = Annotated[Began | Intended | Applied | Failed | InDoubt, Field(discriminator="event")]


@cache
def _states() -> TypeAdapter[State]:
    return TypeAdapter(State)


@dataclass(frozen=True, slots=True)
class _StateFile:
    """A state file of the newest version."""

    format: Literal["reconciler state"]
    version: Literal[1]
    state: State


@cache
def _state_files() -> TypeAdapter[_StateFile]:
    return TypeAdapter(_StateFile)


@cache
def _plans() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


@cache
def _events() -> TypeAdapter[_Event]:
    return TypeAdapter(_Event)


def encode_state(state: State) -> bytes:
    """The state as a file: JSON of one line per top-level key, entries by address."""
    body = _states().dump_json(state, exclude_defaults=True)
    return b'{"format":"reconciler state","version":%d,"state":%s}\n' % (STATE_VERSION, body)


def state_content(state: State) -> dict[str, Any]:
    """The state as JSON values, with the keys that a file leaves out because they say nothing."""
    return {
        "format": "reconciler state",
        "version": STATE_VERSION,
        "state": _states().dump_python(state, mode="json"),
    }


def encode_moved(to: str) -> bytes:
    """What is left in the place of a state that was moved to another backend."""
    return json.dumps({"format": MOVED, "version": 1, "to": to}).encode() + b"\n"


def is_moved(data: bytes) -> bool:
    """Whether this is what is left of a state that was moved."""
    return data.startswith(b'{"format": "%s"' % MOVED.encode())


def decode_state(data: bytes, where: str, remedy: str = WAY_BACK) -> State:
    """The state that a file holds. StateError, naming `where`, for anything else; `remedy` is what to do about it."""
    try:
        return _state_files().validate_json(data).state  # one pass: half the cost of parsing first
    except ValidationError as problem:
        if is_moved(data):
            raise StateError(
                f"{where}: this state was moved to {json.loads(data)['to']}", "say so in [backend] of the spec"
            ) from None
        _parse(data, "reconciler state", STATE_VERSION, where, remedy)
        raise StateError(f"{where}: not a whole state: {_first(problem)}", remedy) from None


def encode_event(event: _Event) -> bytes:
    """One journal line."""
    return _events().dump_json(event) + b"\n"


def decode_events(data: bytes, where: str) -> list[_Event]:
    """The events of a journal. A last line without its end was cut by a crash and did not happen."""
    lines = data.split(b"\n")[:-1]
    try:
        return [_events().validate_json(line) for line in lines]
    except ValidationError as problem:
        raise StateError(f"{where}: a damaged journal line: {_first(problem)}", "see docs/run.md, Recovery") from None


def plan_content(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values: the schema of `plan --format json`, docs/plan.md."""
    content: dict[str, Any] = _plans().dump_python(plan, mode="json")
    return {"format": "reconciler plan", "version": PLAN_VERSION, "plan": content}


def encode_plan(plan: Plan) -> bytes:
    """The plan as a file, with a checksum that tells an edit."""
    content = plan_content(plan)
    return json.dumps(content | {"checksum": _checksum(content)}, indent=1, sort_keys=True).encode() + b"\n"


def decode_plan(data: bytes, where: str) -> Plan:
    """The plan that a file holds. StalePlanError if it was edited, StateError for what is no plan."""
    remedy = "make a new one with `plan --out`"
    content = _parse(data, "reconciler plan", PLAN_VERSION, where, remedy)
    if content.pop("checksum", None) != _checksum(content):
        raise StalePlanError(f"{where}: the plan was edited after it was made", remedy)
    try:
        return _plans().validate_python(content.get("plan"))
    except ValidationError as problem:
        raise StateError(f"{where}: not a whole plan: {_first(problem)}", remedy) from None


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _parse(data: bytes, kind: str, newest: int, where: str, remedy: str) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise StateError(f"{where}: not JSON, maybe cut short: {problem}", remedy) from None
    if not isinstance(content, dict) or content.get("format") != kind:
        raise StateError(f"{where}: this is no {kind} file", remedy)
    version = content.get("version")
    if not isinstance(version, int) or not 1 <= version <= newest:
        raise StateError(
            f"{where}: version {version} of the {kind} format; this reconciler reads up to {newest}",
            "use the newer reconciler that wrote it",
        )
    return content


def _first(problem: ValidationError) -> str:
    """What is wrong first, without the value: a damaged file may hold anything."""
    item = problem.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
