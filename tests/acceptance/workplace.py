"""One stack in a folder of its own, the sandbox behind it, and the commands, run in this process."""

from __future__ import annotations

import copy
import io
import json
import os
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import tomlkit

from reconciler.cli.main import outcome
from reconciler.errors import ExitCode
from reconciler.sandbox.faults import READS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.sandbox.serve import Sandbox

Spec = dict[str, Any]
ROOT = Path(__file__).parents[2]
GUIDE: Spec = tomllib.loads((ROOT / "specs" / "acme" / "acme.toml").read_text())
"""The guide's example."""


def merged(spec: Mapping[str, Any], *overlays: Mapping[str, Any]) -> Spec:
    """The spec with tables merged over it; None takes a key out."""
    made = copy.deepcopy(dict(spec))
    for overlay in overlays:
        for key, value in overlay.items():
            if value is None:
                made.pop(key, None)
            elif isinstance(value, dict):
                made[key] = merged(made.get(key, {}), value)
            else:
                made[key] = copy.deepcopy(value)
    return made


@dataclass(frozen=True)
class Ran:
    """How one command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)

    def ended(self, code: ExitCode) -> Ran:
        """Itself, if it ended so."""
        assert self.code == code, f"exit code {self.code}, not {code!r}:\n{self.out}\n{self.err}"
        return self


class _Watched(list[tuple[str, str]]):
    """The requests of one system, of which somebody else is told too."""

    def __init__(self, name: str, seen: list[tuple[str, str, str]]) -> None:
        super().__init__()
        self._name, self._seen = name, seen

    def append(self, request: tuple[str, str]) -> None:
        super().append(request)
        if request[0] not in READS:
            self._seen.append((self._name, *request))


@dataclass
class Workplace:
    """Where a test works. `shown` is all that the commands printed so far."""

    sandbox: Sandbox
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    environment: str = ""
    spec: Spec = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)

    # --- the spec -------------------------------------------------------------------------------------------------

    @property
    def addresses(self) -> Spec:
        """The overlay that sends the systems of the guide's example to the sandbox."""
        systems = self.sandbox.describe()
        return {"systems": {name: {"url": system["url"]} for name, system in systems.items()}}

    def write(self, *overlays: Mapping[str, Any]) -> Spec:
        """The guide's example against the sandbox, with overlays, is the spec."""
        return self.write_whole(merged(GUIDE, self.addresses, *overlays))

    def write_whole(self, spec: Spec) -> Spec:
        """`spec` is the spec."""
        self.spec = spec
        stack = self.folder / "specs" / "acme"
        stack.mkdir(parents=True, exist_ok=True)
        (stack / "acme.toml").write_text(tomlkit.dumps(spec))
        return spec

    def write_overlay(self, environment: str, overlay: Mapping[str, Any]) -> None:
        """An environment of the stack."""
        folder = self.folder / "specs" / "acme" / "env"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{environment}.toml").write_text(tomlkit.dumps(overlay))

    # --- commands -------------------------------------------------------------------------------------------------

    @property
    def variables(self) -> dict[str, str]:
        """The environment that the commands run in."""
        systems = self.sandbox.describe().items()
        tokens = {f"{name.upper()}_TOKEN": system["token"] for name, system in systems if "token" in system}
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": f"{ROOT / 'tests' / 'offline'}:{ROOT}",
            "RECONCILER_SPECS": str(self.folder / "specs"),
            "RECONCILER_STATE_DIR": str(self.folder / "state"),
            "RECONCILER_FILES": str(self.folder),
            **({"RECONCILER_ENV": self.environment} if self.environment else {}),
            **tokens,
            **self.environ,
        }

    def run(self, *arguments: str) -> Ran:
        """One command of the program."""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with patch.dict(os.environ, self.variables, clear=True), redirect_stdout(out), redirect_stderr(err):
            code = outcome(list(arguments))
        texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
        self.shown += texts
        return Ran(code, *texts)

    def plan(self, *arguments: str) -> Any:
        """The plan as JSON."""
        ran = self.run("plan", "--format", "json", *arguments)
        assert ran.out, ran.err
        return ran.json["plan"]

    def apply(self, *allowed: str, arguments: Sequence[str] = ()) -> Ran:
        """An apply that does not ask, with these hazards allowed."""
        return self.run("apply", "--auto-approve", *arguments, *(f"--allow={name}" for name in allowed))

    def settle(self) -> None:
        """Holds if there is nothing left to do: the plan is empty, nothing drifted, and an apply changes nothing."""
        before = self.writes
        self.run("drift").ended(ExitCode.DONE)
        steps = self.apply(arguments=["--json"]).ended(ExitCode.DONE).json["results"]
        assert [step["address"] for step in steps] == []  # an apply of an empty plan has none
        assert self.writes == before

    # --- what the systems were asked ------------------------------------------------------------------------------

    @property
    def writes(self) -> int:
        """How many requests the sandbox was sent that could change something, since the last reset."""
        return sum(served.faults.writes for served in self.sandbox.served)

    def watch(self) -> list[tuple[str, str, str]]:
        """From now on: system, method and path of every write, in the order in which they arrive."""
        seen: list[tuple[str, str, str]] = []
        for name in self.sandbox.describe():
            faults = getattr(self.sandbox, name).faults
            faults.requests = _Watched(name, seen)
        return seen

    # --- what lies about ------------------------------------------------------------------------------------------

    @property
    def home(self) -> Path:
        """The folder of the state."""
        return self.folder / "state" / "acme" / (self.environment or "default")

    @property
    def entries(self) -> dict[str, Any]:
        """The entries of the state, by address."""
        path = self.home / "state.json"
        return dict(json.loads(path.read_bytes())["state"].get("entries", {})) if path.exists() else {}

    def stored_secrets(self) -> dict[str, str]:
        """What the file store holds, by name."""
        lines = (self.home / "acme.secrets").read_text().splitlines() if self.home.exists() else []
        return {line["name"]: line["value"] for line in map(json.loads, lines)}
