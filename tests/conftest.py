"""Options of the whole test run; no network; and the search for secrets in everything that the run wrote."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import pytest
from hypothesis import settings
from offline.sitecustomize import ATTEMPTS

from reconciler.sandbox.serve import Sandbox

pytest_plugins = ["cli.fixtures"]
settings.register_profile("project", deadline=None)  # a busy machine is no failure
settings.load_profile("project")

SECRETS_LIVE_HERE = ("*.secrets", "*import*.json", "*export*.json", "*.properties")
"""The stores, and files that hand a secret to a plugin, which must hold it; other tests check their modes."""
SHORTEST = 16
"""Shorter secrets are words that stand in text by chance."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden-write", action="store_true", help="write the golden files anew; read the diff")


@pytest.fixture(scope="session", autouse=True)
def network_is_off() -> Iterator[None]:
    """Nothing but this machine is talked to: the import above refuses it, and here nobody gets away with trying."""
    yield
    assert ATTEMPTS == []


@pytest.fixture(scope="session", autouse=True)
def no_secret_in_any_artifact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every secret that a sandbox of this run gave out or took is in no file that the run wrote."""
    canaries: set[str] = set()
    leave = Sandbox.__exit__

    def remember(
        self: Sandbox, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        canaries.update(self.issued_secrets)
        leave(self, kind, error, trace)

    patch = pytest.MonkeyPatch()
    patch.setattr(Sandbox, "__exit__", remember)
    yield
    patch.undo()
    found = leaks(tmp_path_factory.getbasetemp(), {secret for secret in canaries if len(secret) >= SHORTEST})
    assert found == []


def leaks(folder: Path, secrets: set[str]) -> list[str]:
    """The files below `folder` that hold one of the secrets: in clear, base64, URL-encoded or JSON-escaped."""
    forms = {
        form.encode()
        for secret in secrets
        for form in (
            secret,
            base64.b64encode(secret.encode()).decode(),
            quote(secret, safe=""),
            json.dumps(secret)[1:-1],
        )
    }
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or any(path.match(name) for name in SECRETS_LIVE_HERE):
            continue
        content = path.read_bytes()
        if any(form in content for form in forms):
            found.append(str(path.relative_to(folder)))
    return found
