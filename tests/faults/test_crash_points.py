"""A process that really dies at every request and write to the disk; answers that are lost; disks that fail.

After each, a plain run converges: the next plan is empty, every object exists once, no secret that is in use is lost,
the stored one is what the server takes, and what belongs to others is as it was. Each run of the tests tries every
request of a first apply, and a part of the rest; with EVERY_POINT=1, as `make faults` says, all points are tried.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from acceptance import wanted
from acceptance.cases import client, portal
from acceptance.workplace import merged
from cli.terminal import Terminal, flat
from faults import figures
from faults.dying import BROKEN, NOWHERE, Point, Seen, strike
from faults.strangers import Strangers, converges, says_no_secret

from reconciler.core.journal import Applied, Event, Intended
from reconciler.engine.statestore import OpenState
from reconciler.errors import ExitCode
from reconciler.sandbox.faults import READS, Fault, Kind
from reconciler.sandbox.serve import Sandbox

EVERY = bool(os.environ.get("EVERY_POINT"))
APPLY = ("apply", "--auto-approve", "--parallelism", "1")


@dataclass(frozen=True)
class Reference:
    """A run that is broken off at each of its points: what is there before (None: nothing), and what is asked for."""

    old: dict[str, Any] | None
    new: dict[str, Any]
    allowed: tuple[str, ...]
    stride: int
    """Of its requests one of so many is tried, and of its writes to the disk one of six times so many."""

    @property
    def command(self) -> tuple[str, ...]:
        return (*APPLY, *(f"--allow={name}" for name in self.allowed))


RUNS = {
    "the first apply": Reference(None, {}, ("locks-out",), 1),
    "a change of everything": Reference(
        portal(claims={"nick": "email"}),
        merged(client(name="Sign-on", client_id="sso2"), {"groups": {"beta": {"system": "clavex"}}}),
        ("locks-out", "deletes", "replaces", "too-much"),
        4,
    ),
}


@dataclass
class Ground:
    """Where a reference run is made again and again, each time as new."""

    sandbox: Sandbox
    folder: Path
    reference: Reference
    number: int = field(default=0, init=False)

    def fresh(self) -> tuple[Terminal, Strangers]:
        """All as it is before the run."""
        self.number += 1
        self.sandbox.reset()
        for served in self.sandbox.served:
            served.faults.requests = []
        terminal = Terminal(self.sandbox, self.folder / str(self.number))
        if self.reference.old is not None:
            terminal.write(self.reference.old)
            terminal.apply("locks-out").ended(ExitCode.DONE)
        terminal.write(self.reference.new)
        strangers = Strangers(self.sandbox)
        for served in self.sandbox.served:
            served.faults.reset_counts()
        return terminal, strangers

    def count(self) -> Seen:
        """The run, undisturbed."""
        terminal, strangers = self.fresh()
        seen = strike(terminal, NOWHERE, *self.reference.command)
        assert seen.ran
        seen.ran.ended(ExitCode.DONE)
        proofs = sum(path.endswith("/token") for _, path in self.sandbox.clavex.faults.requests)
        assert seen.requests == sum(served.faults.writes for served in self.sandbox.served) + proofs
        self.recover(terminal, strangers)
        return seen

    def recover(self, terminal: Terminal, strangers: Strangers) -> None:
        """A plain run converges, and nothing was lost."""
        kept = used_secrets(terminal)
        converges(terminal, strangers, *self.reference.allowed)
        assert kept.items() <= terminal.stored_secrets().items()
        for name in terminal.spec["clients"]:
            prove(terminal, name)
        says_no_secret(terminal)


def used_secrets(terminal: Terminal) -> dict[str, str]:
    """The stored secrets of clients that the spec wants that the server takes and a sign-on has already."""
    wants = {wanted.client_id(terminal.spec, name) for name in terminal.spec["clients"]}
    rows = terminal.sandbox.clavex.world.clients.values()
    digests = {row.secret_digest for row in rows if row.client_id in wants}
    given = [idp.client_secret.get_secret_value() for idp in terminal.sandbox.confluence.world.idps.values()]
    given.append(json.dumps(terminal.sandbox.jira.world.miniorange))
    path = terminal.home / "acme.secrets"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    stored = {line["name"]: line["value"] for line in map(json.loads, lines)}
    return {
        name: value
        for name, value in stored.items()
        if hashlib.sha256(value.encode()).hexdigest() in digests and any(value in text for text in given)
    }


def prove(terminal: Terminal, name: str) -> None:
    """The token endpoint takes the stored secret: it refuses the code, not the client."""
    form = {"grant_type": "authorization_code", "code": "none", "redirect_uri": "https://x.example/"}
    form |= {
        "client_id": wanted.client_id(terminal.spec, name),
        "client_secret": wanted.client_secret(terminal, name),
    }
    request = Request(f"{terminal.sandbox.clavex.url}/acme/token", urlencode(form).encode())
    with pytest.raises(HTTPError) as refusal:
        urlopen(request, timeout=10)
    with refusal.value as answer:
        assert json.load(answer)["error"] == "invalid_grant"


@pytest.fixture(params=RUNS)
def ground(request: pytest.FixtureRequest, shared_sandbox: Sandbox, tmp_path: Path) -> Ground:
    return Ground(shared_sandbox, tmp_path, RUNS[request.param])


def try_all(ground: Ground, points: Sequence[Point], counted: str) -> None:
    """Each is reached, and the run after it converges."""
    for point in points:
        terminal, strangers = ground.fresh()
        seen = strike(terminal, point, *ground.reference.command)
        assert seen.ran is None, f"{point} was not reached"
        try:
            ground.recover(terminal, strangers)
        except AssertionError as problem:
            raise AssertionError(f"after {point}: {problem}") from problem
        figures.COUNTS[counted] += 1


def some(ground: Ground, numbers: Iterable[int], share: int = 1) -> list[int]:
    """Those of them that are tried: all, or one of so many."""
    return list(numbers)[:: 1 if EVERY else share * ground.reference.stride]


def test_a_process_that_dies_at_each_request(ground: Ground) -> None:
    """Before it was sent, and when its answer has come and nothing was done with it."""
    reference = ground.count()
    points = [
        Point(way, number) for number in some(ground, range(reference.requests)) for way in ("unsent", "answered")
    ]
    if EVERY or ground.reference.stride == 1:
        assert len(points) == 2 * reference.requests > 20
    try_all(ground, points, "crash points at requests")
    assert strike(ground.fresh()[0], Point("unsent", reference.requests), *ground.reference.command).ran


def test_a_process_that_dies_at_each_write_to_the_disk(ground: Ground) -> None:
    """Before it, half-way in it, and before it with all that was not synced lost, as when the power fails."""
    reference = ground.count()
    assert {"write", "fsync", "replace", "link", "unlink", "mkdir"} >= set(reference.writes) >= {"write", "replace"}
    every = range(len(reference.writes))
    torn = [number for number in every if reference.writes[number] == "write"]
    points = [Point(way, number) for way in ("unwritten", "power") for number in some(ground, every, 6)]
    points += [Point("torn", number) for number in some(ground, torn, 6)]
    if EVERY:
        assert len(points) == 2 * len(reference.writes) + reference.writes.count("write")
    try_all(ground, points, "crash points at writes to the disk")
    beyond = strike(ground.fresh()[0], Point("unwritten", len(every)), *ground.reference.command)
    assert beyond.ran
    assert beyond.writes == reference.writes


@pytest.mark.parametrize("way", BROKEN)
def test_a_disk_that_fails_from_a_write_on(ground: Ground, way: str) -> None:
    """The run says so unless all is committed, so that the state is never older than it seems."""
    reference = ground.count()
    for number in some(ground, range(len(reference.writes)), 12):
        terminal, strangers = ground.fresh()
        seen = strike(terminal, Point(way, number), *ground.reference.command)
        assert seen.ran
        if seen.ran.code == ExitCode.DONE:
            assert terminal.plan()["changes"] == []
        else:
            assert seen.ran.code in {ExitCode.ERROR, ExitCode.PARTLY}
            assert os.strerror(BROKEN[way]) in flat(seen.ran.out + seen.ran.err)
        ground.recover(terminal, strangers)
        figures.COUNTS["disks that failed"] += 1


class Cut(list[tuple[str, str]]):
    """The requests of a system; the answer to one that writes, the `left`th of all systems, gets lost."""

    def __init__(self, served: Any, left: list[int]) -> None:
        super().__init__()
        self._served, self._left = served, left

    def append(self, request: tuple[str, str]) -> None:
        super().append(request)
        if request[0] not in READS:
            if self._left[0] == 0:
                self._served.faults.add(Fault(kind=Kind.CUT_AFTER))
            self._left[0] -= 1


def test_each_answer_is_lost(ground: Ground) -> None:
    """The server has acted, and the connection is cut."""
    reference = ground.count()
    for number in some(ground, range(reference.requests)):
        terminal, strangers = ground.fresh()
        left = [number]
        for served in ground.sandbox.served:
            served.faults.requests = Cut(served, left)
        ran = terminal.run(*ground.reference.command)
        assert left[0] < 0, "it was not reached"
        assert ran.code in {ExitCode.DONE, ExitCode.PARTLY}
        ground.recover(terminal, strangers)
        figures.COUNTS["answers lost"] += 1


# --- a bug is caught ----------------------------------------------------------------------------------------------


def unwritten_intentions(state: OpenState, event: Event) -> None:
    """The bug: nobody writes down that a step begins."""
    if not isinstance(event, Intended):
        WRITE(state, event)


def unsynced_journal(state: OpenState, event: Event) -> None:
    """The bug: nobody waits until an intention is on the disk."""
    state._events.append(event)
    state.backend.append(state.codec.encode_event(event), wait=False)


def forgotten_ends(state: OpenState, event: Event) -> None:
    """The bug: the state is committed without what was done last."""
    WRITE(state, event)
    if isinstance(event, Applied):
        state._events.pop()


WRITE = OpenState._write


@pytest.mark.parametrize(
    ("bug", "way"), [(unwritten_intentions, "answered"), (unsynced_journal, "power"), (forgotten_ends, "power")]
)
def test_a_bug_in_the_journal_is_caught(
    shared_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: Any, way: str
) -> None:
    ground = Ground(shared_sandbox, tmp_path, RUNS["the first apply"])
    seen = ground.count()
    monkeypatch.setattr(OpenState, "_write", bug)
    terminal, _ = ground.fresh()
    counted = strike(terminal, NOWHERE, *ground.reference.command)
    number = counted.requests if way == "answered" else len(counted.writes)
    assert seen.requests == counted.requests
    with pytest.raises(AssertionError, match=r"^after Point"):
        try_all(ground, [Point(way, at) for at in range(number)], "")
