"""What is found wrong while a spec is compiled, collected so that all of it is said at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from reconciler.diagnostic import Diagnostic, error, warning
from reconciler.spec.position import key_path
from reconciler.spec.rules import BrokenRuleError, shown
from reconciler.spec.suggestion import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Findings:
    """Errors and warnings so far. A path says where in the spec, from the top."""

    items: list[Diagnostic] = field(default_factory=list)

    def fail(self, message: str, remedy: str, *path: str | int) -> None:
        """Adds an error."""
        self.items.append(error(message, key_path(*path), remedy))

    def warn(self, message: str, remedy: str, *path: str | int) -> None:
        """Adds a warning."""
        self.items.append(warning(message, key_path(*path), remedy))

    def attempt(self, rule: Callable[[str], _Value], text: str, *path: str | int) -> _Value | None:
        """What the rule makes of a value; None, and an error, if the value breaks it."""
        try:
            return rule(text)
        except BrokenRuleError as broken:
            self.fail(broken.message, broken.remedy, *path)
            return None

    def resolve(
        self, name: str, found: Mapping[str, _Value], declared: Collection[str], *path: str | int
    ) -> _Value | None:
        """What a reference stands for.

        None, and an error, if there is no such table; None alone if there is one that is broken itself.
        """
        if (value := found.get(name)) is None and name not in declared:
            noun = path[-1]
            self.fail(f"there is no {noun} {shown(name)}", did_you_mean(name, declared, f"the {noun}s are"), *path)
        return value
