"""Old spec, new spec, hazards: refused without permission, then made so, then nothing is left to do."""

from __future__ import annotations

import pytest
from acceptance import wanted
from acceptance.cases import CASES, Case
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_change(case: Case, place: Workplace) -> None:
    place.write(case.old)
    place.apply("locks-out").ended(ExitCode.DONE)

    place.write(case.new)
    hazards = {f"{hazard['name']}={hazard['subject']}" for hazard in place.plan()["hazards"]}
    assert hazards == set(case.hazards)
    before = place.writes
    if case.hazards:
        place.apply().ended(ExitCode.REFUSED)
        place.apply(*case.hazards[1:]).ended(ExitCode.REFUSED)
        assert place.writes == before
    place.apply(*case.hazards).ended(ExitCode.DONE)
    wanted.check(place)
    assert place.plan()["changes"] == []
    place.settle()
