"""`rotate`: a new secret for one client and all its sign-ons in one run, in place or without downtime."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.core.address import Address
from reconciler.core.observed import Absent, Present, Unreadable
from reconciler.core.outcome import Outcome, Status, StepResult, Window
from reconciler.core.ownership import recognised
from reconciler.core.plan import Action, HazardName, StepKind
from reconciler.core.planner import make_plan
from reconciler.core.policy import judge, refused
from reconciler.core.rotation import find_consumers, generated, narrow
from reconciler.core.shadow import is_shadow, plan_legs, redirect, shadow_of, shadows
from reconciler.core.state import Origin
from reconciler.diagnostic import Severity
from reconciler.engine.refresh import observe, secret_statuses
from reconciler.engine.statestore import OpenState
from reconciler.errors import IncompleteError, ReconcilerError, RefusedError, SpecError
from reconciler.flows.apply import Dialogue, carry_out, refuse
from reconciler.flows.checks import check_stores
from reconciler.flows.place import Place, lock_info
from reconciler.flows.world import World, look
from reconciler.ports import RotatingHandler, Write
from reconciler.transport.http import Access

if TYPE_CHECKING:
    from threading import Event

    from reconciler.core.desired import DesiredState
    from reconciler.core.plan import Plan
    from reconciler.core.planner import Situation
    from reconciler.core.shadow import Leg

REASON = "it was asked for"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: whose secret, which hazards are allowed, and whether sign-ons move to a shadow meanwhile."""

    place: Place
    address: Address
    allowed: frozenset[str] = frozenset()
    without_downtime: bool = False


def rotate(request: Request, dialogue: Dialogue) -> Outcome | None:
    """What was done; None if the person said no. The server refuses the old secret as soon as the new one is made."""
    place, address = request.place, request.address
    spec = place.read_spec()
    with (
        place.state_store(spec).open(lock_info("rotate")) as store,
        look(place, spec, store.state, store.backend, Access.WRITE, allowed=request.allowed) as seen,
    ):
        check_rotatable(seen.situation, address)
        world = seen._replace(situation=seen.situation._replace(rotations={address: REASON}))
        allowed, consumers = request.allowed, find_consumers(world.situation.desired, address)
        plan = _planned(world.situation, frozenset((address, *consumers, *shadows(store.state, address))))
        hazards = refused(plan.hazards, _implied(world.situation, address))
        plan = replace(plan, hazards=(*world.moved, *hazards))
        if request.without_downtime:
            relay = Relay(world, store, place.parallelism, allowed, dialogue)
            return relay.run(address, plan)
        dialogue.show(plan, allowed)
        dialogue.tell(_warnings(world.situation, address))
        refuse(refused(plan.hazards, allowed))
        if not dialogue.confirm():
            return None
        key_store = check_stores(plan, world)
        with dialogue.stoppable() as stop:
            store.begin(world.systems, key_store)
            return carry_out(plan, world, store, stop, dialogue.progress, place.parallelism)


def check_rotatable(situation: Situation, address: Address) -> None:
    """ReconcilerError if there is no secret at `address` that we could make anew."""
    wanted = situation.desired.get(address)
    if wanted is None:
        raise ReconcilerError(f"{address} is not in the spec", "`reconciler state list` shows the addresses")
    if wanted.shared:
        raise ReconcilerError(
            f"{address} is somebody else's client (external = true)",
            "ask its owner for a new secret, put that into its store, and apply",
        )
    if not generated(wanted):
        raise ReconcilerError(f"{address} has no secret that a server makes", "name a client that is not public")
    match situation.observed[address]:
        case Absent():
            raise ReconcilerError(f"{address}: there is no such client", "`reconciler apply` makes it")
        case Unreadable(reason, remedy):
            raise IncompleteError(f"{address}: {reason}", remedy)


def _implied(situation: Situation, address: Address) -> frozenset[str]:
    """Who asks for the rotation of a client that we made permits it; for that of others more words are needed."""
    found = situation.observed[address]
    entry = recognised(situation.state, address, found, marked=True) if isinstance(found, Present) else None
    ours = entry is not None and entry.origin is Origin.CREATED
    return frozenset({f"{HazardName.ROTATES}={address}"} if ours else ())


