"""Handles across stores, and the key of the fingerprints."""

from __future__ import annotations

import os
import sys
import traceback

import pytest
from pydantic import SecretStr
from pyrage import x25519

from reconciler.core.secret import KEY_NAME, AgeFile, SecretStatus
from reconciler.errors import SecretError
from reconciler.secrets.operator import Command, Configuration
from reconciler.secrets.stores import StoredSecrets, Surroundings, open_store

CANARY = "c4n4ry-Zk3vN0tInAnyOutput"
HANDLE = "file:acme#clients.a.client_secret"
CONFIGURATION = Configuration(commands={"vault": Command(get=(sys.executable, "-c", "exit(1)", "{name}"), absent=1)})
IDENTITY = x25519.Identity.generate()
AGE = {"team": AgeFile((str(IDENTITY.to_public()),)), "git": AgeFile((str(IDENTITY.to_public()),), "kept/team.age")}


@pytest.fixture
def secrets(tmp_path):
    def make(default="file:acme", lineage="one", key_store="", **environ):
        return StoredSecrets(
            default=default,
            around=Surroundings(tmp_path / "home", tmp_path, {**os.environ, **environ}, CONFIGURATION, AGE),
            lineage=lineage,
            key_store=key_store,
        )

    return make


# --- stores -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "file", "file:", "file:a/b", "file:../a", "file:.a", "env:X", "vault", "keyring:a", "file:a\n"]
)
def test_what_is_no_store(tmp_path, name):
    with pytest.raises(SecretError, match="is no secret store") as caught:
        open_store(name, Surroundings(tmp_path, tmp_path, {}))
    assert "file:NAME" in caught.value.remedy


def test_a_file_store_lies_beside_the_state(secrets, tmp_path):
    secrets().put(HANDLE, SecretStr("value"))
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["acme.secrets"]


def test_an_unknown_command_says_what_to_put_where(tmp_path):
    with pytest.raises(SecretError, match=r"/c\.toml defines no such command") as caught:
        open_store("command:pass", Surroundings(tmp_path, tmp_path, {"RECONCILER_CONFIG": "/c.toml"}, CONFIGURATION))
    assert "[commands.pass]\nget = [" in caught.value.remedy
    assert "{name}" in caught.value.remedy


def test_an_age_store_lies_beside_the_state_or_in_the_folder_of_the_stack(secrets, tmp_path):
    found = secrets(RECONCILER_AGE_IDENTITY=str(IDENTITY))
    found.put("age:team#a", SecretStr(CANARY))
    found.put("age:git#a", SecretStr(CANARY))
    assert (tmp_path / "home" / "team.secrets.age").is_file()
    assert (tmp_path / "kept" / "team.age").is_file()
    assert secrets(RECONCILER_AGE_IDENTITY=str(IDENTITY)).value("age:git#a") == SecretStr(CANARY)
    with pytest.raises(SecretError, match="age:other is no secret store"):
        found.value("age:other#a")


def test_an_age_store_is_in_no_folder_that_a_link_leads_to(secrets, tmp_path):
    (tmp_path / "kept").symlink_to("/tmp")
    with pytest.raises(SecretError, match="leads out of the folder of the stack"):
        secrets().value("age:git#a")


