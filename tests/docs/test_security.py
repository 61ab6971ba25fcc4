"""docs/security.md is true: the tests that it names exist, its limits are in force, its example is taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click import Option

from reconciler.cli.plan_ import command
from reconciler.secrets.operator import read_configuration
from reconciler.transport import bodies, bounds, http, retry
from reconciler.transport.budget import Retries

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(test_\w+|no_secret_in_any_artifact)`", PAGE)))


@pytest.fixture(scope="module")
def defined() -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    return {name for text in texts for name in re.findall(r"^ *def (\w+)\(", text, re.MULTILINE)}


@pytest.mark.parametrize("name", NAMED)
def test_every_test_that_a_promise_names_exists(name: str, defined: set[str]) -> None:
    assert name in defined


def test_every_promise_names_its_tests() -> None:
    promises = re.split(r"^- \*\*", PAGE, flags=re.MULTILINE)[1:]
    assert len(promises) > 10
    assert [promise[:40] for promise in promises if not re.search(r"Tests: `", promise)] == []


def test_the_limits_are_those_in_force() -> None:
    assert f"{http.TIMEOUT.connect:.0f} s to connect, {http.TIMEOUT.read:.0f} s for each read" in PAGE
    assert f"{bounds.LONGEST:.0f} s altogether, {bodies.LARGEST >> 20} MiB unpacked" in PAGE
    assert f"obeyed up to {retry.LONGEST_WAIT:.0f} s" in PAGE
    assert (retry.ATTEMPTS, retry.TOTAL) == (5, 60.0)
    assert f"a run sends {Retries().most} again at most" in PAGE
    option = next(item for item in command.params if isinstance(item, Option) and item.name == "retries")
    assert option.default == Retries().most


def test_the_configuration_that_is_shown_is_taken(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "config.toml"
    path.write_text(example)
    path.chmod(0o600)
    found = read_configuration({"RECONCILER_CONFIG": str(path)})
    assert found.hosts[0].url == "https://jira.acme.eu"
    assert found.hosts[0].credentials == ("env:JIRA_TOKEN",)
    assert found.identities[0] == "env:RECONCILER_AGE_IDENTITY"
    assert found.commands["vault"].absent == 2
