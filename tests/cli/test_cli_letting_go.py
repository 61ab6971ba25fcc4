"""`import` and `forget` where something stands in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli.terminal import flat

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from cli.terminal import Terminal

CLIENT = "clavex/client/atlassian"


def test_what_is_managed_is_not_imported_again(applied: Terminal) -> None:
    """It would count as adopted then, and be left behind when it leaves the spec."""
    ran = applied.run("import", CLIENT).ended(ExitCode.ERROR)
    assert f"{CLIENT} is in the state already" in ran.err
    assert applied.entries[CLIENT]["origin"] == "created"
    assert not applied.writes


def test_what_bears_a_foreign_mark_is_not_imported(applied: Terminal) -> None:
    applied.run("forget", CLIENT).ended(ExitCode.DONE)
    row = applied.sandbox.clavex.world.clients["atlassian"]
    row.managed_by, row.managed_ref = "terraform", "prod"
    ran = applied.run("import", CLIENT).ended(ExitCode.ERROR)
    assert f"{CLIENT} bears the mark of terraform (prod)" in flat(ran.err)
    assert "--allow takes-over" in ran.err
    assert (row.managed_by, row.managed_ref) == ("terraform", "prod")


@pytest.mark.parametrize("address", ["clavex/client/other", "elsewhere/client/atlassian"])
def test_what_the_spec_does_not_ask_for_is_not_imported(applied: Terminal, address: str) -> None:
    ran = applied.run("import", address).ended(ExitCode.ERROR)
    assert f"{address} is not in the spec" in flat(ran.err)


def test_what_is_not_there_is_not_imported(terminal: Terminal) -> None:
    ran = terminal.run("import", CLIENT).ended(ExitCode.ERROR)
    assert "there is no such object to import" in flat(ran.err)
    assert not terminal.entries


def test_what_cannot_be_read_is_not_imported(terminal: Terminal) -> None:
    terminal.sandbox.clavex.faults.add(Fault(kind=Kind.HTML, times=None))
    ran = terminal.run("import", CLIENT).ended(ExitCode.INCOMPLETE)
    assert "the answer is an HTML page" in flat(ran.err)


def test_what_cannot_be_read_can_be_forgotten(applied: Terminal) -> None:
    """A system that is gone for good must not hold its entries."""
    applied.sandbox.confluence.faults.add(Fault(kind=Kind.CUT_BEFORE, times=None))
    applied.run("forget", "confluence/idp/confluence").ended(ExitCode.DONE)
    assert "confluence/idp/confluence" not in applied.entries


def test_what_belongs_to_a_system_that_left_the_spec_can_be_forgotten(applied: Terminal) -> None:
    """As the message of the plan says."""
    spec = applied.spec
    del spec["systems"]["confluence"], spec["sso"]["confluence"]
    applied.write_whole(spec)
    ran = applied.run("plan").ended(ExitCode.INCOMPLETE)
    assert "drop it from the state with `reconciler forget`" in flat(ran.out)
    for address in [address for address in applied.entries if address.startswith("confluence/")]:
        applied.run("forget", address).ended(ExitCode.DONE)
    ran = applied.run("plan").ended(ExitCode.DONE)
    assert applied.sandbox.confluence.world.idps


def test_the_lock_names_the_command(applied: Terminal) -> None:
    applied.sandbox.clavex.faults.add(Fault(kind=Kind.LATENCY, seconds=2))
    applied.sandbox.clavex.faults.reset_counts()
    with applied.start("forget", CLIENT) as process:
        applied.wait_for("clavex", "GET")
        ran = applied.apply().ended(ExitCode.LOCKED)
        assert ": forget by " in flat(ran.err)
        applied.end(process).ended(ExitCode.DONE)