def test_an_extra_that_is_missing_names_itself(secrets, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(SecretError) as caught:
        secrets().value("age:team#a")
    assert "sso-reconciler[age]" in caught.value.remedy


def test_handles_lead_to_their_stores(secrets):
    found = secrets(TOKEN="from the environment", EMPTY="")
    found.put(HANDLE, SecretStr(CANARY))
    found.put("file:other#x", SecretStr("other"))
    assert found.value(HANDLE) == SecretStr(CANARY)
    assert found.value("env:TOKEN") == SecretStr("from the environment")
    assert found.value("env:EMPTY") is None
    assert found.value("env:NOT_THERE") is None
    assert found.value("command:vault#x") is None
    assert secrets().value("file:other#x") == SecretStr("other")
    assert secrets().value("file:other#clients.a.client_secret") is None


def test_a_status_tells_of_value_and_store(secrets, tmp_path):
    found = secrets(TOKEN="t")
    assert found.status(HANDLE) == SecretStatus(None, writable=True)
    assert found.status("env:TOKEN") == SecretStatus(found.fingerprint(SecretStr("t")), writable=False)
    assert found.status("command:vault#x") == SecretStatus(None, writable=False)
    assert not (tmp_path / "home").exists()


def test_writability_is_proved_once_for_each_store(secrets, monkeypatch):
    found = secrets()
    proofs = []
    monkeypatch.setattr("reconciler.files.prove_writable", proofs.append)
    for number in range(3):
        found.check_writable(f"file:acme#{number}")
    found.check_writable("file:other#1")
    assert [path.name for path in proofs] == ["acme.secrets", "other.secrets"]
    for _ in range(2):
        with pytest.raises(SecretError):
            found.check_writable("env:TOKEN")


# --- fingerprints -------------------------------------------------------------------------------------------------


def test_a_key_is_made_once_and_kept(secrets, tmp_path):
    first = secrets()
    before = first.fingerprint(SecretStr(CANARY))
    assert not (tmp_path / "home").exists(), "a plan writes nothing"
    first.ensure_key()
    first.ensure_key()
    assert first.fingerprint(SecretStr(CANARY)) == before
    assert (tmp_path / "home" / "acme.secrets").read_bytes().count(b"\n") == 1
    again = secrets(lineage="another")
    assert again.fingerprint(SecretStr(CANARY)) == before
    again.ensure_key()
    assert (tmp_path / "home" / "acme.secrets").read_bytes().count(b"\n") == 1
    assert len(again.value(f"file:acme#{KEY_NAME}").get_secret_value()) == 64


def test_fingerprints_tell_values_apart_and_not_what_they_are(secrets):
    found, other = secrets(), secrets()
    print_of = found.fingerprint(SecretStr(CANARY))
    assert print_of == found.fingerprint(SecretStr(CANARY))
    assert print_of != found.fingerprint(SecretStr("else"))
    assert print_of != other.fingerprint(SecretStr(CANARY)), "no key was kept, so each run has its own"
    assert CANARY not in print_of


@pytest.mark.parametrize("default", ["env", "command:vault"])
def test_without_a_place_for_a_key_the_lineage_gives_it(secrets, default, tmp_path):
    found = secrets(default)
    found.ensure_key()
    value = SecretStr(CANARY)
    assert found.fingerprint(value) == secrets(default).fingerprint(value)
    assert found.fingerprint(value) != secrets(default, lineage="another").fingerprint(value)
    assert not (tmp_path / "home").exists()


def test_a_key_moves_with_the_default_store(secrets, tmp_path):
    value = SecretStr(CANARY)
    first = secrets()
    assert first.ensure_key() == "file:acme"
    before = first.fingerprint(value)
    moving = secrets("file:other", key_store="file:acme")
    assert moving.fingerprint(value) == before
    assert not (tmp_path / "home" / "other.secrets").exists(), "a plan writes nothing"
    assert moving.ensure_key() == "file:other"
    (tmp_path / "home" / "acme.secrets").unlink()
    assert secrets("file:other", key_store="file:other").fingerprint(value) == before
    assert secrets("file:other", key_store="file:acme").fingerprint(value) == before, "an apply was killed meanwhile"


def test_a_key_stays_where_it_is_when_the_default_store_takes_nothing(secrets):
    before = secrets()
    before.ensure_key()
    now = secrets("command:vault", key_store="file:acme")
    assert now.fingerprint(SecretStr(CANARY)) == before.fingerprint(SecretStr(CANARY))
    assert now.ensure_key() == "file:acme"


def test_a_derived_key_moves_too(secrets):
    before = secrets("command:vault").fingerprint(SecretStr(CANARY))
    now = secrets(key_store="command:vault")
    assert now.fingerprint(SecretStr(CANARY)) == before
    assert now.ensure_key() == "file:acme"
    assert secrets(key_store="file:acme").fingerprint(SecretStr(CANARY)) == before


def test_a_key_in_a_store_that_cannot_be_asked(secrets):
    with pytest.raises(SecretError, match="the key of the fingerprints lies in command:gone: ") as caught:
        secrets(key_store="command:gone").fingerprint(SecretStr(CANARY))
    assert "put a long random text there under fingerprint-key" in caught.value.remedy
    secrets().put(f"file:acme#{KEY_NAME}", SecretStr("a long random text"))
    assert secrets(key_store="command:gone").ensure_key() == "file:acme"
    with pytest.raises(SecretError, match="defines no such command"):
        secrets("command:gone").fingerprint(SecretStr(CANARY))


def test_a_key_that_cannot_be_kept_is_an_error(secrets, monkeypatch):
    found = secrets()
    found.fingerprint(SecretStr(CANARY))

    def refuse(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(SecretError, match="No space left"):
            found.ensure_key()
    found.ensure_key()
    assert secrets().fingerprint(SecretStr(CANARY)) == found.fingerprint(SecretStr(CANARY))


def test_nothing_shows_a_secret(secrets):
    found = secrets(TOKEN=CANARY)
    found.put(HANDLE, SecretStr(CANARY))
    shown = [repr(found), str(found), repr(found.value(HANDLE)), repr(found.status(HANDLE))]
    with pytest.raises(SecretError) as caught:
        found.put("env:TOKEN", SecretStr(CANARY))
    shown.append("".join(traceback.format_exception(caught.value)))
    assert CANARY not in "".join(shown)
