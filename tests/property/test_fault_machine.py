"""Lives of an installation: edits of the spec, edits by hand, faults and deaths, in any order.

FAULT_SECONDS=1800 tries random lives for so long, as `make faults` does; without it they are always the same few.
A life that fails is printed step by step; the decorator that is printed below it, put before `class Life`, lives it
again.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from acceptance import wanted
from faults import figures
from faults.dying import BROKEN, Point, strike
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from test_sandbox_laws import ALL, settle_in, theirs, workplace, write

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind
from specs import Spec, specs

if TYPE_CHECKING:
    from collections.abc import Callable

    from acceptance.workplace import Workplace

    from reconciler.sandbox.serve import Sandbox

SECONDS = int(os.environ.get("FAULT_SECONDS", "0"))
COMMAND = ("apply", "--auto-approve", *(f"--allow={name}" for name in ALL))
WAYS = ("unsent", "answered", "unwritten", "torn", "power", *BROKEN)
BAD = {ExitCode.DONE, ExitCode.PARTLY, ExitCode.INCOMPLETE, ExitCode.ERROR}
"""How an apply may end to which something happened."""


def _rename_client(place: Workplace) -> None:
    for row in place.sandbox.clavex.world.clients.values():
        row.name = "By hand" if row.client_id != "theirs" else row.name


def _exchange_uris(place: Workplace) -> None:
    for row in place.sandbox.clavex.world.clients.values():
        if row.client_id != "theirs":
            row.redirect_uris = ["https://by-hand.acme.eu/cb"]


def _remove_clients(place: Workplace) -> None:
    world = place.sandbox.clavex.world
    for client_id in set(world.clients) - {"theirs"}:
        world.remove_client(client_id)


def _remove_mappers(place: Workplace) -> None:
    place.sandbox.clavex.world.mappers.clear()


def _exchange_secrets(place: Workplace) -> None:
    """Of the clients that a sign-on uses: of others it is not looked for."""
    world = place.sandbox.clavex.world
    for table in place.spec["sso"].values():
        row = world.clients.get(wanted.client_id(place.spec, table["client"]))
        if row and row.secret_digest:
            world.set_secret(row, f"made-by-hand-{time.monotonic_ns()}")


def _relabel_idps(place: Workplace) -> None:
    for world in (place.sandbox.jira.world, place.sandbox.confluence.world):
        for idp in world.idps.values():
            if idp.name != "theirs":
                idp.button_text = "By hand"


def _remove_idps(place: Workplace) -> None:
    for world in (place.sandbox.jira.world, place.sandbox.confluence.world):
        world.idps = {number: idp for number, idp in world.idps.items() if idp.name == "theirs"}


def _remove_providers(place: Workplace) -> None:
    for world in (place.sandbox.jira.world, place.sandbox.confluence.world):
        providers: Any = world.miniorange["Identity Providers"]
        providers[:] = [item for item in providers if item["Name"] == "theirs"]


DEEDS = (
    _rename_client,
    _exchange_uris,
    _remove_clients,
    _remove_mappers,
    _exchange_secrets,
    _relabel_idps,
    _remove_idps,
    _remove_providers,
)


class Life(RuleBasedStateMachine):
    """One installation, to which things happen.

    doubtful: the last apply may not have come to its end, so the spec stays as it is until one has.
    hurt: that was so at some time.
    """

    sandbox: ClassVar[Sandbox]

    def __init__(self) -> None:
        super().__init__()
        figures.COUNTS["lives"] += 1
        self._context = workplace(self.sandbox)
        self.place = self._context.__enter__()
        self.before = settle_in(self.sandbox)
        self.doubtful = self.hurt = False

    @initialize(spec=specs())
    def begin(self, spec: Spec) -> None:
        write(self.place, spec)

    @precondition(lambda self: not self.doubtful)  # what a create in doubt left is found by the key that it had
    @rule(spec=specs())
    def edit_the_spec(self, spec: Spec) -> None:
        figures.COUNTS["edits of a spec"] += 1
        write(self.place, spec)

    @rule(deed=st.sampled_from(DEEDS))
    def edit_by_hand(self, deed: Callable[[Workplace], None]) -> None:
        figures.COUNTS["edits by hand"] += 1
        deed(self.place)
        self.doubtful |= deed is _exchange_secrets  # nobody looks at the secret of a client that is not used any more

    @rule()
    def apply(self) -> None:
        figures.COUNTS["plain applies"] += 1
        self.place.run(*COMMAND).ended(ExitCode.DONE)
        assert self.place.plan()["changes"] == []
        self.doubtful = False

    @rule(way=st.sampled_from(WAYS), share=st.floats(0, 1))
    def be_struck(self, way: str, share: float) -> None:
        number = int(share * (12 if way in {"unsent", "answered"} else 60))
        seen = strike(self.place, Point(way, number), *COMMAND)
        self.doubtful = self.hurt = True
        if seen.ran is None:
            figures.COUNTS["crashes"] += 1
            return
        if number < len(seen.writes) and way in BROKEN:
            figures.COUNTS["disks that failed"] += 1
        assert seen.ran.code in BAD, seen.ran
        assert "Traceback" not in seen.ran.err

    @rule(
        system=st.sampled_from(["clavex", "jira", "confluence"]),
        kind=st.sampled_from([kind for kind in Kind if kind not in {Kind.LATENCY, Kind.SLOW_BODY}]),
        skip=st.integers(0, 20),
        times=st.sampled_from([1, 3, None]),
        acts=st.booleans(),
    )
    def meet_a_fault(self, system: str, kind: Kind, skip: int, times: int | None, *, acts: bool) -> None:
        faults = getattr(self.sandbox, system).faults
        before = len(faults.requests)
        acts = acts and kind is not Kind.TOO_MANY  # a 429 is believed: nothing was done, so the request is sent again
        faults.add(Fault(kind=kind, skip=skip, times=times, acts=acts))
        ran = self.place.run(*COMMAND)
        figures.COUNTS["faults"] += max(0, min(len(faults.requests) - before - skip, times or 99))
        faults.clear()
        self.doubtful = self.hurt = True
        assert ran.code in BAD, ran
        assert "Traceback" not in ran.err

    @invariant()
    def leaves_others_alone(self) -> None:
        now = theirs(self.sandbox)
        assert now == self.before

    @invariant()
    def makes_nothing_twice(self) -> None:
        for world in (self.sandbox.jira.world, self.sandbox.confluence.world):
            names = [idp.name for idp in world.idps.values()]
            assert len(names) == len(set(names))
        mappers = [(row.client_id, row.claim_name) for row in self.sandbox.clavex.world.mappers.values()]
        assert len(mappers) == len(set(mappers))

    def teardown(self) -> None:
        try:
            if self.place.spec:
                self.apply()
                self.leaves_others_alone()
                self._leave_only_ours()
                wanted.check(self.place)
                self.place.settle()
        finally:
            self._context.__exit__(None, None, None)

    def _leave_only_ours(self) -> None:
        """What is of others goes, and what a create in doubt made that nothing marks as ours: it was let go."""
        clavex, spec = self.sandbox.clavex.world, self.place.spec
        clavex.remove_client("theirs")
        if self.hurt:
            recorded = {line.split(" ")[0] for line in self.place.run("state", "list").out.splitlines()}
            ids = {wanted.client_id(spec, name): name for name in spec["clients"]}
            for number, row in list(clavex.mappers.items()):
                if f"clavex/mapper/{ids.get(row.client_id)}.{row.claim_name}" not in recorded:
                    del clavex.mappers[number]
        names = {"jira": set[str](), "confluence": set[str]()}
        for name, table in spec["sso"].items():
            names[table["system"]].add(table.get(table["plugin"], {}).get("name", name))
        for product, kept in names.items():
            world = getattr(self.sandbox, product).world
            providers: Any = world.miniorange["Identity Providers"]
            left = {"theirs"}
            if self.hurt:
                left |= {idp.name for idp in world.idps.values()} - kept
                left |= {item["Name"] for item in providers} - kept
            world.idps = {number: idp for number, idp in world.idps.items() if idp.name not in left}
            providers[:] = [item for item in providers if item["Name"] not in left]


def run(sandbox: Sandbox, lives: int, steps: int, *, derandomize: bool) -> None:
    """So many lives of so many steps."""
    Life.sandbox = sandbox
    chosen = settings(
        max_examples=lives,
        stateful_step_count=steps,
        derandomize=derandomize,
        database=None,
        deadline=None,
        print_blob=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Life, settings=chosen)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are sent again at once."""
    monkeypatch.setattr("reconciler.transport.retry._BACKOFF", lambda _state: 0.0)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


def test_lives(property_sandbox: Sandbox) -> None:
    if not SECONDS:
        run(property_sandbox, 5, 8, derandomize=True)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        run(property_sandbox, 5, 12, derandomize=False)
