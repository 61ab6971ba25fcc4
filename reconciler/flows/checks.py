"""What is checked between a plan and its first request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.codec import plan_content
from reconciler.core.plan import StepKind
from reconciler.errors import StalePlanError

if TYPE_CHECKING:
    from reconciler.core.intent import Intent
    from reconciler.core.plan import Plan
    from reconciler.flows.world import World


def compare_places(saved: Plan, intent: Intent) -> None:
    """StalePlanError if the spec names other installations than the saved plan: before anything is sent to them."""
    for name, record in sorted(saved.systems.items()):
        system = intent.systems.get(name)
        if system and (record.provider, record.url, record.org) != (system.provider, system.url, system.org):
            raise StalePlanError(
                f"the plan is for system {name} at {record.url}, the spec says {system.url}; nothing was sent there",
                "make a new one with `plan --out`, and look at it",
            )


def compare(saved: Plan, fresh: Plan, spec_digest: str) -> None:
    """StalePlanError, naming the addresses, if a plan made now, of a spec of that digest, is not the saved one."""
    if (saved.stack, saved.environment) != (fresh.stack, fresh.environment):
        raise StalePlanError(
            f"the plan is for {saved.stack} in {saved.environment}, not for {fresh.stack} in {fresh.environment}"
        )
    if saved.lineage != fresh.lineage and saved.serial:
        raise StalePlanError("the plan was made from another state", "make a new one with `plan --out`")
    before = {change["address"]: change for change in plan_content(saved)["plan"]["changes"]}
    now = {change["address"]: change for change in plan_content(fresh)["plan"]["changes"]}
    moved = sorted(address for address in before.keys() | now.keys() if before.get(address) != now.get(address))
    unread = sorted(str(item.address) for item in set(fresh.unread) ^ set(saved.unread))
    if moved or unread:
        why = "the spec" if saved.spec_digest != spec_digest else "the systems or the state"
        raise StalePlanError(
            f"the plan is stale: {why} changed since it was made: {', '.join(moved or unread)}",
            "make a new one with `plan --out`, and look at it",
        )


def check_stores(plan: Plan, world: World) -> str:
    """The store that holds the key of the fingerprints from now on; empty if none is recorded.

    SecretError if a secret that the plan makes could not be kept: before anything is created.
    """
    handles: set[str] = set()
    for change in plan.changes:
        resource_type = world.situation.types[change.address.system, change.address.type]
        makes = {step.kind for step in change.steps} & {StepKind.CREATE, StepKind.ROTATE}
        for name in resource_type.generated if makes else ():
            if name in change.wanted:
                handles.add(str(change.wanted[name]))
    for handle in sorted(handles):
        world.secrets.check_writable(handle)
    if plan.changes or world.situation.state.entries:
        return world.secrets.ensure_key()
    return ""
