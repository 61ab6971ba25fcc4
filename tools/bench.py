"""Measures start-up, plan, apply and memory, each beside its floor, against the same stub of a Clavex.

    python tools/bench.py [--runs 7] [--clients 1000 10000] [--creates 1000]

Every figure is of whole processes, from start to exit. The program and its floor run in turn, and the median of each
counts. Exit code 1 if a target is missed. docs/performance.md says what the floors are, and what was measured.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRIPTS = Path(__file__).with_name("bench")
PYTHON = sys.executable
PROGRAM = str(Path(sys.executable).with_name("reconciler"))
CLIENTS = "/api/v1/organizations/0f8fad5b-d9cb-469f-a165-70867728950e/clients"
IN_FLIGHT = 20
LATENCY = 20
"""Milliseconds."""

STARTUP, PLAN, APPLY, APPLY_SLOW, JOURNAL = 1.5, 1.5, 2.0, 1.25, 1.15
"""At most so many times the floor."""
MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - each run has a folder of its own there
"""A file system on which a sync costs nothing."""
GROWTH = 1.1
"""Ten times the clients take at most ten times as long, and a tenth more."""
MEMORY = 10.0
"""KiB for each resource, above an empty plan, at most."""

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "RECONCILER_"))},
    "CLAVEX_TOKEN": "clv_" + 40 * "0",
}
"""Of every process: as a user has it, so that byte code is kept, for one."""
HEAD = """[stack]
secrets = "file:bench"

[systems.clavex]
provider = "clavex"
url = "http://127.0.0.1:{port}"
org = "acme"
token = "env:CLAVEX_TOKEN"
"""
TABLE = """
[clients.app{number:05}]
system = "clavex"
name = "Application {number:05}"
redirect_uris = ["https://app{number:05}.acme.eu/callback"]
grant_types = ["authorization_code", "refresh_token"]
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process took: seconds from its start to its exit, and its peak memory in KiB."""

    seconds: float
    peak: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `value` is held against `limit`."""

    name: str
    ours: str
    floor: str
    value: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.value <= self.limit

    def __str__(self) -> str:
        value, limit = f"{self.value:.2f} {self.unit}".rstrip(), f"at most {self.limit:.2f}"
        return f"{self.name:44}{self.ours:>10}{self.floor:>10}{value:>12}  {limit:15}{'' if self.met else 'MISSED'}"


class World:
    """A stub of a Clavex that has no client yet, and a folder with a spec that wants some."""

    def __init__(self, folder: Path, port: int, clients: int) -> None:
        self.folder = folder
        self.spec = folder / "specs" / "bench" / "spec.toml"
        self.spec.parent.mkdir(parents=True)
        tables = (TABLE.format(number=number) for number in range(clients))
        self.spec.write_text(HEAD.format(port=port) + "".join(tables), encoding="utf-8")

    def program(self, *arguments: str) -> Usage:
        """One run of the program."""
        return run([PROGRAM, *arguments], self.folder)

    def bare(self, script: str, *arguments: str) -> Usage:
        """One run of a floor."""
        return run([PYTHON, str(SCRIPTS / script), str(self.spec), CLIENTS, *arguments], self.folder)

    def apply(self, *options: str) -> Usage:
        """Creates all clients."""
        return self.program("apply", "--auto-approve", "--parallelism", str(IN_FLIGHT), *options)

    def apply_unsynced(self) -> Usage:
        """The same with its state and secrets in memory, so that nothing waits for a disk."""
        with tempfile.TemporaryDirectory(dir=MEMORY_DISK) as folder:
            return self.apply("--state-dir", folder)

    def bare_apply(self) -> Usage:
        """The floor of an apply."""
        return self.bare("bare_apply.py", str(IN_FLIGHT))


