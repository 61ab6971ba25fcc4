"""The laws with the sandbox as the world: whole commands, real requests."""

from __future__ import annotations

import base64
import copy
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from acceptance import wanted
from acceptance.workplace import GUIDE, Workplace, merged
from budget import slow_tries
from hypothesis import given
from hypothesis import strategies as st
from specs import Spec, shuffled, specs

from reconciler.errors import ExitCode
from reconciler.sandbox.clavex.world import Client
from reconciler.sandbox.faults import READS, Fault, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.sandbox.serve import Sandbox

ALL = ("deletes", "replaces", "rotates", "takes-over", "locks-out", "too-much")
EXPECTED = tuple(name for name in ALL if name not in {"takes-over", "rotates"})
"""What may be asked about while nobody else does anything."""


@contextmanager
def workplace(sandbox: Sandbox) -> Iterator[Workplace]:
    sandbox.reset()
    with tempfile.TemporaryDirectory() as folder:
        yield Workplace(sandbox, Path(folder))


def write(place: Workplace, spec: Spec) -> None:
    systems = merged({"stack": GUIDE["stack"], "systems": GUIDE["systems"]}, place.addresses)
    place.write_whole({**systems, **copy.deepcopy(spec)})


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting between attempts takes no time."""
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


@slow_tries(60)
@given(st.lists(specs(), min_size=1, max_size=3))
def test_convergence_and_idempotence(property_sandbox: Sandbox, sequence: Sequence[Spec]) -> None:
    with workplace(property_sandbox) as place:
        for spec in sequence:
            write(place, spec)
            place.apply(*EXPECTED).ended(ExitCode.DONE)
            wanted.check(place)
            place.settle()
