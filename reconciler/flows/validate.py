"""`validate`: the spec by itself, and what its providers say of it without a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.diagnostic import Diagnostic, Severity
from reconciler.errors import SpecError
from reconciler.flows.world import completed, expand

if TYPE_CHECKING:
    from reconciler.flows.place import Place


@dataclass(frozen=True, slots=True)
class Validation:
    """A spec without errors: how many resources it asks for, and what else there is to say."""

    resources: int
    diagnostics: tuple[Diagnostic, ...]


def validate(place: Place) -> Validation:
    """The spec has no errors; SpecError with all of them if it has."""
    spec = place.read_spec()
    desired, found = expand(completed(spec.intent), {})
    diagnostics = tuple(spec.locate(item) for item in (*spec.diagnostics, *found))
    if errors := [item for item in diagnostics if item.severity is Severity.ERROR]:
        raise SpecError(errors)
    return Validation(len(desired), diagnostics)
