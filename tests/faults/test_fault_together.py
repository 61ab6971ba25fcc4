"""Applies at the same time, holders of the lock that died, and clocks that go backwards."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Self

import pytest
from acceptance.cases import client, portal
from acceptance.workplace import merged
from faults import figures
from faults.dying import NOWHERE, Point, launch, strike
from faults.strangers import Strangers, converges, says_no_secret

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from cli.terminal import Terminal

APPLY = ("apply", "--auto-approve", "--allow=locks-out")
AT_ONCE = 6
ROUNDS = 20 if os.environ.get("EVERY_POINT") else 2


@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_many_applies_at_once_one_works(terminal: Terminal, number: int) -> None:
    """The others do nothing, and say who is at work since when."""
    strangers = Strangers(terminal.sandbox)
    terminal.sandbox.clavex.faults.add(Fault(kind=Kind.LATENCY, method="POST", path="/clients$", seconds=1))
    begun = [launch(terminal, NOWHERE, *APPLY) for _ in range(AT_ONCE)]
    ended = [(one.pid, one.end()) for one in begun]
    (worker,) = [pid for pid, seen in ended if seen.ran and seen.ran.code == ExitCode.DONE]
    others = [seen for pid, seen in ended if pid != worker]
    for seen in others:
        assert seen.ran
        said = " ".join(seen.ran.ended(ExitCode.LOCKED).err.split())
        assert re.search(rf"is locked since \d{{4}}-\S+: apply by \S+ on \S+ \(process {worker}\)", said)
        assert seen.requests == 0
    says_no_secret(terminal)
    converges(terminal, strangers)
    figures.COUNTS["applies at once"] += AT_ONCE


@pytest.mark.parametrize("request_number", [0, 5])
def test_a_holder_that_died_holds_nothing(terminal: Terminal, request_number: int) -> None:
    """What it wrote down about itself is still there, and counts for nothing: the lock itself is gone with it."""
    strangers = Strangers(terminal.sandbox)
    seen = strike(terminal, Point("answered", request_number), *APPLY)
    assert seen.ran is None
    left = json.loads((terminal.home / "lock.json").read_bytes())
    (terminal.home / "lock.json").write_text(json.dumps(left | {"pid": os.getpid()}))  # a pid that is used again
    assert terminal.run("drift", "--json").json["running"] is None
    assert "Nobody holds the lock." in terminal.run("state", "unlock").ended(ExitCode.DONE).out
    began = time.monotonic()
    converges(terminal, strangers)
    assert time.monotonic() - began < 30  # nobody waited for a lease


class Earlier(datetime):
    """A clock that was set back by more than a year."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(super().now(tz).timestamp(), tz) - timedelta(days=400)


def test_a_clock_that_goes_back_makes_no_state_older(applied: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serials and the numbers of backups order what was written, not times."""
    strangers = Strangers(applied.sandbox)
    before = json.loads(applied.run("state", "pull").out)["state"]
    for module in ("engine.performing", "flows.place"):
        monkeypatch.setattr(f"reconciler.{module}.datetime", Earlier)
    applied.write(merged(client(name="New"), portal()))
    assert strike(applied, Point("answered", 1), *APPLY).ran is None
    converges(applied, strangers)
    after = json.loads(applied.run("state", "pull").out)["state"]
    assert after["serial"] > before["serial"]
    since = {address: entry.get("secret_since") for address, entry in after["entries"].items()}
    assert since["clavex/client/portal"] < since["clavex/client/atlassian"]
    listed = [item["serial"] for item in applied.run("state", "history", "--json").json["states"]]
    assert listed == sorted(listed, reverse=True)
    assert max(listed) < after["serial"]
    applied.settle()
