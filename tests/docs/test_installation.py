"""`pip install .` in a virtual environment of one's own: the wheel, with what it declares and nothing else.

No registry is asked: the packages that the project requires are linked from where these tests run.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]


def required(name: str, found: set[str]) -> set[str]:
    """The distributions that one needs without its extras, itself included."""
    if name not in found:
        found.add(name)
        for text in distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                required(requirement.name, found)
    return found


def link(name: str, target: Path) -> None:
    """Makes an installed distribution visible in another environment."""
    found = distribution(name)
    for top in {file.parts[0] for file in found.files or []} - {"..", "__pycache__"}:
        if not (target / top).exists():
            (target / top).symlink_to(found.locate_file(top))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, as an installation of the project made it."""
    folder = tmp_path_factory.mktemp("installation")
    source = folder / "source"
    source.mkdir()
    shutil.copytree(ROOT / "reconciler", source / "reconciler", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    run(*PIP, "--python", str(python), "install", "--no-index", "--no-deps", str(wheel))
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    for name in sorted(required("sso-reconciler", set()) - {"sso-reconciler"}):
        link(name, packages)
    return folder / "venv" / "bin" / "reconciler"


def run(*command: str, cwd: Path | None = None) -> str:
    """What a command prints; it must end well."""
    ran = attempt(*command, cwd=cwd)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def attempt(*command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_program_runs_and_reads_a_spec(program: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    assert run(str(program), "--version", cwd=tmp_path).startswith("reconciler, version ")
    assert "specs/acme: right" in run(str(program), "validate", cwd=tmp_path)


def test_every_provider_and_plugin_is_there(program: Path, tmp_path: Path) -> None:
    for command in ("plan", "apply", "verify", "doctor"):
        assert run(str(program), command, "--help", cwd=tmp_path)
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    planned = attempt(str(program), "plan", "--allow", "new-host", cwd=tmp_path)
    assert planned.returncode == 1
    assert planned.stderr.count("the credential is missing") == 3  # as far as it comes without tokens


def test_the_sandbox_says_how_to_install_what_it_needs(program: Path, tmp_path: Path) -> None:
    ran = attempt(str(program), "sandbox", cwd=tmp_path)
    assert ran.returncode == 1
    assert "which is not installed" in ran.stderr
    assert "pip install 'sso-reconciler[sandbox]'" in ran.stderr
