"""Runs that are broken off at each of their points, again and again, and what has to be true after each."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from acceptance import wanted
from acceptance.cases import client, portal
from acceptance.workplace import merged
from cli.terminal import Terminal
from faults import figures
from faults.dying import NOWHERE, Point, Seen, strike
from faults.strangers import Strangers, converges, says_no_secret

from reconciler.errors import ExitCode
from reconciler.sandbox.serve import Sandbox

EVERY = bool(os.environ.get("EVERY_POINT"))
APPLY = ("apply", "--auto-approve", "--parallelism", "1")


@dataclass(frozen=True)
class Reference:
    """A run that is broken off at each of its points: what is there before (None: nothing), and what is asked for."""

    old: dict[str, Any] | None
    new: dict[str, Any]
    allowed: tuple[str, ...]
    stride: int
    """Of its requests one of so many is tried, and of its writes to the disk one of six times so many."""

    @property
    def command(self) -> tuple[str, ...]:
        return (*APPLY, *(f"--allow={name}" for name in self.allowed))


RUNS = {
    "the first apply": Reference(None, {}, ("locks-out",), 1),
    "a change of everything": Reference(
        portal(claims={"nick": "email"}),
        merged(client(name="Sign-on", client_id="sso2"), {"groups": {"beta": {"system": "clavex"}}}),
        ("locks-out", "deletes", "replaces", "too-much"),
        4,
    ),
}


@dataclass
class Ground:
    """Where a reference run is made again and again, each time as new."""

    sandbox: Sandbox
    folder: Path
    reference: Reference
    environ: dict[str, str] = field(default_factory=dict)
    overlay: dict[str, Any] = field(default_factory=dict)
    number: int = field(default=0, init=False)

    def fresh(self) -> tuple[Terminal, Strangers]:
        """All as it is before the run."""
        self.number += 1
        self.sandbox.reset()
        for served in self.sandbox.served:
            served.faults.requests = []
        terminal = Terminal(self.sandbox, self.folder / str(self.number), self.environ)
        if self.reference.old is not None:
            terminal.write(self.overlay, self.reference.old)
            terminal.apply("locks-out").ended(ExitCode.DONE)
        terminal.write(self.overlay, self.reference.new)
        strangers = Strangers(self.sandbox)
        for served in self.sandbox.served:
            served.faults.reset_counts()
        return terminal, strangers

    def strike(self, terminal: Terminal, point: Point) -> Seen:
        """The run, struck at that point."""
        return strike(terminal, point, *self.reference.command)

    def count(self) -> Seen:
        """The run, undisturbed."""
        terminal, strangers = self.fresh()
        seen = self.strike(terminal, NOWHERE)
        assert seen.ran
        seen.ran.ended(ExitCode.DONE)
        assert seen.requests == self.received
        self.recover(terminal, strangers)
        return seen

    @property
    def received(self) -> int:
        """The requests that write which arrived since all was as new."""
        proofs = sum(path.endswith("/token") for _, path in self.sandbox.clavex.faults.requests)
        return sum(served.faults.writes for served in self.sandbox.served) + proofs

    def recover(self, terminal: Terminal, strangers: Strangers) -> None:
        """A plain run converges, and nothing was lost."""
        kept = used_secrets(terminal)
        converges(terminal, strangers, *self.reference.allowed)
        assert kept.items() <= terminal.stored_secrets().items()
        for name in terminal.spec["clients"]:
            prove(terminal, name)
        says_no_secret(terminal)


def used_secrets(terminal: Terminal) -> dict[str, str]:
    """The stored secrets of clients that the spec wants that the server takes and a sign-on has already."""
    wants = {wanted.client_id(terminal.spec, name) for name in terminal.spec["clients"]}
    rows = terminal.sandbox.clavex.world.clients.values()
    digests = {row.secret_digest for row in rows if row.client_id in wants}
    given = [idp.client_secret.get_secret_value() for idp in terminal.sandbox.confluence.world.idps.values()]
    given.append(json.dumps(terminal.sandbox.jira.world.miniorange))
    path = terminal.home / "acme.secrets"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    stored = {line["name"]: line["value"] for line in map(json.loads, lines)}
    return {
        name: value
        for name, value in stored.items()
        if hashlib.sha256(value.encode()).hexdigest() in digests and any(value in text for text in given)
    }


def prove(terminal: Terminal, name: str) -> None:
    """The token endpoint takes the stored secret: it refuses the code, not the client."""
    form = {"grant_type": "authorization_code", "code": "none", "redirect_uri": "https://x.example/"}
    form |= {
        "client_id": wanted.client_id(terminal.spec, name),
        "client_secret": wanted.client_secret(terminal, name),
    }
    request = Request(f"{terminal.sandbox.clavex.url}/acme/token", urlencode(form).encode())
    with pytest.raises(HTTPError) as refusal:
        urlopen(request, timeout=10)
    with refusal.value as answer:
        assert json.load(answer)["error"] == "invalid_grant"


def try_all(ground: Ground, points: Sequence[Point], counted: str) -> None:
    """Each is reached, and the run after it converges."""
    for point in points:
        terminal, strangers = ground.fresh()
        seen = ground.strike(terminal, point)
        assert seen.ran is None, f"{point} was not reached"
        try:
            ground.recover(terminal, strangers)
        except AssertionError as problem:
            raise AssertionError(f"after {point}: {problem}") from problem
        figures.COUNTS[counted] += 1


def some(ground: Ground, numbers: Iterable[int], share: int = 1) -> list[int]:
    """Those of them that are tried: all, or one of so many."""
    return list(numbers)[:: 1 if EVERY else share * ground.reference.stride]