def _planned(situation: Situation, targets: frozenset[Address]) -> Plan:
    """The judged plan for `targets` and what they need. SpecError if it cannot be."""
    wanted = (situation.desired[address] for address in targets if address in situation.desired)
    handles = frozenset(handle for item in wanted for handle in item.handles)
    made = narrow(make_plan(situation), situation.desired, targets, handles)
    if errors := [item for item in made.diagnostics if item.severity is Severity.ERROR]:
        raise SpecError(errors)
    return replace(made, hazards=judge(made, situation))


def _warnings(situation: Situation, address: Address) -> list[str]:
    """What a person should know before the old secret is refused."""
    consumers = find_consumers(situation.desired, address)
    slow = _slow(situation, consumers)
    if not consumers:
        return ["No sign-on of the spec uses this secret: who else has it must fetch the new one from its store."]
    lines = ["From the new secret on until it has reached a sign-on, no login works there."]
    if slow:
        lines += [f"{text}; until then no login works there." for text in slow]
    else:
        lines.append("`--without-downtime` lets people in through a second client meanwhile.")
    return lines


def _slow(situation: Situation, consumers: tuple[Address, ...]) -> list[str]:
    """What a person must do so that a consumer uses a new secret, for each that does not by itself."""
    texts = []
    for address in consumers:
        wanted = situation.desired[address]
        if wanted.manual:
            texts.append(f"{address}: a person must type the new secret in")
        elif wanted.type.at_start:
            texts.append(f"{address}: {address.system} must be started again after its file is written")
    return texts


@dataclass(slots=True)
class Relay:
    """Carries out the legs of a rotation without downtime, one after another; each is looked at anew."""

    world: World
    store: OpenState
    workers: int
    allowed: frozenset[str]
    dialogue: Dialogue
    _key_store: str = ""
    _ended: tuple[StepResult, ...] = ()

    def run(self, address: Address, plan: Plan) -> Outcome | None:
        """The outcome of all legs, or of those up to one that did not end as it should. None: the answer was no."""
        base = self.world.situation
        consumers = find_consumers(base.desired, address)
        if missing := refused(plan.hazards, self.allowed):
            self.dialogue.show(plan, self.allowed)
            refuse(missing)
        self._check(address, consumers)
        situation = self._observed(redirect(base, address), address)
        _check_shadow(situation, shadow_of(address))
        _check_settled(situation, frozenset((address, *consumers)))
        legs = plan_legs(situation._replace(desired=base.desired), address, REASON)
        self.dialogue.tell(_itinerary(address, legs))
        if not self.dialogue.confirm():
            return None
        for handle in {generated(base.desired[address]), generated(legs[0].desired[shadow_of(address)])}:
            self.world.secrets.check_writable(handle)
        self._key_store = self.world.secrets.ensure_key()
        self.allowed |= {
            str(HazardName.TOO_MUCH),
            *(f"{HazardName.ROTATES}={x}" for x in (address, shadow_of(address))),
        }
        with self.dialogue.stoppable() as stop:
            for leg in legs:
                if stop.is_set() or not self._go(leg, address, stop):
                    return self._outcome((), _advice(leg, address))
        return self._outcome((Window(address, 0.0, len(consumers)),))

    def _go(self, leg: Leg, address: Address, stop: Event) -> bool:
        """Whether a leg was carried out as a whole, and the server takes the secret that it is about."""
        situation = self._observed(leg.desired, address)._replace(rotations=leg.rotations)
        plan = _planned(situation, leg.targets)
        if hazards := refused(plan.hazards, self.allowed):  # somebody changed something meanwhile
            raise RefusedError(
                "; ".join(f"{item.subject}: {item.message}" for item in hazards), _advice(leg, address)
            )
        if plan.changes:
            world = self.world._replace(situation=situation)
            before = self._ended

            def progress(result: StepResult, total: int) -> None:
                self.dialogue.progress(result, len(before) + total)

            self.store.begin(world.systems, self._key_store)
            outcome = carry_out(plan, world, self.store, stop, progress, self.workers)
            self._ended += outcome.results
            if any(result.status is not Status.DONE for result in outcome.results):
                return False
        return leg.proves is None or self._proves(situation, leg.proves)

    def _proves(self, situation: Situation, address: Address) -> bool:
        """Whether the server takes the secret in the store; what it says is one more result."""
        wanted, entry = situation.desired[address], self.store.state.entries[address]
        handler, value = self.world.handlers[address[:2]], self.world.secrets.value(generated(wanted))
        if not isinstance(handler, RotatingHandler) or value is None:
            raise ReconcilerError(f"{address}: the secret in {generated(wanted)} cannot be tried", "run it again")
        write = Write(address, wanted.attributes, remote_id=entry.remote_id, secrets={"client_secret": value})
        try:
            taken, problem = handler.prove(write), "the server refuses the secret that it just made"
        except ReconcilerError as failure:
            taken, problem = False, f"whether its new secret is right could not be found out: {failure.message}"
        if not taken:
            kind = StepKind.CREATE if is_shadow(address) else StepKind.ROTATE
            self._ended += (StepResult(address, kind, Status.FAILED, problem),)
        return taken

    def _observed(self, desired: DesiredState, address: Address) -> Situation:
        """What stands now at every address that the rotation is about, with what was read of the others before."""
        base, state = self.world.situation, self.store.state
        about = {address, *find_consumers(base.desired, address)}

        def concerns(other: Address) -> bool:
            return other in about or is_shadow(other)

        wanted = {other: item for other, item in desired.items() if concerns(other)}
        known = replace(state, entries={other: entry for other, entry in state.entries.items() if concerns(other)})
        handlers, secrets = self.world.handlers, self.world.secrets
        observed = observe(wanted, known, handlers, {}, self.workers)
        statuses = secret_statuses(wanted, observed, state, secrets, handlers)
        return base._replace(
            desired=desired,
            observed={**base.observed, **observed},
            state=state,
            secrets={**base.secrets, **statuses},
            rotations={},
        )

    def _check(self, address: Address, consumers: tuple[Address, ...]) -> None:
        """ReconcilerError if a consumer cannot be moved to another client and back."""
        if not consumers:
            raise ReconcilerError(f"no sign-on uses the secret of {address}", "leave out --without-downtime")
        if slow := _slow(self.world.situation, consumers):
            raise ReconcilerError(
                f"not every sign-on can be moved to another client by itself: {'; '.join(slow)}",
                "leave out --without-downtime, and do it when nobody needs to log in",
            )

    def _outcome(self, windows: tuple[Window, ...], advice: str = "") -> Outcome:
        return Outcome(self._ended, self.store.state.serial, windows=windows, advice=advice)


