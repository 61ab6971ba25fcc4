"""Doors: the ways into a product that need no sign-on, and the changes that close them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.plan import Change, Plan
    from reconciler.core.resource import ResourceType


def closing(plan: Plan, types: Mapping[tuple[str, str], ResourceType]) -> tuple[Change, ...]:
    """The changes that turn off a login form or a fallback which is on, or of which nobody knows."""
    return tuple(
        change for change in plan.changes if _closes(change, types[change.address.system, change.address.type])
    )


def _closes(change: Change, kind: ResourceType) -> bool:
    return any(
        item.name in kind.doors and item.after is False and item.before is not False for item in change.attributes
    )
