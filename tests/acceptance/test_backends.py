"""The main job with the state somewhere else: nothing of it lies on this machine."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance import wanted
from acceptance.workplace import Workplace
from contract.documents import TOKEN, USER

from reconciler.errors import ExitCode
from reconciler.flows.place import Place, lock_info

NUMBERS = itertools.count()


def postgres(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, str]]:
    dsn = request.getfixturevalue("postgres_server").dsn
    return {"kind": "postgres", "dsn": "env:DSN", "schema": f"run-{next(NUMBERS)}"}, {"DSN": dsn}


def s3(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, str]]:
    keys = {"access_key": "env:KEY", "secret_key": "env:SECRET"}
    table = {"kind": "s3", "bucket": "states", "region": "x", "path_style": True, **keys}
    return table | {"endpoint": request.getfixturevalue("buckets").url}, {"KEY": "k", "SECRET": "s"}


def gitlab(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, str]]:
    address = request.getfixturevalue("gitlab").address
    methods = {"lock_method": "POST", "unlock_method": "DELETE", "lock_address": f"{address}/lock"}
    table = {"kind": "http", "address": "env:ADDRESS", "username": USER, "password": "env:TOKEN", **methods}
    return table, {"TOKEN": TOKEN, "ADDRESS": address}


@pytest.fixture(params=[postgres, s3, gitlab], ids=lambda make: make.__name__)
def elsewhere(request: pytest.FixtureRequest, place: Workplace) -> Workplace:
    """The guide's example, not yet applied, with its state in a backend."""
    table, environ = request.param(request)
    moved = replace(place, environ=environ)
    moved.write({"backend": table})
    return moved


def test_apply_keeps_its_state_there(elsewhere: Workplace) -> None:
    elsewhere.apply("locks-out").ended(ExitCode.DONE)
    assert {path.name for path in elsewhere.home.iterdir()} == {"acme.secrets"}
    assert "clavex/client/atlassian" in elsewhere.run("state", "list").ended(ExitCode.DONE).out
    wanted.check(elsewhere)
    elsewhere.settle()
    elsewhere.run("doctor").ended(ExitCode.DONE)


def test_who_finds_the_state_locked_is_told_since_when(elsewhere: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere.apply("locks-out").ended(ExitCode.DONE)
    for name, value in elsewhere.environ.items():
        monkeypatch.setenv(name, value)
    store = Place("acme", specs=elsewhere.folder / "specs", states=Path("nowhere")).state_store()
    info = lock_info("apply")
    with store.open(info):
        ran = elsewhere.apply().ended(ExitCode.LOCKED)
    assert f"locked since {info.since}" in " ".join(ran.err.split())
    elsewhere.apply().ended(ExitCode.DONE)


def test_a_missing_credential_is_said_before_anything_is_sent(elsewhere: Workplace) -> None:
    ran = replace(elsewhere, environ={}).run("plan").ended(ExitCode.ERROR)
    assert "of [backend] names, is missing" in " ".join(ran.err.split())
    assert elsewhere.writes == 0
