"""The plan: what would be done, why, in which steps; what drifted; what is dangerous. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.core.address import Address
from reconciler.core.resource import Attributes, OnRemove, Value
from reconciler.core.state import Origin, SystemRecord
from reconciler.diagnostic import Diagnostic


class Action(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    ADOPT = "adopt"
    FORGET = "forget"


class Cause(StrEnum):
    """Why an attribute differs: the spec was changed, somebody changed it remotely, it was never ours, a secret."""

    SPEC = "spec"
    DRIFT = "drift"
    FOUND = "found"
    SECRET = "secret"  # noqa: S105 - a word


class StepKind(StrEnum):
    """One thing done to one object. Each is journaled by itself."""

    CREATE = "create"
    EXPAND = "expand"
    UPDATE = "update"
    ROTATE = "rotate"
    MARK = "mark"
    RECORD = "record"
    CONTRACT = "contract"
    DELETE = "delete"
    RELEASE = "release"


class Phase(StrEnum):
    """When a step runs: early, before what depends on the resource; late, after all of it."""

    EARLY = "early"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One attribute, from observed to wanted. Secrets show neither value."""

    name: str
    before: Value
    after: Value
    cause: Cause
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `attributes` are the values it writes, secrets as handles.

    A delete of what a replacement leaves behind names it in `remote_id`; every other step is about the object itself.
    """

    kind: StepKind
    phase: Phase = Phase.EARLY
    attributes: Attributes = field(default_factory=dict)
    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What would be done to one resource.

    `wanted` is the whole desired resource (for a delete or a forget: what was last applied); `observed` are the
    remote values that the plan rests on, for the attributes that would be written. `manual`: a person must do it.
    """

    address: Address
    action: Action
    reason: str
    steps: tuple[Step, ...]
    wanted: Attributes
    attributes: tuple[AttributeChange, ...] = ()
    observed: Attributes = field(default_factory=dict)
    remote_id: str = ""
    origin: Origin = Origin.CREATED
    depends_on: tuple[Address, ...] = ()
    on_remove: OnRemove = OnRemove.DELETE
    shared: tuple[str, ...] = ()
    manual: bool = False


class DriftKind(StrEnum):
    """How an object differs from what we last applied."""

    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Drift:
    """An object that is no longer as we last applied it; attributes go from applied to observed."""

    address: Address
    kind: DriftKind
    attributes: tuple[AttributeChange, ...] = ()


class HazardName(StrEnum):
    """The dangers that need permission by name."""

    DELETES = "deletes"
    REPLACES = "replaces"
    ROTATES = "rotates"
    TAKES_OVER = "takes-over"
    LOCKS_OUT = "locks-out"
    TOO_MUCH = "too-much"
    MOVES_HOST = "moves-host"
    NEW_HOST = "new-host"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Hazard:
    """One danger in a plan. `subject` is an address or a system's name."""

    name: HazardName
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Unread:
    """An address of which nobody knows what is there; nothing is planned for it or for what needs it."""

    address: Address
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that one look at the spec, the state and the systems says should be done."""

    stack: str
    environment: str
    lineage: str
    serial: int
    changes: tuple[Change, ...] = ()
    drift: tuple[Drift, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    unread: tuple[Unread, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    unchanged: int = 0
    systems: Mapping[str, SystemRecord] = field(default_factory=dict)
    spec_digest: str = ""
