"""What a product's own table says of groups: which may use what, and where they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from reconciler.core.intent import Group
from reconciler.core.resource import unordered
from reconciler.spec.model import Name, Names, Text, Word
from reconciler.spec.position import key_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from reconciler.core.intent import System
    from reconciler.core.resource import Value

DIRECTORY = "directory"
APPLICATIONS = "applications"
DEFAULT_GROUPS = "default_groups"
MAY_USE = "may_use"
SPACES = "spaces"

Groups = Names
GroupsOf = dict[Word, Groups]
"""Names of groups by what they may use."""
Permission = Literal[
    "read",
    "administer",
    "export",
    "restrict",
    "delete_own",
    "delete_mail",
    "create_page",
    "delete_page",
    "create_blogpost",
    "delete_blogpost",
    "create_comment",
    "delete_comment",
    "create_attachment",
    "delete_attachment",
]
"""What a group may do in a space of Confluence (facts atlassian 7.3)."""
Spaces = dict[Word, dict[Text, Annotated[tuple[Permission, ...], Field(strict=False)]]]
"""What each group may do, by the key of a space."""
_LIST = TypeAdapter(tuple[str, ...])
_GROUPS_OF = TypeAdapter(dict[str, tuple[str, ...]])
_SPACES = TypeAdapter(dict[str, dict[str, tuple[str, ...]]])


class ProductSettings(BaseModel):
    """What every product has in its `[systems.*]` table."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    directory: Name | None = Field(
        None,
        description="The Crowd that keeps the product's groups: a system whose provider is `crowd`. Groups are then "
        "made there only, and the product is watched until its directory synchronisation brings them.",
        examples=["crowd"],
    )


def directory_of(system: System) -> str:
    """The name of the Crowd that keeps the groups of a product; empty if it keeps them itself."""
    return system.settings.get(DIRECTORY, "")


def groups_of(system: System, key: str) -> Mapping[str, tuple[str, ...]]:
    """The groups under each key of a table such as `applications`."""
    return _GROUPS_OF.validate_json(system.settings.get(key, "{}"))


def may_use(system: System) -> tuple[str, ...] | None:
    """The groups that may use the product; None: not managed."""
    text = system.settings.get(MAY_USE)
    return None if text is None else _LIST.validate_json(text)


def spaces_of(system: System) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """By the key of a space: what each group may do there."""
    return _SPACES.validate_json(system.settings.get(SPACES, "{}"))


def named_groups(system: System) -> Iterator[Group]:
    """Every group that a product's own table names; one may come several times."""
    table = ("systems", system.name)
    for key in (APPLICATIONS, DEFAULT_GROUPS):
        for name, groups in sorted(groups_of(system, key).items()):
            yield from (Group(system.name, group, where=key_path(*table, key, name)) for group in groups)
    yield from (Group(system.name, group, where=key_path(*table, MAY_USE)) for group in may_use(system) or ())
    for space, granted in sorted(spaces_of(system).items()):
        yield from (Group(system.name, group, where=key_path(*table, SPACES, space, group)) for group in granted)


def respelled(found: Collection[str], wanted: Value) -> tuple[str, ...]:
    """What was found as a set, each name as `wanted` spells it: case does not count (facts atlassian 6.2)."""
    ours = {name.casefold(): name for name in (wanted if isinstance(wanted, tuple) else ())}
    return unordered(ours.get(name.casefold(), name) for name in found)


def merged(base: Collection[str], before: Collection[str], after: Value) -> tuple[str, ...]:
    """`base` with what `after` has and `before` lacks added, and taken out the other way round.

    `before` is what the wish `after` was made from, and `base` what stands there now. Case does not count.
    """
    wanted = {name.casefold(): name for name in (after if isinstance(after, tuple) else ())}
    old = {name.casefold() for name in before}
    kept = [name for name in base if name.casefold() in wanted or name.casefold() not in old]
    there = {name.casefold() for name in kept}
    added = (name for folded, name in wanted.items() if folded not in old and folded not in there)
    return unordered((*kept, *added))
