"""What an apply led to, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from reconciler.core.address import Address
from reconciler.core.comparison import Comparison
from reconciler.core.plan import StepKind
from reconciler.core.rotation import find_consumers
from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.core.desired import Desired, DesiredState


class Status(StrEnum):
    """How a step ended.

    Skipped: something before it did not succeed, or nobody waited for it any more. Manual: what a person must do
    was handed over. In doubt: the request may have been carried out, and no answer came.
    """

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    MANUAL = "manual"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step ended.

    `message` says why, or (manual) what to do, one instruction a line. `ended` is when, in seconds since the run
    began.
    """

    address: Address
    step: StepKind
    status: Status
    message: str = ""
    remedy: str = ""
    seconds: float = 0.0
    ended: float = 0.0


@dataclass(frozen=True, slots=True)
class Window:
    """How long the secret of the client at `address` was refused while somebody still used it, at most.

    `seconds` go from the request that made the new secret to the end of the last write of it. `consumers` is how many
    were to have it; `open` are those that do not have it yet, so that the window goes on.
    """

    address: Address
    seconds: float
    consumers: int
    open: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole apply: its steps in the order in which they ended, the new serial, and what rotations led to.

    `logins` compares the logins before and after; None if nobody asked for it, or no sign-on was touched. `advice`
    is what a person should do now: a run did not end as it should, or what it left needs a look.
    """

    results: tuple[StepResult, ...]
    serial: int
    logins: Comparison | None = None
    windows: tuple[Window, ...] = ()
    advice: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command.

        A login that no longer works outweighs a step that did not succeed, that outweighs work left for a person,
        and that a login of which nobody knows any more.
        """
        if self.logins and self.logins.broken:
            return ExitCode.UNVERIFIED
        statuses = {result.status for result in self.results}
        if statuses & {Status.FAILED, Status.SKIPPED, Status.IN_DOUBT}:
            return ExitCode.PARTLY
        if Status.MANUAL in statuses:
            return ExitCode.MANUAL
        return ExitCode.INCOMPLETE if self.logins and self.logins.lost_sight else ExitCode.DONE


def measure(desired: DesiredState, results: Sequence[StepResult]) -> tuple[Window, ...]:
    """How long each secret that was rotated was refused while a consumer still used it."""
    ended = {result.address: result for result in results}  # the last step of each
    windows: list[Window] = []
    for result in results:
        if result.step is not StepKind.ROTATE or result.status is not Status.DONE or result.address not in desired:
            continue
        consumers = find_consumers(desired, result.address)
        done = [ended[address] for address in consumers if _has_it(desired[address], ended.get(address))]
        began, last = result.ended - result.seconds, max((item.ended for item in done), default=result.ended)
        reached = {item.address for item in done}
        left = tuple(address for address in consumers if address not in reached)
        windows.append(Window(result.address, last - began, len(consumers), left))
    return tuple(windows)


def _has_it(consumer: Desired, last: StepResult | None) -> bool:
    return last is not None and last.status is Status.DONE and not consumer.type.at_start