def main() -> int:
    """Prints the table; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="Time and memory of reconciler beside their floors.")
    parser.add_argument("--runs", type=int, default=11, help="of each; the median counts")
    parser.add_argument("--clients", type=int, nargs=2, default=(1000, 10_000), help="of the two plans")
    parser.add_argument("--creates", type=int, default=1000, help="of an apply")
    options = parser.parse_args()
    print(f"{'':44}{'ours':>10}{'floor':>10}{'measured':>12}  target", flush=True)
    rows: list[Row] = []
    for row in measure(options.runs, options.clients, options.creates):
        print(row, flush=True)
        rows.append(row)
    return 0 if all(row.met for row in rows) else 1


def measure(runs: int, clients: tuple[int, int], creates: int) -> Iterator[Row]:
    """Every row, one after the other."""
    here = Path()
    version, click = partial(run, [PROGRAM, "--version"], here), partial(run, [PYTHON, "-c", "import click"], here)
    yield beside("start-up: --version, beside `import click`", runs * 2, STARTUP, version, click)
    yield from plans(runs, clients)
    for latency, limit in ((0, APPLY), (LATENCY, APPLY_SLOW)):
        name = f"apply: {creates:,} creates, {IN_FLIGHT} in flight, {latency} ms"
        ours, floor = partial(once, creates, latency, World.apply), partial(once, creates, latency, World.bare_apply)
        yield beside(name, runs, limit, ours, floor)
    if MEMORY_DISK.is_dir():
        yield journal(runs, creates)


def journal(runs: int, creates: int) -> Row:
    """What it costs that a run writes down, and syncs, what it does."""
    ours, free = partial(once, creates, LATENCY, World.apply), partial(once, creates, LATENCY, World.apply_unsynced)
    return beside(f"journal: the last, beside free syncs, {LATENCY} ms", runs, JOURNAL, ours, free)


def plans(runs: int, clients: tuple[int, int]) -> Iterator[Row]:
    """The plans of unchanged clients: time beside the floor, growth, memory."""
    with world(0) as empty:
        nothing = middle([empty.program("plan") for _ in range(runs + 1)])
    found = []
    for count in clients:
        with world(count) as made:
            made.apply()
            ours, floor = in_turn(runs, lambda: made.program("plan"), lambda: made.bare("bare_plan.py"))
        found.append(ours)
        yield compare(f"plan: {count:,} unchanged clients", ours, floor, PLAN)
    few, many = (usage.seconds for usage in found)
    linear = few * clients[1] / clients[0]
    name = f"growth: {clients[1]:,} clients, beside {clients[1] // clients[0]} x {clients[0]:,}"
    yield Row(name, f"{many:.3f} s", f"{linear:.3f} s", many / linear, GROWTH, "x")
    for count, usage in zip(clients, found, strict=True):
        name = f"memory: of each of {count:,} clients in a plan"
        each = (usage.peak - nothing.peak) / count
        yield Row(name, f"{usage.peak >> 10} MiB", f"{nothing.peak >> 10} MiB", each, MEMORY, "KiB")


def beside(name: str, runs: int, limit: float, ours: Callable[[], Usage], floor: Callable[[], Usage]) -> Row:
    """The seconds of the program beside those of its floor."""
    return compare(name, *in_turn(runs, ours, floor), limit)


def compare(name: str, ours: Usage, floor: Usage, limit: float) -> Row:
    """The row of two medians."""
    return Row(name, f"{ours.seconds:.3f} s", f"{floor.seconds:.3f} s", ours.seconds / floor.seconds, limit, "x")


def in_turn(runs: int, ours: Callable[[], Usage], floor: Callable[[], Usage]) -> tuple[Usage, Usage]:
    """The medians of both, run in turn, so that both see the same machine. The first of each is not counted."""
    pairs = [(ours(), floor()) for _ in range(runs + 1)]
    return middle([pair[0] for pair in pairs]), middle([pair[1] for pair in pairs])


def middle(usages: list[Usage]) -> Usage:
    """The medians, without the first run, which writes byte code."""
    counted = usages[1:]
    return Usage(median(usage.seconds for usage in counted), round(median(usage.peak for usage in counted)))


def once(clients: int, latency: int, act: Callable[[World], Usage]) -> Usage:
    """What `act` takes in a world of its own: an apply finds nothing there."""
    with world(clients, latency) as made:
        return act(made)


@contextmanager
def world(clients: int, latency: int = 0) -> Iterator[World]:
    """A world whose stub waits `latency` milliseconds before each answer; ended with the context."""
    command = [PYTHON, str(SCRIPTS / "stub.py"), str(latency)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stub,  # noqa: S603 - our own script
    ):
        try:
            port = stub.stdout.readline() if stub.stdout else ""
            yield World(Path(folder), int(port), clients)
        finally:
            stub.terminate()
            stub.wait(10)


def run(command: list[str], folder: Path) -> Usage:
    """What one process takes. What it prints is thrown away, unless it fails."""
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own programs
            command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            sys.exit(f"{' '.join(command)} ended with {process.returncode}\n{errors.read().decode()[-2000:]}")
    return Usage(seconds, usage.ru_maxrss)


if __name__ == "__main__":
    sys.exit(main())
