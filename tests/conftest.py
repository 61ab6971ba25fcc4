"""Options of the whole test run; no network; and the search for secrets in everything that the run wrote."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote, quote_plus

import click
import pytest
from faults import figures
from hypothesis import settings
from offline.sitecustomize import ATTEMPTS, OFFLINE

from reconciler.sandbox.serve import Sandbox

pytest_plugins = ["cli.fixtures"]
settings.register_profile("project", deadline=None)  # a busy machine is no failure
settings.load_profile("project")

SECRETS_LIVE_HERE = ("*.secrets", "*import*.json", "*export*.json", "*.properties")
"""The stores, and files that hand a secret to a plugin, which must hold it; other tests check their modes."""
SHORTEST = 16
"""Shorter secrets are words that stand in text by chance."""
BEGINNING = 12
"""So many characters of a form are looked for first."""
WORD = re.compile(rb"[\w%.~+/=\\-]{12,}")
"""What a secret could stand in. One with other characters is looked for everywhere."""


class _PatientSys:
    """`sys` for the module threading, which asks again.

    Python 3.11 lets one thread at a time install a trace function: others that start under coverage would die of it.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)

    def settrace(self, function: Any) -> None:
        for _ in range(1000):
            try:
                return sys.settrace(function)
            except RuntimeError:
                time.sleep(0.001)
        return sys.settrace(function)


threading._sys = _PatientSys()

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # a job in the background; the programs it starts would ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden-write", action="store_true", help="write the golden files anew; read the diff")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in figures.lines():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def network_is_off() -> Iterator[None]:
    """Nothing but this machine is talked to: the import above refuses it, and here nobody gets away with trying.

    Programs that tests start inherit it; what starts one with an environment of its own says OFFLINE there.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(OFFLINE), prepend=os.pathsep)
        yield
    assert ATTEMPTS == []


@pytest.fixture(scope="session", autouse=True)
def no_secret_in_any_artifact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every secret that a sandbox of this run gave out or took is in nothing that the run wrote or said."""
    canaries: set[str] = set()
    leave, echo, communicate = Sandbox.__exit__, click.echo, subprocess.Popen.communicate
    folder, said = tmp_path_factory.getbasetemp(), StringIO()  # in memory: some tests let no file grow

    def remember(
        self: Sandbox, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        canaries.update(self.issued_secrets)
        leave(self, kind, error, trace)

    def say(message: object = None, *rest: Any, **options: Any) -> None:
        if sys._getframe(1).f_globals["__name__"] != "reconciler.cli.sandbox_":  # it says its tokens
            said.write(f"{message}\n")
        echo(message, *rest, **options)

    def hear(self: subprocess.Popen[Any], *rest: Any, **options: Any) -> Any:
        heard = communicate(self, *rest, **options)
        if "reconciler" in str(self.args) and "sandbox" not in self.args:
            said.writelines(str(text) for text in heard if text)
        return heard

    patch = pytest.MonkeyPatch()
    patch.setattr(Sandbox, "__exit__", remember)
    patch.setattr(click, "echo", say)
    patch.setattr(subprocess.Popen, "communicate", hear)
    yield
    patch.undo()
    (folder / "said.txt").write_text(said.getvalue(), encoding="utf-8", errors="backslashreplace")
    found = leaks(folder, {secret for secret in canaries if len(secret) >= SHORTEST})
    assert found == []


def forms_of(secret: str) -> set[bytes]:
    """How a secret may stand in a text: in clear, URL-encoded, JSON-escaped, and in base64 at any place."""
    data = secret.encode()
    forms = {data, quote(secret, safe="").encode(), quote_plus(secret).encode(), json.dumps(secret)[1:-1].encode()}
    for shift in range(3):  # three bytes become four characters: before it there may be any number of them
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(bytes(shift) + data)
            forms.add(text[(shift * 8 + 5) // 6 : (shift + len(data)) * 8 // 6])
    return forms


def leaks(folder: Path, secrets: set[str]) -> list[str]:
    """The files below `folder` that hold one of the secrets, in whatever form."""
    forms = {form for secret in secrets for form in forms_of(secret)}
    odd = {form for form in forms if not WORD.fullmatch(form)}
    by_beginning: dict[bytes, list[bytes]] = defaultdict(list)
    for form in forms - odd:
        by_beginning[form[:BEGINNING]].append(form)
    found, clean = [], set()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or any(path.match(name) for name in SECRETS_LIVE_HERE):
            continue
        content = path.read_bytes()
        words = set(WORD.findall(content)) - clean
        if any(form in content for form in odd) or any(_holds(word, by_beginning) for word in words):
            found.append(str(path.relative_to(folder)))
        else:
            clean |= words
    return found


def _holds(word: bytes, by_beginning: Mapping[bytes, list[bytes]]) -> bool:
    places = (at for at in range(len(word) - BEGINNING + 1) if word[at : at + BEGINNING] in by_beginning)
    return any(word.startswith(form, at) for at in places for form in by_beginning[word[at : at + BEGINNING]])
