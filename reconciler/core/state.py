"""What we recorded: which objects are ours, and what we last applied to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reconciler.core.address import Address
from reconciler.core.resource import Attributes, OnRemove


class Origin(StrEnum):
    """How an object came under management. An adopted object is never deleted by leaving the spec."""

    CREATED = "created"
    ADOPTED = "adopted"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is recorded of one resource.

    `applied` are the attributes as last applied (secrets as handles), `fingerprints` those of the secrets that
    were written. `found` are the values that settings or an adopted object had before us. `awaiting`: a person
    still has to carry out what was handed over. `deposed` are the ids of objects that replacements left behind.
    `shared` names the sets of which only our own members are managed. `formerly` are the addresses that it was moved
    from, while the object may still bear their mark. `secret_since` is when the server made the object's secret, or,
    where nobody recorded that, when we began to count; None before that.
    """

    remote_id: str
    origin: Origin
    applied: Attributes
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[Address, ...] = ()
    on_remove: OnRemove = OnRemove.DELETE
    found: Attributes = field(default_factory=dict)
    awaiting: bool = False
    deposed: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    formerly: tuple[Address, ...] = ()
    secret_since: datetime | None = None

    @property
    def begun(self) -> bool:
        """Whether a create began whose end nobody knows: there may be an object, and nobody knows its id."""
        return not self.remote_id and not self.awaiting


@dataclass(frozen=True, slots=True)
class SystemRecord:
    """Which installation a system of the spec was when we last applied: the guard against a moved host.

    `credential` is the handle of what was sent there, so that it is sent nowhere else unasked. `facts` were found
    out once, such as the organisation's id, so that they need not be asked again. `route` is the way that the spec
    had it asked by, a proxy or a CA of its own.
    """

    provider: str
    url: str
    org: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    credential: str = ""
    route: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """The whole memory of one stack in one environment.

    `lineage` never changes, `serial` grows by one with each commit. `in_doubt` holds the addresses of steps that
    began and whose end nobody recorded, with the kind of step. `key_store` is the secret store that the key of the
    fingerprints lies in.
    """

    stack: str
    environment: str
    lineage: str
    serial: int = 0
    systems: Mapping[str, SystemRecord] = field(default_factory=dict)
    entries: Mapping[Address, Entry] = field(default_factory=dict)
    in_doubt: Mapping[Address, str] = field(default_factory=dict)
    key_store: str = ""
