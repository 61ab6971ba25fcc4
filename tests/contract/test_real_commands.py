"""The command store with real programs of Debian: pass, and gpg by itself, each with a key of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from reconciler.errors import SecretError
from reconciler.secrets.command import CommandStore
from reconciler.secrets.operator import Command, read_configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

CANARY = "c4n4ry-Zk3vN0tInAnyOutput"
HOSTILE = (
    "a; touch OWNED",
    "$(touch OWNED)",
    "`touch OWNED`",
    "--help",
    "-x",
    "../../x",
    "a b",
    "a|b",
    "a\nb",
    "/etc/x",
)
GPG = ("gpg", "--batch", "--quiet", "--yes")
OPERATOR = """
[commands.pass]
get = ["pass", "show", "sso/{name}"]
put = ["pass", "insert", "--multiline", "--force", "sso/{name}"]
absent = 1
"""


def need(program: str) -> None:
    """Fails in CI, which installs the program; elsewhere the test is skipped."""
    if shutil.which(program) is None:
        reason = f"{program} is not installed: apt-get install {program}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment of a user that has a key without a passphrase."""
    need("gpg")
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "GNUPGHOME": str(home)}
    command = [
        *GPG,
        "--passphrase",
        "",
        "--quick-generate-key",
        "sso@acme.test",
        "future-default",
        "default",
        "never",
    ]
    subprocess.run(command, env=environ, check=True, capture_output=True)
    yield environ
    subprocess.run(["gpgconf", "--kill", "all"], env=environ, check=True)


@pytest.fixture
def with_pass(keyring: Mapping[str, str], tmp_path: Path) -> Callable[[], CommandStore]:
    """The store as the remedy of an unknown command shows it: read from the operator's own configuration."""
    need("pass")
    environ = {**keyring, "PASSWORD_STORE_DIR": str(tmp_path / "store"), "XDG_CONFIG_HOME": str(tmp_path)}
    subprocess.run(["pass", "init", "sso@acme.test"], env=environ, check=True, capture_output=True)
    path = tmp_path / "reconciler" / "config.toml"
    path.parent.mkdir()
    path.write_text(OPERATOR)
    return lambda: CommandStore("pass", read_configuration(environ).commands["pass"], environ)


@pytest.fixture
def with_gpg(keyring: Mapping[str, str], tmp_path: Path) -> Callable[[], CommandStore]:
    """One encrypted file for each secret. gpg has one exit code for everything, so absence is ours to find."""
    reader = tmp_path / "reader.py"
    reader.write_text(
        "import os, pathlib, sys\n"
        "if not pathlib.Path(sys.argv[1]).exists(): sys.exit(4)\n"
        f"os.execvp('gpg', [*{GPG!r}, '--decrypt', sys.argv[1]])\n"
    )
    file = f"{tmp_path}/{{name}}.gpg"
    command = Command(
        get=(sys.executable, "-S", str(reader), file),
        put=(*GPG, "--encrypt", "--recipient", "sso@acme.test", "--output", file),
        absent=4,
    )
    return lambda: CommandStore("gpg", command, keyring)


@pytest.fixture(params=["pass", "gpg"])
def connect(request: pytest.FixtureRequest) -> Callable[[], CommandStore]:
    made: Callable[[], CommandStore] = request.getfixturevalue(f"with_{request.param}")
    return made


def test_secrets_are_kept_replaced_and_found_again(connect: Callable[[], CommandStore]) -> None:
    store = connect()
    assert store.writable
    assert store.get("clients.a.client_secret") is None
    store.check_writable()
    for value in ("first", CANARY):
        store.put("clients.a.client_secret", SecretStr(value))
    assert connect().get("clients.a.client_secret") == SecretStr(CANARY)


@pytest.mark.parametrize("value", [' "quoted" \\ ', "zwei\nZeilen", "ключ", "$(id) `id` ; #"])
def test_any_text_survives(connect: Callable[[], CommandStore], value: str) -> None:
    connect().put("a", SecretStr(value))
    assert connect().get("a") == SecretStr(value)


def test_nothing_lies_about_in_clear(connect: Callable[[], CommandStore], tmp_path: Path) -> None:
    connect().put("a", SecretStr(CANARY))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".gpg" for path in files)
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_never_more_than_a_name(connect: Callable[[], CommandStore], tmp_path: Path, name: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    store = connect()
    for use in (lambda: store.get(name), lambda: store.put(name, SecretStr(CANARY))):
        with pytest.raises(SecretError, match="is no name for a secret"):
            use()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_key_that_is_gone_is_no_absence(with_pass: Callable[[], CommandStore], tmp_path: Path) -> None:
    """pass ends with 1 for a missing secret, and with 2, of gpg, for one that it cannot decrypt."""
    with_pass().put("a", SecretStr(CANARY))
    (tmp_path / "store" / "sso" / "a.gpg").write_bytes(b"not encrypted at all")
    with pytest.raises(SecretError, match="failed to get the secret a: exit code 2") as caught:
        with_pass().get("a")
    assert CANARY not in str(caught.value)
