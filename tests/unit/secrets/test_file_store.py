"""The file store: for its owner alone, durable, and whole after a crash."""

from __future__ import annotations

import errno
import os
import stat
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from reconciler.errors import SecretError
from reconciler.secrets.file import FileStore

CANARY = "c4n4ry-Zk3vN0tInAnyOutput"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "acme" / "default" / "acme.secrets"


def test_folder_and_file_are_for_their_owner(path):
    FileStore(path).put("a", SecretStr(CANARY))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [item.name for item in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o660])
def test_a_file_that_lets_others_in_is_refused(path, mode):
    FileStore(path).put("a", SecretStr(CANARY))
    path.chmod(mode)
    store = FileStore(path)
    for use in (lambda: store.get("a"), lambda: store.put("a", SecretStr("x")), store.check_writable):
        with pytest.raises(SecretError, match=f"{mode:04o}") as caught:
            use()
        assert "chmod 600" in caught.value.remedy
        assert str(path) in caught.value.message


def test_a_link_is_refused(path, tmp_path):
    FileStore(path).put("a", SecretStr(CANARY))
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretError, match="symbolic link"):
        FileStore(path).get("a")


def test_the_file_of_another_user_is_refused(path, monkeypatch):
    FileStore(path).put("a", SecretStr(CANARY))
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(SecretError, match="another user"):
        FileStore(path).get("a")


def test_a_torn_last_line_was_never_kept(path):
    FileStore(path).put("a", SecretStr("old"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole.replace(b"old", b"new")[:-3])
    store = FileStore(path)
    assert store.get("a") == SecretStr("old")
    store.put("b", SecretStr("next"))
    assert FileStore(path).get("a") == SecretStr("old")
    assert FileStore(path).get("b") == SecretStr("next")


@pytest.mark.parametrize(
    "line", ["", CANARY, "{}", '["a"]', f'{{"name":"a","value":"{CANARY}","more":1}}', '{"name":1}']
)
def test_a_damaged_line_is_named_and_not_shown(path, line):
    FileStore(path).put("a", SecretStr(CANARY))
    path.write_bytes(path.read_bytes() + line.encode() + b"\n")
    with pytest.raises(SecretError, match="line 2") as caught:
        FileStore(path).get("a")
    assert caught.value.__context__ is None
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_dead_lines_go_when_the_store_is_written_again(path):
    store = FileStore(path)
    for number in range(10):
        store.put("a", SecretStr(f"value{number}"))
        store.put("b", SecretStr("other"))
    before = path.read_bytes()
    assert FileStore(path).get("a") == SecretStr("value9")
    assert path.read_bytes() == before, "reading writes nothing"
    store = FileStore(path)
    store.put("c", SecretStr("third"))
    assert path.read_bytes().count(b"\n") == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = FileStore(path)
    assert [again.get(name).get_secret_value() for name in "abc"] == ["value9", "other", "third"]


def test_a_writer_sees_what_was_put_since_it_looked(path):
    FileStore(path).put("a", SecretStr("old"))
    store = FileStore(path)
    store.get("a")
    FileStore(path).put("a", SecretStr("new"))
    store.check_writable()
    assert store.get("a") == SecretStr("new")


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_keeps_what_there_was(path, monkeypatch, call):
    store = FileStore(path)
    store.put("a", SecretStr("old"))

    def fail(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        for use in (lambda: store.put("a", SecretStr(CANARY)), store.check_writable):
            with pytest.raises(SecretError, match="No space left") as caught:
                use()
            assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert store.get("a") == SecretStr("old")
    assert FileStore(path).get("b") is None


def test_a_folder_that_cannot_be_written(path, monkeypatch):
    FileStore(path).put("a", SecretStr("old"))
    monkeypatch.setattr(os, "access", lambda *args, **kwargs: False)
    monkeypatch.setattr(os, "supports_effective_ids", set())
    store = FileStore(path)
    assert not store.writable
    assert store.get("a") == SecretStr("old")


def test_a_place_that_cannot_be_looked_at_is_an_error(path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(SecretError, match="Permission denied"):
        _ = FileStore(path).writable


def test_one_sync_carries_many_secrets(path, monkeypatch):
    store = FileStore(path)
    store.put("first", SecretStr("x"))
    sync, syncs = os.fsync, []

    def slow(descriptor):
        syncs.append(descriptor)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda number: store.put(f"n{number}", SecretStr(f"v{number}")), range(400)))
    again = FileStore(path)
    assert all(again.get(f"n{number}") == SecretStr(f"v{number}") for number in range(400))
    assert len(syncs) <= 400
