"""Every request of a first apply goes wrong; one apply more, and all is as it should be.

Three faults hit each request, the others take turns. With EVERY_FAULT=1 all of them hit each: that takes minutes.
"""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING

import pytest
from cli.terminal import Terminal
from faults.strangers import Strangers, converges, says_no_secret

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from acceptance.workplace import Ran

SYSTEMS = ("clavex", "jira", "confluence")
AT_EACH: dict[str, Fault] = {
    "no answer from then on": Fault(kind=Kind.CUT_AFTER, times=None),
    "500 after the act": Fault(kind=Kind.SERVER_ERROR, status=500, acts=True),
    "the token expires": Fault(kind=Kind.EXPIRED_TOKEN, times=None),
}
IN_TURN = (
    Fault(kind=Kind.CUT_BEFORE),
    Fault(kind=Kind.CUT_AFTER),
    Fault(kind=Kind.CUT_BEFORE, times=None),
    Fault(kind=Kind.TOO_MANY),
    Fault(kind=Kind.TOO_MANY, retry_after=0, times=2),
    Fault(kind=Kind.TOO_MANY, times=None),
    Fault(kind=Kind.SERVER_ERROR),
    Fault(kind=Kind.SERVER_ERROR, status=502, acts=True, times=None),
    Fault(kind=Kind.SERVER_ERROR, status=500),
    Fault(kind=Kind.HTML, acts=True),
    Fault(kind=Kind.HTML, times=None),
    Fault(kind=Kind.HTML, status=404),
    Fault(kind=Kind.ERROR_IN_200, acts=True),
    Fault(kind=Kind.LOGIN_REDIRECT, times=None),
    Fault(kind=Kind.TRUNCATED_JSON),
    Fault(kind=Kind.WEBSUDO),
    Fault(kind=Kind.SLOW_BODY, seconds=0.05),
)
"""One of them at each request, the next at the next; each system begins somewhere else."""
if os.environ.get("EVERY_FAULT"):
    AT_EACH |= {repr(fault): fault for fault in IN_TURN}
PASSING = {ExitCode.DONE, ExitCode.PARTLY, ExitCode.INCOMPLETE}
"""How an apply may end whose systems misbehave: it was mended, it was done in part, or a system was not read."""


def suffer(terminal: Terminal, system: str, fault: Fault) -> Ran | None:
    """A first apply with that fault, then one without; None if there was no request for it to hit."""
    terminal.sandbox.reset()
    terminal.write()
    strangers = Strangers(terminal.sandbox)
    faults = getattr(terminal.sandbox, system).faults
    faults.add(fault)
    ran = terminal.apply("locks-out")
    reached = len(faults.requests)
    faults.clear()
    if reached <= fault.skip:
        return None
    assert ran.code in PASSING, ran.err
    if ran.code == ExitCode.INCOMPLETE:
        assert not terminal.writes
    if ran.code != ExitCode.DONE:
        assert "http://127.0.0.1" in ran.out + ran.err  # where it happened
    terminal.shown[:] = [ran.out, ran.err]
    says_no_secret(terminal)
    converges(terminal, strangers)
    return ran


def places(terminal: Terminal, folder: Path) -> list[Terminal]:
    """Fresh folders without end, since each first apply needs one."""
    return (Terminal(terminal.sandbox, folder / str(number)) for number in count())


@pytest.mark.parametrize("what", AT_EACH)
@pytest.mark.parametrize("system", SYSTEMS)
def test_each_request_goes_wrong(terminal: Terminal, tmp_path: Path, system: str, what: str) -> None:
    for skip, place in enumerate(places(terminal, tmp_path)):
        if suffer(place, system, AT_EACH[what].model_copy(update={"skip": skip})) is None:
            break
    assert skip > 6  # it was a whole apply


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_request_goes_wrong_in_its_own_way(terminal: Terminal, tmp_path: Path, system: str) -> None:
    first = SYSTEMS.index(system) * 6
    for skip, place in enumerate(places(terminal, tmp_path)):
        fault = IN_TURN[(first + skip) % len(IN_TURN)]
        if suffer(place, system, fault.model_copy(update={"skip": skip})) is None:
            break
    assert skip > 6
