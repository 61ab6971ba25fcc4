"""The emulated Clavex answers as the real one was recorded; see tests/recordings/README.md."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.sandbox.clavex.world import EMAIL, ORG_SLUG, PASSWORD

if TYPE_CHECKING:
    from reconciler.sandbox.serve import Sandbox

RECORDINGS = Path(__file__).parent.parent / "recordings"
SCENARIOS = sorted((RECORDINGS / "clavex").glob("*.json"))
LOGIN = f"{ORG_SLUG}:{EMAIL}:{PASSWORD}"

_SPEC = importlib.util.spec_from_file_location("replay", RECORDINGS / "replay.py")
assert _SPEC
assert _SPEC.loader
replay = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(replay)


def differences(sandbox: Sandbox, content: dict[str, Any]) -> list[str]:
    server = replay.Server(sandbox.clavex.url)
    with server._http:
        names = replay.Names(replay._log_in(server, LOGIN) | {"run": "r00000001"})
        return list(replay.play(content, server, names, record=False))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_it_answers_as_recorded(sandbox: Sandbox, path: Path) -> None:
    assert differences(sandbox, json.loads(path.read_text(encoding="utf-8"))) == []


def test_with_keys_of_each_organisation_it_answers_as_recorded(sandbox: Sandbox) -> None:
    sandbox.clavex.world.switches = replace(sandbox.clavex.world.switches, key_backend="db")
    path = RECORDINGS / "clavex" / "special" / "key-backend-db.json"
    assert differences(sandbox, json.loads(path.read_text(encoding="utf-8"))) == []


def test_everything_that_the_product_leans_on_is_replayed() -> None:
    names = {path.stem for path in SCENARIOS}
    assert {"authorize", "token-refusals", "login", "login-username", "login-mappers", "login-form"} < names
    assert {"userinfo-refusals", "groups-members", "users", "login-session", "login-public", "login-refresh"} < names
    assert {"auth-refusals", "org-addressing", "guide-step-1", "discovery", "mappers", "groups"} < names
    assert {"groups-paging", "client-secret", "client-patch", "client-managed-marker", "client-list-paging"} < names


def test_a_changed_recording_is_noticed(sandbox: Sandbox) -> None:
    content = json.loads((RECORDINGS / "clavex" / "client-delete.json").read_text(encoding="utf-8"))
    for number, step in enumerate(content["steps"]):
        changed = deepcopy(content)
        changed["steps"][number]["response"]["status"] = step["response"]["status"] + 1
        found = differences(sandbox, changed)
        assert any(f"step {number + 1}," in line and "response.status" in line for line in found)


def test_the_replayer_runs_against_it_as_against_the_real_server(sandbox: Sandbox, tmp_path: Path) -> None:
    good = RECORDINGS / "clavex" / "client-shapes.json"
    bad = tmp_path / "bad.json"
    bad.write_text(good.read_text(encoding="utf-8").replace('"total": 1', '"total": 2'), encoding="utf-8")

    def run(path: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, RECORDINGS / "replay.py", "--url", sandbox.clavex.url, "--login", LOGIN, path]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert run(good).returncode == 0, run(good).stdout
    assert "expected 2, got 1" in (failed := run(bad)).stdout
    assert failed.returncode == 1
