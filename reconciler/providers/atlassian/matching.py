"""How an object without a mark is found again among those of others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.observed import Absent, Lookup, Observation, Present, Unreadable
from reconciler.errors import ReconcilerError
from reconciler.providers.atlassian.fields import Fields, JsonObject, read_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from reconciler.core.address import Address
    from reconciler.core.resource import Attributes


@dataclass(frozen=True, slots=True)
class Candidate:
    """One object of the product, with the id that it has there."""

    id: str
    content: JsonObject


Tiers = tuple[Fields, ...]
"""Fields by which an object is recognised when its id is unknown: all of the first, else all of the second, …"""


def observe(
    wanted: Sequence[Lookup],
    candidates: Sequence[Candidate],
    tiers: Tiers,
    read: Callable[[Candidate], Present | Unreadable],
) -> Mapping[Address, Observation]:
    """An answer for every address. Several objects for one address, or the other way round, are unreadable.

    So is one that has nothing but its id in common with what we last applied: ids are counted anew when a product is
    restored or an app is installed again.
    """
    found = match(wanted, candidates, tiers)
    ids = {item.id for item in candidates}
    uses = Counter(item.id for lookup in wanted if not lookup.leaving for item in found.get(lookup.address, ()))
    answers: dict[Address, Observation] = {}
    for lookup in wanted:
        fitting = found.get(lookup.address, [])
        if not fitting:
            answers[lookup.address] = _stranger(lookup.remote_id) if lookup.remote_id in ids else Absent()
        elif len(fitting) > 1:
            named = ", ".join(candidate.id for candidate in fitting)
            remedy = "rename or remove all but one in the product's screen"
            answers[lookup.address] = Unreadable(f"several objects fit, with the ids {named}", remedy)
        elif uses[fitting[0].id] > 1:
            text = f"the object {fitting[0].id} fits several addresses of the spec"
            answers[lookup.address] = Unreadable(text, "give each sign-on of the product a name of its own")
        else:
            answers[lookup.address] = _read(fitting[0], read)
    return answers


def _stranger(remote_id: str | None) -> Unreadable:
    return Unreadable(
        f"the object {remote_id} bears neither the name nor the client that we gave it: it may be another one, which "
        "got this id when the product was restored",
        "put its name back in the product's screen if it is the one; else drop ours with `reconciler forget`",
    )


def _read(candidate: Candidate, read: Callable[[Candidate], Present | Unreadable]) -> Observation:
    try:
        return read(candidate)
    except ReconcilerError as problem:
        return Unreadable(problem.message, problem.remedy)


def match(
    wanted: Sequence[Lookup], candidates: Iterable[Candidate], tiers: Tiers
) -> Mapping[Address, list[Candidate]]:
    """The candidates that fit each address: by id and any tier, else by the first tier that gives any.

    What one address is known by does not count for another one: so a renamed sign-on never takes the object that
    is about to be deleted under its old name. Only what leaves the spec gives its object to an address that fits
    the first tier.
    """
    free = {candidate.id: candidate for candidate in candidates}
    found: dict[Address, list[Candidate]] = {}
    given: set[Address] = set()
    for lookup in wanted:
        if lookup.remote_id in free and _is_ours(free[lookup.remote_id], lookup, tiers):
            found[lookup.address] = [free[lookup.remote_id]]
            given |= {lookup.address} if lookup.leaving else set()
    for fields in tiers:
        for address, fitting in found.items():
            for candidate in fitting if address not in given else ():
                free.pop(candidate.id, None)
        given.clear()
        hits = {
            lookup.address: [item for item in free.values() if _fits(item.content, lookup.attributes, fields)]
            for lookup in wanted
            if lookup.address not in found
        }
        found |= {address: fitting for address, fitting in hits.items() if fitting}
    return found


def _is_ours(candidate: Candidate, lookup: Lookup, tiers: Tiers) -> bool:
    """Whether the object of a known id is still known by something else, old or new."""
    sides = (lookup.applied, lookup.attributes)
    return not lookup.applied or any(_fits(candidate.content, side, fields) for side in sides for fields in tiers)


def _fits(content: JsonObject, attributes: Attributes, fields: Fields) -> bool:
    try:
        shown = read_fields(content, fields)
    except ReconcilerError:  # somebody else's, in a form that nobody knows
        return False
    return all(value and value == attributes.get(name) for name, value in shown.items())
