"""What a command imports: start-up is short because it is little."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {
    "asyncio", "deepdiff", "filelock", "httpx", "javaproperties", "pydantic", "pydantic_core", "rich", "starlette",
    "tenacity", "tomli", "tomlkit", "uvicorn", "websockets",
}  # fmt: skip
SPEC = """
[systems.clavex]
provider = "clavex"
url = "{url}"
org = "acme"
token = "env:CLAVEX_TOKEN"

[clients.a]
system = "clavex"
redirect_uris = ["https://a.acme.eu/cb"]
"""


def imported(folder: Path, *arguments: str, **environ: str) -> set[str]:
    """The modules that one run of the program imported, as the interpreter itself says."""
    command = [sys.executable, "-X", "importtime", "-m", "reconciler", *arguments]
    ran = subprocess.run(
        command, cwd=folder, env=os.environ | environ, capture_output=True, text=True, timeout=60, check=True
    )
    lines = [line.split("|")[-1].strip() for line in ran.stderr.splitlines() if line.startswith("import time:")]
    assert "click" in lines
    return set(lines)


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("plan", "--help"), ("apply", "--help")])
def test_what_needs_no_spec_imports_nothing_heavy(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    modules = imported(tmp_path, *arguments)
    assert packages(modules) & HEAVY == set()
    ours = {name.split(".")[1] for name in modules if name.startswith("reconciler.")}
    assert ours <= {"cli", "errors", "diagnostic", "__main__"}


def test_a_plan_imports_only_what_its_spec_names(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        (tmp_path / "specs" / "one").mkdir(parents=True)
        (tmp_path / "specs" / "one" / "spec.toml").write_text(SPEC.format(url=sandbox.clavex.url))
        modules = imported(tmp_path, "plan", CLAVEX_TOKEN=sandbox.clavex.token)
    assert packages(modules) & HEAVY <= {"httpx", "pydantic", "pydantic_core", "tomli"}
    assert {name.split(".")[2] for name in modules if name.startswith("reconciler.providers.")} == {"clavex"}
    assert "reconciler.sandbox" not in modules
