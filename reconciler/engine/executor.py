"""Carries out a plan: every step in its order, side by side where nothing forbids it, journaled on both sides.

A step that fails takes down what waits for it and nothing else. A step whose end is unknown is read back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from queue import SimpleQueue
from threading import Event as Flag
from threading import Lock
from traceback import extract_tb
from typing import TYPE_CHECKING

from reconciler.core.journal import Applied, Event, Failed, InDoubt, Intended
from reconciler.core.outcome import Status, StepResult
from reconciler.core.plan import StepKind
from reconciler.core.schedule import Node, order
from reconciler.core.state import Entry, Origin
from reconciler.engine.performing import Doubt, Performed, Performer, Refused
from reconciler.errors import InDoubtError, ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.address import Address
    from reconciler.core.plan import Change, Plan, Step
    from reconciler.core.schedule import Graph


@dataclass(slots=True)
class Executor:
    """Runs the steps of one plan.

    `record` makes an event durable. `progress` is told of each step that ended, and of how many there are.
    """

    performer: Performer
    record: Callable[[Event], None]
    progress: Callable[[StepResult, int], None]
    stop: Flag
    workers: int
    _documents: dict[tuple[str, str], Lock] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    def run(self, plan: Plan) -> tuple[StepResult, ...]:
        """Every step's result, in the order in which they ended."""
        changes = {change.address: change for change in plan.changes}
        self._documents = {
            (address.system, address.type): Lock()
            for address in changes
            if (known := self.performer.types.get((address.system, address.type))) and known.document
        }
        rested = {address: entry.depends_on for address, entry in self.performer.state.entries.items()}
        graph = order(plan.changes, rested)
        results: list[StepResult] = []
        with ThreadPoolExecutor(max_workers=self.workers) as pool:
            self._drain(graph, changes, pool, results)
        return tuple(results)

    def _drain(
        self, graph: Graph, changes: Mapping[Address, Change], pool: ThreadPoolExecutor, results: list[StepResult]
    ) -> None:
        sorter = TopologicalSorter(graph)
        sorter.prepare()
        ended: SimpleQueue[tuple[Node, StepResult]] = SimpleQueue()
        undone: dict[Node, StepResult] = {}  # a step that was not done -> the result it goes back to
        while sorter.is_active():
            for node in sorted(sorter.get_ready()):
                change = changes[node.address]
                cause = next((undone[before] for before in sorted(graph[node]) if before in undone), None)
                if cause is not None or self.stop.is_set():
                    ended.put((node, _skipped(change, change.steps[node.step], cause)))
                    if cause is not None:
                        undone[node] = cause
                else:
                    pool.submit(self._run_step, node, change, change.steps[node.step], ended)
            node, result = ended.get()
            if result.status is not Status.DONE:
                undone.setdefault(node, result)
            results.append(result)
            self.progress(result, len(graph))
            sorter.done(node)

    def _run_step(self, node: Node, change: Change, step: Step, ended: SimpleQueue[tuple[Node, StepResult]]) -> None:
        started = time.monotonic()
        if self.stop.is_set():
            ended.put((node, _skipped(change, step, None)))
            return
        try:
            result = self._journaled(change, step)
        except ReconcilerError as problem:  # the journal itself could not be written
            self.stop.set()
            text = f"it was carried out, but that could not be recorded: {problem.message}"
            result = StepResult(change.address, step.kind, Status.IN_DOUBT, text, problem.remedy)
        except Exception as problem:  # noqa: BLE001 - a bug in one handler must not hang the others
            self.stop.set()
            frame = extract_tb(problem.__traceback__)[-1]
            text = f"an unexpected {type(problem).__name__} at {frame.filename}:{frame.lineno}"
            result = StepResult(change.address, step.kind, Status.IN_DOUBT, text, "please report it")
        now = time.monotonic()
        ended.put((node, replace(result, seconds=now - started, ended=now - self._began)))

    def _journaled(self, change: Change, step: Step) -> StepResult:
        """One step, with its intention and its end recorded."""
        try:
            self.record(Intended(change.address, step.kind, _begun(change, step)))
        except ReconcilerError as problem:
            self.stop.set()
            with suppress(ReconcilerError):  # a commit may still say that nothing is in doubt
                self.record(Failed(change.address, step.kind, problem.message))
            return StepResult(change.address, step.kind, Status.FAILED, problem.message, problem.remedy)
        lock = self._documents.get((change.address.system, change.address.type))
        try:
            if lock is None:
                end = self.performer.perform(change, step)
            else:
                with lock:
                    end = self.performer.perform(change, step)
        except InDoubtError as problem:
            end = Doubt(problem.message, problem.remedy)
        except ReconcilerError as problem:
            end = Refused(problem.message, problem.remedy)
        match end:
            case Performed(entry, instructions):
                self.record(Applied(change.address, step.kind, entry))
                status = Status.MANUAL if instructions else Status.DONE
                return StepResult(change.address, step.kind, status, "\n".join(instructions))
            case Doubt(message, remedy):
                self.record(InDoubt(change.address, step.kind, message))
                return StepResult(change.address, step.kind, Status.IN_DOUBT, message, remedy)
            case Refused(message, remedy, entry):
                if entry is not None:
                    self.record(Applied(change.address, step.kind, entry))
                else:
                    self.record(Failed(change.address, step.kind, message))
                return StepResult(change.address, step.kind, Status.FAILED, message, remedy)


def _begun(change: Change, step: Step) -> Entry | None:
    """What is recorded of an object while its create runs: all but its id."""
    if step.kind is not StepKind.CREATE:
        return None
    return Entry(
        "",
        Origin.CREATED,
        change.wanted,
        depends_on=change.depends_on,
        on_remove=change.on_remove,
        shared=change.shared,
    )


def _skipped(change: Change, step: Step, cause: StepResult | None) -> StepResult:
    """The result of a step that was never begun. What waits for a person is not lost, only later."""
    if cause is None:
        return StepResult(change.address, step.kind, Status.SKIPPED, "the run was stopped before it")
    if cause.status is Status.MANUAL:
        return StepResult(change.address, step.kind, Status.MANUAL, f"it waits until {cause.address} is carried out")
    which = "an earlier step of it" if cause.address == change.address else str(cause.address)
    return StepResult(change.address, step.kind, Status.SKIPPED, f"{which} was not done")
