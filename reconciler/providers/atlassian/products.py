"""What Jira and Confluence are alike in: groups of the spec, and the gates of their versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.intent import Group
from reconciler.core.resource import OnRemove
from reconciler.diagnostic import error, note, warning
from reconciler.ports import Expansion
from reconciler.providers.atlassian.access import DIRECTORY, directory_of, named_groups
from reconciler.providers.atlassian.groups import GROUP
from reconciler.providers.atlassian.versions import is_below
from reconciler.spec.suggestion import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import Facts, Intent, System
    from reconciler.diagnostic import Diagnostic

CROWD = "crowd"
"""The provider of shared directories."""
BASE_URL = "base_url"
"""The fact in which a product says what it takes for its own URL."""
_CLOUD = ".atlassian.net"
"""Where every site of Atlassian's Cloud is; Clavex's guide is for Data Center alone."""


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
        """The groups that the spec names in this product, and what its version will not do.

        Those of a shared directory are made there, and only looked for here.
        """
        groups: dict[str, Group] = {}
        directory = directory_of(system)
        diagnostics = [*self._check(system, facts), *self._check_directory(intent, system, directory)]
        for group in _groups(intent, system):
            other = groups.setdefault(group.name.casefold(), group)
            if other.name != group.name:
                text = f"{other.name} and {group.name} are one group in {self.title}, which does not look at case"
                diagnostics.append(error(text, group.where, "write the name alike everywhere"))
        early = bool(self.group_writes_since) and is_below(facts.version, self.group_writes_since)
        resources = tuple(
            Desired(
                group.address,
                GROUP,
                {"name": group.name},
                depends_on=(Address(directory, GROUP.name, group.name),) if directory else (),
                on_remove=OnRemove.FORGET if directory else group.on_remove,
                manual=early or bool(directory),
                where=group.where,
            )
            for group in groups.values()
        )
        return Expansion(resources, tuple(diagnostics))

    def _check_directory(self, intent: Intent, system: System, directory: str) -> Iterator[Diagnostic]:
        where = f"systems.{system.name}.{DIRECTORY}"
        kept = intent.systems.get(directory)
        if directory and kept is None:
            crowds = [name for name, other in intent.systems.items() if other.provider == CROWD]
            yield error(f"there is no system {directory}", where, did_you_mean(directory, crowds, "the Crowds are"))
        elif kept is not None and kept.provider != CROWD:
            yield error(f"{directory} is no Crowd, and only a Crowd keeps the groups of others", where)
        elif kept is not None:
            yield note(
                f"groups of {system.name} are made in {directory} only; {self.title} has a new one after its next "
                f"directory synchronisation, every 60 minutes by default, and until then it counts as not done",
                where,
                f"User Directories > Synchronise in {self.title} brings it at once; then run apply again",
            )

    def _check(self, system: System, facts: Facts) -> Iterator[Diagnostic]:
        where = f"systems.{system.name}"
        named = f"{self.title} {facts.version}"
        if (urlsplit(system.url).hostname or "").endswith(_CLOUD):
            yield error(
                f"{system.url} is Atlassian Cloud, which has none of these plugins and no such REST",
                f"{where}.url",
                "name a Data Center; for Cloud, sign-on is set up at admin.atlassian.com for the whole organisation",
            )
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
    """The groups of one system: of the spec, of its sign-ons and its table; of a Crowd also those of its products."""
    yield from (group for group in intent.groups if group.system == system.name)
    for sign_on in intent.sign_ons.values():
        if sign_on.product.name == system.name:
            for name in sorted({*sign_on.groups.values(), *(sign_on.default_groups or ())}):
                yield Group(system.name, name, where=f"{sign_on.where}.groups")
    yield from named_groups(system)
    for product in intent.systems.values():
        if system.provider == CROWD and directory_of(product) == system.name:
            yield from (group._replace(system=system.name) for group in _groups(intent, product))


def group_address(system: System, name: str) -> Address:
    """Where a group of a product stands."""
    return Address(system.name, GROUP.name, name)