def _check_shadow(situation: Situation, shadow: Address) -> None:
    """ReconcilerError if the id of the shadow is taken by a client that is not ours."""
    found = situation.observed[shadow]
    if isinstance(found, Present) and recognised(situation.state, shadow, found, marked=True) is None:
        raise ReconcilerError(
            f"a client {found.remote_id} is there already, and it is not the shadow of a rotation",
            "rename or delete it, or leave out --without-downtime",
        )


def _check_settled(situation: Situation, targets: frozenset[Address]) -> None:
    """ReconcilerError if something else than a secret is to be done to client or sign-ons: one thing at a time."""
    plan = narrow(make_plan(situation), situation.desired, targets, frozenset())
    if plan.unread:
        first = plan.unread[0]
        raise IncompleteError(f"{first.address}: {first.reason}", first.remedy)
    open_ = [
        str(change.address)
        for change in plan.changes
        if not is_shadow(change.address)
        and (
            change.action in {Action.CREATE, Action.REPLACE, Action.DELETE}
            or any(not item.sensitive for item in change.attributes)
        )
    ]
    if open_:
        raise ReconcilerError(f"these are not as the spec wants them: {', '.join(open_)}", "apply first, then rotate")


def _itinerary(address: Address, legs: tuple[Leg, ...]) -> list[str]:
    first = f"The secret of {address} is made anew without downtime:"
    return [first, *(f"  {place}. {leg.title}" for place, leg in enumerate(legs, 1))]


def _advice(leg: Leg, address: Address) -> str:
    return (
        f"it stopped at: {leg.title}. No secret in use was refused. `reconciler rotate {address} --without-downtime` "
        f"goes on, `reconciler apply` goes back to {address}"
    )
