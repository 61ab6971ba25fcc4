"""Logins before and after an apply: which sign-ons a plan touches, and what no longer works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.check import Check, Diagnosis, Status, Stops
from reconciler.core.login import AUTHORIZE
from reconciler.core.plan import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.intent import SignOn
    from reconciler.core.plan import Change, Plan

_WORST = (Status.OK, Status.WARNING, Status.UNKNOWN, Status.FAILED)


def touched(sign_ons: Mapping[str, SignOn], plan: Plan) -> dict[str, SignOn]:
    """The sign-ons whose logins the plan may change: by their product, their client, its claims or their groups."""
    changes = [change for change in plan.changes if any(step.kind is not StepKind.RECORD for step in change.steps)]
    return {name: item for name, item in sign_ons.items() if any(_touches(change, item) for change in changes)}


def _touches(change: Change, sign_on: SignOn) -> bool:
    address, client = change.address, sign_on.client.address
    return (
        address.system == sign_on.product.name
        or address == client
        or (address.system == client.system and client in change.depends_on)
        or (address.system == sign_on.issuer_system.name and address.name in sign_on.groups)
    )


@dataclass(frozen=True, slots=True)
class Trial:
    """One check of one sign-on, before and after; None if it was not made. `broke`: it worked, and stops a login."""

    subject: str
    name: str
    before: Status | None
    after: Status | None
    broke: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was proved of the touched logins before an apply, and after it."""

    before: Diagnosis
    after: Diagnosis

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every check of either side, in the order in which it was made."""
        first, second = _by_check(self.before.checks), _by_check(self.after.checks)
        return tuple(
            Trial(*key, _status(first.get(key)), _status(second.get(key)), self._broke(key, first, second))
            for key in dict.fromkeys([*second, *first])
        )

    def _broke(self, key: Key, first: Checks, second: Checks) -> bool:
        """Whether a check that stops a login now did not before, or was not made since nothing was wrong."""
        if all(check.stops is not Stops.LOGIN for check in second.get(key, ())):
            return False
        if key in first:
            return _status(first[key]) in {Status.OK, Status.WARNING}
        subject = [check for (name, _), checks in first.items() if name == key[0] for check in checks]
        went = any(check.name == AUTHORIZE and check.status is Status.OK for check in subject)
        return went and all(check.stops is Stops.NOTHING for check in subject)

    @property
    def broken(self) -> tuple[Trial, ...]:
        """What worked before and does no longer."""
        return tuple(trial for trial in self.trials if trial.broke)

    @property
    def lost_sight(self) -> bool:
        """Whether something that worked before could not be looked at after, so that nobody knows."""
        unread = {(check.subject, check.name) for check in self.after.checks if check.stops is Stops.READING}
        well = {Status.OK, Status.WARNING}
        return any(trial.before in well and (trial.subject, trial.name) in unread for trial in self.trials)


Key = tuple[str, str]
"""Subject and name of a check."""
Checks = dict[Key, list[Check]]


def _by_check(checks: Iterable[Check]) -> Checks:
    found: Checks = {}
    for check in checks:
        found.setdefault((check.subject, check.name), []).append(check)
    return found


def _status(checks: list[Check] | None) -> Status | None:
    return max((check.status for check in checks), key=_WORST.index) if checks else None
