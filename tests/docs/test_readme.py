"""The README's commands are run, and what it says they print is what they print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from offline.sitecustomize import OFFLINE

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
BLOCKS = re.findall(r"```console\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def demo() -> str:
    """What `make demo` prints."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        [sys.executable, "tools/demo.py"],
        cwd=ROOT,
        env={"PATH": path, "PYTHONPATH": OFFLINE, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_prints_what_the_readme_shows(demo: str) -> None:
    (block,) = [block for block in BLOCKS if "$ reconciler plan" in block]
    rest = demo
    for passage in block.split("…\n"):
        assert passage.strip() in rest, f"the demo does not print, at this place:\n{passage}"
        rest = rest[rest.index(passage.strip()) + len(passage.strip()) :]


@pytest.mark.parametrize(
    "command", sorted({line[2:] for block in BLOCKS for line in block.splitlines() if line[:2] == "$ "})
)
def test_every_command_of_the_readme_exists(command: str) -> None:
    program, name = command.split()[:2]
    if program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{name}:", makefile, re.MULTILINE)
    else:
        from reconciler.cli.main import main

        assert name in main.list_commands(None)


def test_the_readme_has_every_command() -> None:
    from reconciler.cli.main import main

    table = README.partition("## The commands")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    shown = {name.split()[0] for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert set(main.list_commands(None)) - shown == {"show"}  # which stands beside `plan`
    assert "`show FILE`" in table


def test_every_link_of_the_documents_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    links = [(page, target) for page in pages for target in LINK.findall(page.read_text(encoding="utf-8"))]
    missing = [f"{page.relative_to(ROOT)}: {target}" for page, target in links if not (page.parent / target).exists()]
    assert links
    assert missing == []


def test_the_exit_codes_of_the_readme_are_those_of_the_code() -> None:
    from reconciler.errors import ExitCode

    shown = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE) for code in row.split(",")}
    assert shown == {int(code) for code in ExitCode}
