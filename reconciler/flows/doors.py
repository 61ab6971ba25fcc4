"""The lockout guard: a door closes only after another way in was proved in the same run (docs/adr/0012).

The proof is a login of the test account through the product with the new settings, or a local administrator's user
name and password, by which these settings can be written without any sign-on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.core.check import PRODUCT_LOGIN, Status
from reconciler.core.doors import closing
from reconciler.core.intent import SignOn
from reconciler.core.observed import Lookup, Present
from reconciler.core.outcome import Status as End
from reconciler.core.outcome import StepResult
from reconciler.core.plan import Change, HazardName, Plan
from reconciler.diagnostic import note

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.core.address import Address
    from reconciler.core.check import Diagnosis
    from reconciler.diagnostic import Diagnostic
    from reconciler.flows.account import Account
    from reconciler.flows.world import World


@dataclass(frozen=True, slots=True)
class ByLogin:
    """The door closes if the test account gets in by one of these sign-ons."""

    change: Change
    sign_ons: tuple[SignOn, ...]


@dataclass(frozen=True, slots=True)
class ByPassword:
    """The door closes if the product still takes this local administrator's password."""

    change: Change
    username: str


Door = ByLogin | ByPassword


def find_doors(plan: Plan, world: World, allowed: frozenset[str], account: Account | None) -> tuple[Door, ...]:
    """The doors that the plan closes without a permission by name, and that another way in can be proved for.

    What a person carries out is none of them: nobody knows when it happens.
    """
    found: list[Door] = []
    for change in closing(plan, world.situation.types):
        system = world.intent.systems.get(change.address.system)
        if system is None or change.manual or _names(change.address) & allowed:
            continue
        sign_ons = tuple(
            item for item in world.intent.sign_ons.values() if item.product.name == system.name and item.enabled
        )
        if system.username and system.password and not system.token:
            found.append(ByPassword(change, system.username))
        elif account and sign_ons:
            found.append(ByLogin(change, sign_ons))
    return tuple(found)


def _names(address: Address) -> set[str]:
    return {str(HazardName.LOCKS_OUT), f"{HazardName.LOCKS_OUT}={address}"}


def permitted(doors: Iterable[Door]) -> frozenset[str]:
    """What need not be allowed by name, since it will be proved."""
    return frozenset(f"{HazardName.LOCKS_OUT}={door.change.address}" for door in doors)


def notes(doors: Iterable[Door]) -> Iterable[Diagnostic]:
    """What a person should know of each door."""
    for door in doors:
        at = door.change.address
        match door:
            case ByLogin():
                text = f"{at} comes last, and only if the test account then gets in to {at.system} through Clavex"
            case ByPassword(username=username):
                text = (
                    f"{at} comes last, and only if {at.system} then still takes the password of {username}, who can "
                    "turn it on again over REST without any sign-on"
                )
        yield note(text, str(at))


def without(plan: Plan, doors: Iterable[Door]) -> Plan:
    """The plan but for its doors."""
    closed = {door.change.address for door in doors}
    return replace(plan, changes=tuple(change for change in plan.changes if change.address not in closed))


def keeps_open(door: Door, results: Sequence[StepResult], world: World, proof: Diagnosis | None) -> str:
    """Why a door must not close now; empty if another way in is proved. `results` are those of the other changes."""
    undone = {result.address for result in results if result.status is not End.DONE}
    if waiting := sorted(undone.intersection(door.change.depends_on)):
        return f"{waiting[0]} was not done"
    match door:
        case ByPassword(change, username):
            handler = world.handlers[change.address.system, change.address.type]
            lookup = Lookup(change.address, change.wanted, change.remote_id or None)
            found = handler.read([lookup])[change.address]
            return "" if isinstance(found, Present) else f"{change.address.system} does not take {username} any more"
        case ByLogin(change, sign_ons):
            tried = {check.subject: check for check in proof.checks if check.name == PRODUCT_LOGIN} if proof else {}
            own = [tried[item.where] for item in sign_ons if item.where in tried]
            if any(check.status in {Status.OK, Status.WARNING} for check in own):
                return ""
            seen = "; ".join(check.seen for check in own) or "no login through it was tried"
            return f"no login to {change.address.system} is proved with the new settings: {seen}"


def left_open(door: Door, why: str) -> tuple[StepResult, ...]:
    """The results of a door that stays open."""
    remedy = (
        f"mend the login and run again; --allow {HazardName.LOCKS_OUT}={door.change.address} does without a proof"
    )
    return tuple(StepResult(door.change.address, step.kind, End.SKIPPED, why, remedy) for step in door.change.steps)
