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


def test_another_default_store_changes_no_secret(place: Workplace) -> None:
    place.write({"clients": {"atlassian": {"secret": "file:acme#kept"}}})
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write({"stack": {"secrets": "file:other"}, "clients": {"atlassian": {"secret": "file:acme#kept"}}})
    assert place.plan()["changes"] == []
    place.run("drift").ended(ExitCode.DONE)
    place.settle()
    assert [path.name for path in sorted(place.home.glob("*.secrets"))] == ["acme.secrets", "other.secrets"]
    old = place.home / "acme.secrets"
    lines = old.read_text().splitlines(keepends=True)
    old.write_text("".join(line for line in lines if "fingerprint-key" not in line))
    place.settle()
