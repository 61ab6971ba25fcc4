"""A process that really dies at every request and write to the disk; answers that are lost; disks that fail.

After each, a plain run converges: the next plan is empty, every object exists once, no secret that is in use is lost,
the stored one is what the server takes, and what belongs to others is as it was. Each run of the tests tries every
request of a first apply, and a part of the rest; with EVERY_POINT=1, as `make faults` says, all points are tried.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from cli.terminal import flat
from faults import figures
from faults.dying import BROKEN, NOWHERE, Point
from faults.ground import EVERY, RUNS, Ground, some, try_all

from reconciler.core.journal import Applied, Event, Intended
from reconciler.engine.statestore import OpenState
from reconciler.errors import ExitCode
from reconciler.sandbox.faults import READS, Fault, Kind
from reconciler.sandbox.serve import Sandbox


@pytest.fixture(params=RUNS)
def ground(request: pytest.FixtureRequest, shared_sandbox: Sandbox, tmp_path: Path) -> Ground:
    return Ground(shared_sandbox, tmp_path, RUNS[request.param])


def test_a_process_that_dies_at_each_request(ground: Ground) -> None:
    """Before it was sent, and when its answer has come and nothing was done with it."""
    reference = ground.count()
    points = [
        Point(way, number) for number in some(ground, range(reference.requests)) for way in ("unsent", "answered")
    ]
    if EVERY or ground.reference.stride == 1:
        assert len(points) == 2 * reference.requests > 20
    try_all(ground, points, "crash points at requests")
    assert ground.strike(ground.fresh()[0], Point("unsent", reference.requests)).ran


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
    beyond = ground.strike(ground.fresh()[0], Point("unwritten", len(every)))
    assert beyond.ran
    assert beyond.writes == reference.writes


@pytest.mark.parametrize("way", BROKEN)
def test_a_disk_that_fails_from_a_write_on(ground: Ground, way: str) -> None:
    """The run says so unless all is committed, so that the state is never older than it seems."""
    reference = ground.count()
    for number in some(ground, range(len(reference.writes)), 12):
        terminal, strangers = ground.fresh()
        seen = ground.strike(terminal, Point(way, number))
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
    counted = ground.strike(terminal, NOWHERE)
    number = counted.requests if way == "answered" else len(counted.writes)
    assert seen.requests == counted.requests
    with pytest.raises(AssertionError, match=r"^after Point"):
        try_all(ground, [Point(way, at) for at in range(number)], "")
