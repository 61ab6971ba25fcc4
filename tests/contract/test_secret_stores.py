"""What every secret store promises. A new one joins with one line in STORES."""

from __future__ import annotations

import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr
from pyrage import x25519

from reconciler.backends.local import LocalBackend
from reconciler.errors import SecretError
from reconciler.secrets.age import AgeKeys
from reconciler.secrets.age_store import AgeStore
from reconciler.secrets.command import CommandStore
from reconciler.secrets.env import EnvironmentStore
from reconciler.secrets.file import FileStore
from reconciler.secrets.keepers import Companion, SealedFile
from reconciler.secrets.operator import Command

CANARY = "c4n4ry-Zk3vN0tInAnyOutput"

KEEPER = """
import pathlib, sys
verb, folder, name = sys.argv[1:]
path = pathlib.Path(folder, name.replace("/", "%"))
if verb == "put":
    path.write_bytes(sys.stdin.buffer.read())
elif path.exists():
    print(path.read_text())
else:
    sys.exit("there is no " + name)
"""


def _command_store(folder):
    script = folder / "keeper.py"
    script.write_text(KEEPER)
    get, put = ((sys.executable, "-S", str(script), verb, str(folder), "{name}") for verb in ("get", "put"))
    return lambda: CommandStore("keeper", Command(get=get, put=put, absent=1), os.environ)


def _age_store(folder):
    identity = x25519.Identity.generate()
    keys = AgeKeys("age:acme", (str(identity.to_public()),), ("env:KEY",), {"KEY": str(identity)})
    return lambda: AgeStore(SealedFile(folder / "acme" / "default" / "acme.secrets.age"), keys)


def _companion_store(folder):
    identity = x25519.Identity.generate()
    keys = AgeKeys("age:acme", (str(identity.to_public()),), ("env:KEY",), {"KEY": str(identity)})
    return lambda: AgeStore(Companion(LocalBackend(folder / "acme" / "default"), "acme.secrets.age"), keys)


STORES = {
    "age": _age_store,
    "age beside the state": _companion_store,
    "file": lambda folder: lambda: FileStore(folder / "acme" / "default" / "acme.secrets"),
    "command": _command_store,
    "env": lambda folder: lambda: EnvironmentStore({}),
}
"""By name: given an empty folder, what opens the same store once more."""
READ_ONLY = {"env"}


@pytest.fixture(params=sorted(STORES))
def connect(request, tmp_path):
    return STORES[request.param](tmp_path)


@pytest.fixture(params=sorted(STORES.keys() - READ_ONLY))
def connect_writable(request, tmp_path):
    return STORES[request.param](tmp_path)


@pytest.fixture(params=sorted(READ_ONLY))
def connect_read_only(request, tmp_path):
    return STORES[request.param](tmp_path)


def test_a_missing_secret_is_none(connect):
    assert connect().get("clients.a.client_secret") is None


def test_what_was_put_is_there_for_the_next_run(connect_writable):
    store = connect_writable()
    store.put("clients.a.client_secret", SecretStr(CANARY))
    store.put("clients.b.client_secret", SecretStr("other"))
    assert store.get("clients.a.client_secret") == SecretStr(CANARY)
    assert connect_writable().get("clients.a.client_secret") == SecretStr(CANARY)
    assert connect_writable().get("clients.b.client_secret") == SecretStr("other")
    assert connect_writable().get("clients.c.client_secret") is None


def test_the_last_one_counts(connect_writable):
    store = connect_writable()
    for value in ("first", "second", CANARY):
        store.put("a", SecretStr(value))
    assert store.get("a") == connect_writable().get("a") == SecretStr(CANARY)


@pytest.mark.parametrize("value", [' "quoted" \\ ', "zwei\nZeilen", "ключ", "$(id) `id` ; #", "x" * 5000])
def test_any_text_survives(connect_writable, value):
    connect_writable().put("a", SecretStr(value))
    assert connect_writable().get("a").get_secret_value() == value


def test_looking_writes_nothing(connect_writable, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    store = connect_writable()
    store.get("a")
    assert store.writable
    assert sorted(tmp_path.rglob("*")) == before


def test_a_proof_of_writing_changes_no_secret(connect_writable):
    connect_writable().put("a", SecretStr(CANARY))
    store = connect_writable()
    store.check_writable()
    assert store.get("a") == connect_writable().get("a") == SecretStr(CANARY)


def test_many_threads_put(connect_writable):
    store = connect_writable()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store.put(f"name{number}", SecretStr(f"value{number}")), range(8)))
    again = connect_writable()
    assert [again.get(f"name{number}").get_secret_value() for number in range(8)] == [
        f"value{number}" for number in range(8)
    ]


def test_nothing_shows_a_secret(connect_writable):
    store = connect_writable()
    store.put("a", SecretStr(CANARY))
    store.get("a")
    assert CANARY not in f"{store!r} {store}"


def test_a_store_that_takes_nothing_says_what_to_do(connect_read_only):
    store = connect_read_only()
    assert not store.writable
    for refused in (store.check_writable, lambda: store.put("a", SecretStr(CANARY))):
        with pytest.raises(SecretError) as caught:
            refused()
        assert "file:NAME" in caught.value.remedy
        assert CANARY not in "".join(traceback.format_exception(caught.value))
