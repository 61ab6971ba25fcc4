"""`apply`: makes it so. These lines in this order are the whole pipeline; docs/run.md tells the story."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING

from reconciler.core.comparison import Comparison
from reconciler.core.doors import closing
from reconciler.core.outcome import Outcome, StepResult, measure
from reconciler.core.plan import HazardName, Plan
from reconciler.core.policy import refused
from reconciler.core.secret import Handle
from reconciler.diagnostic import Severity
from reconciler.engine.executor import Executor
from reconciler.engine.performing import Performer
from reconciler.engine.statestore import OpenState
from reconciler.errors import IncompleteError, RefusedError, SpecError, StateError
from reconciler.flows.checks import check_stores, compare, compare_places
from reconciler.flows.doors import Door, find_doors, keeps_open, left_open, notes, permitted, without
from reconciler.flows.place import Place, lock_info
from reconciler.flows.plan import judged
from reconciler.flows.world import World, emptied, look
from reconciler.render.wording import allowing, listed, number
from reconciler.transport.http import Access

if TYPE_CHECKING:
    from reconciler.core.check import Diagnosis
    from reconciler.core.plan import Hazard
    from reconciler.flows.account import Account
    from reconciler.flows.trial import Trials  # noqa: TC004 - no annotation is evaluated; 20 ms for few applies


@dataclass(frozen=True, slots=True)
class Verification:
    """What an apply was asked to prove: with a test account, or without."""

    user: str = ""
    password: Handle | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: a saved plan or the spec as it is; which hazards are allowed; whether to take all down.

    `verification`: whether logins are tried before and after.
    """

    place: Place
    allowed: frozenset[str] = frozenset()
    saved: Plan | None = None
    destroy: bool = False
    verification: Verification | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How the run talks.

    `show` sees the plan and the hazards that are permitted, `tell` what else is to be known before; `progress` each
    step that ended and how many there are. `stoppable` lasts while steps are carried out; the flag that it gives ends
    the run between two.
    """

    show: Callable[[Plan, frozenset[str]], None]
    tell: Callable[[Sequence[str]], None]
    confirm: Callable[[], bool]
    progress: Callable[[StepResult, int], None]
    stoppable: Callable[[], AbstractContextManager[Event]]


def apply(request: Request, dialogue: Dialogue) -> Outcome | None:
    """What was done; None if the person said no. The second run of the same spec does nothing."""
    place, asked = request.place, request.verification
    spec = place.read_spec()
    if request.saved is not None:
        compare_places(request.saved, spec.intent)
    if request.destroy:
        spec = replace(spec, intent=emptied(spec.intent))
    with (
        place.state_store(spec).open(lock_info("apply")) as store,
        look(place, spec, store.state, store.backend, Access.WRITE, allowed=request.allowed) as world,
    ):
        sealing = store.codec.encrypts and not store.fits
        plan = judged(world)
        if request.saved is not None:
            compare(request.saved, plan, spec.digest)
        if errors := [item for item in plan.diagnostics if item.severity is Severity.ERROR]:
            raise SpecError(errors)
        account = _find_account(world, asked) if asked else None
        doors = find_doors(plan, world, request.allowed, account)
        if plan.changes or plan.unread:
            allowed = request.allowed | permitted(doors)
            plan = replace(plan, diagnostics=(*plan.diagnostics, *notes(doors)))
            dialogue.show(plan, allowed)
            closed = {str(change.address) for change in closing(plan, world.situation.types)}
            refuse(refused(plan.hazards, allowed), closed)
        if not plan.changes:
            known, key_store = store.state, check_stores(plan, world)
            remembered = (world.systems, key_store) == (known.systems, known.key_store)
            if not (remembered and store.settled):  # permitted to move; a run died; encrypted from now on
                store.begin(world.systems, key_store)
                store.commit()
            return Outcome((), store.state.serial, advice=_remains(store) if sealing else "")
        if not dialogue.confirm():
            return None
        key_store = check_stores(plan, world)
        trials = _find_trials(place, world, plan, account) if asked else None
        with dialogue.stoppable() as stop:
            run = _Run(world, store, key_store, dialogue, stop, place.parallelism, trials)
            outcome = run.carry_out(plan, doors)
            return replace(outcome, advice=_remains(store)) if sealing else outcome


def _remains(store: OpenState) -> str:
    """What can still be read of a state that was plain, now that it is encrypted."""
    where = store.backend.where
    try:
        sealed = store.seal_past()
    except StateError:
        sealed = False
    if sealed:
        return (
            f"the state in {where} is encrypted from now on, and so are the past states that `reconciler state "
            "history` lists. Copies that others made of it while it was plain stay readable: backups of the disk or "
            "database, and the old versions of objects in a bucket that keeps them. Remove those where they lie"
        )
    return (
        f"the state in {where} is encrypted from now on. Older ones that its server keeps stay readable, and nothing "
        "here can reach them: remove them there (GitLab: Operate > Terraform states)"
    )


def _find_account(world: World, asked: Verification) -> Account | None:
    from reconciler.flows.verify import find_account  # 20 ms, with a browser; few applies verify

    return find_account(world.secrets, asked.user, asked.password)


def _find_trials(place: Place, world: World, plan: Plan, account: Account | None) -> Trials | None:
    from reconciler.flows.trial import find_trials

    return find_trials(place, world.intent, plan, account)


def carry_out(
    plan: Plan,
    world: World,
    store: OpenState,
    stop: Event,
    progress: Callable[[StepResult, int], None],
    parallelism: int,
) -> Outcome:
    """What became of the steps of a plan, committed. The store has begun."""
    situation = world.situation
    performer = Performer(store.state, situation.types, world.handlers, world.secrets, situation.refused)
    workers = 2 * parallelism - 1  # some wait for the disk while the requests of others are on their way
    results = Executor(performer, store.record, progress, stop, workers).run(plan)
    windows = measure(situation.desired, results)
    return Outcome(results, store.commit().serial, windows=windows)


@dataclass(frozen=True, slots=True)
class _Run:
    """One plan being carried out."""

    world: World
    store: OpenState
    key_store: str
    dialogue: Dialogue
    stop: Event
    workers: int
    trials: Trials | None

    def carry_out(self, plan: Plan, doors: tuple[Door, ...]) -> Outcome:
        """Everything but the doors, then those beside which another way in is proved."""
        world, total = self.world, sum(len(change.steps) for change in plan.changes)
        before = self.trials.before(self.store.state, world.secrets) if self.trials else None
        done = self._steps(without(plan, doors), total)
        results, after = done.results, self._after()
        tried = [(door, keeps_open(door, results, world, after)) for door in doors]
        if closed := tuple(door.change for door, why in tried if not why):
            results += self._steps(replace(plan, changes=closed), total).results
            after = self._after()
        for result in [item for door, why in tried if why for item in left_open(door, why)]:
            results += (result,)
            self.dialogue.progress(result, total)
        logins = Comparison(before, after) if before and after else None
        return Outcome(results, self.store.state.serial, logins, done.windows)

    def _after(self) -> Diagnosis | None:
        if self.trials is None or self.stop.is_set():
            return None
        return self.trials.after(self.store.state, self.world.secrets)

    def _steps(self, plan: Plan, total: int) -> Outcome:
        """What became of some of the changes, committed."""
        if not plan.changes:
            return Outcome((), self.store.state.serial)

        def progress(result: StepResult, _: int) -> None:
            self.dialogue.progress(result, total)

        self.store.begin(self.world.systems, self.key_store)
        return carry_out(plan, self.world, self.store, self.stop, progress, self.workers)


def refuse(hazards: tuple[Hazard, ...], doors: Collection[str] = ()) -> None:
    """RefusedError naming every hazard that was not allowed; IncompleteError if all that is missing is a read.

    `doors` are the subjects for which a proof does as well.
    """
    if not hazards:
        return
    arguments = allowing(hazards)
    if all(hazard.name is HazardName.INCOMPLETE for hazard in hazards):
        systems = listed(sorted({hazard.subject for hazard in hazards}))
        raise IncompleteError(
            f"nothing was done: {systems} could not be read",
            "\n".join(["set right what the plan says of it; or leave it out, with", *arguments]),
        )
    need = "needs" if len(arguments) == 1 else "need"
    remedy = ["if that is meant, say it again with", *arguments]
    if any(hazard.name is HazardName.LOCKS_OUT and hazard.subject in doors for hazard in hazards):
        remedy.append(
            "or prove in the same run that a test account gets in: --verify --as USER --password-from HANDLE"
        )
    raise RefusedError(
        f"nothing was done: {number(len(arguments), 'hazard')} of the plan {need} permission", "\n".join(remedy)
    )
