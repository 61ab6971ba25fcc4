"""What Jira and Confluence are alike in: groups of the spec, and the gates of their versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.intent import Group
from reconciler.diagnostic import error, warning
from reconciler.ports import Expansion
from reconciler.providers.atlassian.access import named_groups
from reconciler.providers.atlassian.groups import GROUP
from reconciler.providers.atlassian.versions import is_below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import Facts, Intent, System
    from reconciler.diagnostic import Diagnostic

BASE_URL = "base_url"
"""The fact in which a product says what it takes for its own URL."""


@dataclass(frozen=True, slots=True)
class Product:
    """One kind of product, and since which versions it can do what (facts atlassian 1.1).

    `group_writes_since` is empty where groups can be written in every version.
    """

    title: str
    floor: str
    tokens_since: str
    group_writes_since: str = ""

    def expand(self, intent: Intent, system: System, facts: Facts) -> Expansion:
        """The groups that the spec names in this product, and what its version will not do."""
        groups: dict[str, Group] = {}
        diagnostics = [*self._check(system, facts)]
        for group in _groups(intent, system):
            other = groups.setdefault(group.name.casefold(), group)
            if other.name != group.name:
                text = f"{other.name} and {group.name} are one group in {self.title}, which does not look at case"
                diagnostics.append(error(text, group.where, "write the name alike everywhere"))
        manual = bool(self.group_writes_since) and is_below(facts.version, self.group_writes_since)
        resources = tuple(
            Desired(
                group.address,
                GROUP,
                {"name": group.name},
                on_remove=group.on_remove,
                manual=manual,
                where=group.where,
            )
            for group in groups.values()
        )
        return Expansion(resources, tuple(diagnostics))

    def _check(self, system: System, facts: Facts) -> Iterator[Diagnostic]:
        where = f"systems.{system.name}"
        named = f"{self.title} {facts.version}"
        if is_below(facts.version, self.floor):
            yield warning(f"{named} is older than what was looked at, which begins with {self.floor}", where)
        if system.token is not None and is_below(facts.version, self.tokens_since):
            text = f"{named} knows no personal access tokens: they came with {self.tokens_since}"
            yield error(text, f"{where}.token", "give a username and a password instead")
        base = facts.values.get(BASE_URL, "").rstrip("/")
        if base and base.lower() != system.url.lower():
            yield warning(
                f"{self.title} takes {base} for its own URL, so it sends people to a redirect URI below that one, "
                f"and {system.url} is what is registered",
                f"{where}.url",
                f"correct the base URL in {self.title}, or the url here",
            )


def _groups(intent: Intent, system: System) -> Iterator[Group]:
    """The groups of one product: those of the spec, then those that its sign-ons and its own table name."""
    yield from (group for group in intent.groups if group.system == system.name)
    for sign_on in intent.sign_ons.values():
        if sign_on.product.name == system.name:
            for name in sorted({*sign_on.groups.values(), *(sign_on.default_groups or ())}):
                yield Group(system.name, name, where=f"{sign_on.where}.groups")
    yield from named_groups(system)


def group_address(system: System, name: str) -> Address:
    """Where a group of a product stands."""
    return Address(system.name, GROUP.name, name)
