"""What every handler owes, whatever it handles: one function for each duty, run over a `Case`.

A contract test lists its cases and runs all of `DUTIES` over each:

    @pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.__name__)
    @pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
    def test_duty(make, duty, sandbox):
        duty(make(sandbox))
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from unittest.mock import patch

import pytest
from pydantic import SecretStr

from reconciler.core.address import Address
from reconciler.core.observed import Absent, Lookup, Observation, Owner, Present, Unreadable
from reconciler.core.resource import Attributes, Kind, Mark, ResourceType
from reconciler.errors import ManualError, ReconcilerError
from reconciler.ports import Handler, RotatingHandler, Write, Written

UNSHOWN = Mark.SECRET | Mark.GENERATED | Mark.LOCAL


def nothing() -> None:
    """What a person has to do where nothing is manual."""


@dataclass(frozen=True)
class Case:
    """A handler over a server that is as new.

    attributes: the whole wanted resource, secrets as handles; `secrets` are their values by attribute.
    changes: other values for some attributes; empty where an object has nothing that can change.
    stranger: the attributes of an object that does not exist.
    count: how many objects with the key of `attributes` the server has.
    rest: all that the server has and this resource does not manage; equal before and after a write.
    dump: all that the server has, as text, secrets in clear.
    requests: method and path of every request so far.
    fail: from now on the server fails.
    settle: what a person does after a write that is manual.
    """

    type: ResourceType
    handler: Handler
    address: Address
    attributes: Attributes
    changes: Attributes
    stranger: Attributes
    count: Callable[[], int]
    rest: Callable[[], object]
    dump: Callable[[], str]
    requests: Callable[[], Sequence[tuple[str, str]]]
    fail: Callable[[], None]
    settle: Callable[[], None] = nothing
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)
    owner: Owner | None = None

    def create(self) -> Written:
        """The object as wanted; what a person has to do is done."""
        write = Write(
            self.address, self.attributes, frozenset(self.attributes), owner=self.owner, secrets=self.secrets
        )
        written = self.handler.create(write)
        self.settle()
        return written

    def update(self, remote_id: str) -> Written:
        """The object as changed; what a person has to do is done."""
        attributes = {**self.attributes, **self.changes}
        written = self.handler.update(
            Write(self.address, attributes, frozenset(self.changes), remote_id, owner=self.owner)
        )
        self.settle()
        return written

    def delete(self, remote_id: str) -> None:
        """The object is gone; what a person has to do is done."""
        with suppress(ManualError):
            self.handler.delete(Write(self.address, self.attributes, remote_id=remote_id, owner=self.owner))
        self.settle()

    def read(self, remote_id: str | None = None) -> Observation:
        """What stands at the address."""
        lookup = Lookup(self.address, self.attributes, remote_id)
        return self.handler.read([lookup])[self.address]


def answers_for_every_address(case: Case) -> None:
    other = Address(case.address.system, case.address.type, "a-stranger")
    wanted = [Lookup(case.address, case.attributes), Lookup(other, case.stranger, "no-such-id")]
    found = case.handler.read(wanted)
    assert set(found) == {case.address, other}
    assert case.handler.read([]) == {}
    if case.type.kind is Kind.OBJECT:
        assert found == {case.address: Absent(), other: Absent()}


def a_read_that_fails_is_never_an_absence(case: Case) -> None:
    written = case.create()
    case.fail()
    found = case.read(written.remote_id)
    assert isinstance(found, Unreadable)
    assert found.reason


def what_is_read_back_equals_what_was_written(case: Case) -> None:
    written = case.create()
    for remote_id in (written.remote_id, None):
        _assert_shows(case, case.read(remote_id), case.attributes, written.remote_id)
    for name in case.type.having(Mark.GENERATED):
        assert (written.secret is not None) is (name in case.attributes)


def create_never_makes_a_second_object(case: Case) -> None:
    if case.type.kind is Kind.SETTINGS:
        return
    case.create()
    with suppress(ReconcilerError):
        case.create()
    assert case.count() == 1


def update_keeps_what_it_does_not_manage(case: Case) -> None:
    written = case.create()
    before = case.rest()
    if case.changes:
        again = case.update(written.remote_id)
        assert again.remote_id == written.remote_id
        _assert_shows(case, case.read(written.remote_id), {**case.attributes, **case.changes}, written.remote_id)
    assert case.rest() == before


def deleting_what_is_gone_succeeds(case: Case) -> None:
    before = case.rest()
    written = case.create()
    case.delete(written.remote_id)
    if case.type.kind is Kind.OBJECT:
        assert case.count() == 0
        assert case.read(written.remote_id) == Absent()
        case.delete(written.remote_id)
    assert case.rest() == before


def no_secret_is_but_in_its_place(case: Case) -> None:
    texts = [secret.get_secret_value() for secret in case.secrets.values()]
    with _records() as records:
        written = case.create()
        shown = [repr(written), repr(case.read(written.remote_id))]
        case.fail()
        shown.append(repr(case.read(written.remote_id)))
        try:
            case.create()
        except ReconcilerError as problem:
            shown += [str(problem), repr(problem), repr(problem.__context__)]
    if written.secret is not None:
        texts.append(written.secret.get_secret_value())
    for text in texts:
        assert not any(text in line for line in [*shown, *records])
        assert case.dump().count(text) <= 1


def nothing_is_logged_waited_for_or_repeated(case: Case) -> None:
    with _records() as records, patch("time.sleep", side_effect=AssertionError("a handler waits")):
        written = case.create()
        case.fail()
        for act in (case.read, case.create, lambda: case.update(written.remote_id)):
            before = len(case.requests())
            with suppress(ReconcilerError):
                act()
            made = case.requests()[before:]
            assert len(made) == len(set(made))
    assert records == []


def a_generated_secret_can_be_proved_and_rotated(case: Case) -> None:
    generated = [name for name in case.type.having(Mark.GENERATED) if name in case.attributes]
    if not generated:
        return
    assert isinstance(case.handler, RotatingHandler)
    written = case.create()
    assert written.secret is not None
    write = Write(case.address, case.attributes, remote_id=written.remote_id, owner=case.owner)
    second = case.handler.rotate(write).secret
    assert second is not None
    for value, right in ((written.secret, False), (second, True)):
        proof = Write(
            case.address,
            case.attributes,
            remote_id=written.remote_id,
            secrets={generated[0]: value},
            owner=case.owner,
        )
        assert case.handler.prove(proof) is right


DUTIES: tuple[Callable[[Case], None], ...] = (
    answers_for_every_address,
    a_read_that_fails_is_never_an_absence,
    what_is_read_back_equals_what_was_written,
    create_never_makes_a_second_object,
    update_keeps_what_it_does_not_manage,
    deleting_what_is_gone_succeeds,
    no_secret_is_but_in_its_place,
    nothing_is_logged_waited_for_or_repeated,
    a_generated_secret_can_be_proved_and_rotated,
)


def _assert_shows(case: Case, found: Observation, expected: Attributes, remote_id: str) -> None:
    if not isinstance(found, Present):
        pytest.fail(f"not there: {found}")
    assert found.remote_id == remote_id
    wanted = {name: value for name, value in expected.items() if not case.type.attributes[name] & UNSHOWN}
    assert {name: found.attributes.get(name, value) for name, value in wanted.items()} == wanted
    assert set(found.attributes) <= set(case.type.attributes)
    if case.type.marked:
        assert found.owner == case.owner


@contextmanager
def _records() -> Iterator[list[str]]:
    """What the product logs meanwhile."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, keeper = logging.getLogger("reconciler"), Keeper(level=0)
    level = logger.level
    logger.addHandler(keeper)
    logger.setLevel(1)
    try:
        yield lines
    finally:
        logger.removeHandler(keeper)
        logger.setLevel(level)
