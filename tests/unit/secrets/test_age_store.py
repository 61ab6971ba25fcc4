"""The age store: encrypted for its recipients, and never written without what it held before."""

from __future__ import annotations

import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr
from pyrage import decrypt, encrypt, x25519

from reconciler import files
from reconciler.backends.local import LocalBackend
from reconciler.errors import SecretError, StateError
from reconciler.secrets.age import AgeKeys, require_age
from reconciler.secrets.age_store import AgeStore
from reconciler.secrets.keepers import Companion, SealedFile

CANARY = "c4n4ry-Zk3vN0tInAnyOutput"
OURS, THEIRS = x25519.Identity.generate(), x25519.Identity.generate()


def recipient(identity):
    return str(identity.to_public())


@pytest.fixture
def store(tmp_path):
    def make(*recipients, identity=OURS, sources=("env:KEY",)):
        environ = {"KEY": str(identity)} if identity else {"KEY": ""}
        return AgeStore(
            SealedFile(tmp_path / "home" / "team.age"),
            AgeKeys("age:team", recipients or (recipient(OURS), recipient(THEIRS)), sources, environ),
        )

    return make


def refusal(use):
    with pytest.raises(SecretError) as caught:
        use()
    text = "".join(traceback.format_exception(caught.value))
    assert CANARY not in text
    assert "AGE-SECRET-KEY" not in text
    assert caught.value.remedy
    return str(caught.value)


def test_every_recipient_reads_it_and_nobody_else(store, tmp_path):
    store().put("a", SecretStr(CANARY))
    data = (tmp_path / "home" / "team.age").read_bytes()
    assert data.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    for identity in (OURS, THEIRS):
        assert CANARY.encode() in decrypt(data, [identity])
        assert store(identity=identity).get("a") == SecretStr(CANARY)
    said = refusal(lambda: store(identity=x25519.Identity.generate()).get("a"))
    assert "is not encrypted for any age identity of this run" in said


@pytest.mark.parametrize(
    "broken", [lambda data: data[:-50], lambda data: data.replace(b"AAAA", b"AAAB"), bytes.lower]
)
def test_what_somebody_changed_is_refused(store, tmp_path, broken):
    path = tmp_path / "home" / "team.age"
    store().put("a", SecretStr(CANARY))
    data = path.read_bytes()
    lines = data.splitlines(keepends=True)
    lines[-3] = lines[-3][:10] + b"AAAA" + lines[-3][14:]
    changed = broken(b"".join(lines))
    path.write_bytes(changed)
    assert "cannot be decrypted: it is damaged, or somebody changed it" in refusal(lambda: store().get("a"))
    refusal(lambda: store().put("b", SecretStr("b")))
    assert path.read_bytes() == changed


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format":"reconciler secrets","version":2,"secrets":{}}'])
def test_what_is_no_store_inside_is_refused(store, tmp_path, content):
    path = tmp_path / "home" / "team.age"
    path.parent.mkdir()
    path.write_bytes(encrypt(content, [OURS.to_public()], armored=True))
    assert "is no secret store of this version" in refusal(lambda: store().get("a"))


def test_without_an_identity_a_store_can_only_be_begun(store):
    begun = store(identity=None)
    assert begun.get("a") is None
    assert begun.writable
    begun.check_writable()
    begun.put("a", SecretStr(CANARY))
    begun.put("b", SecretStr("of the same run"))
    assert begun.get("a") == SecretStr(CANARY)
    assert store().get("b") == SecretStr("of the same run")
    later = store(identity=None)
    assert not later.writable
    for use in (lambda: later.get("a"), lambda: later.put("c", SecretStr(CANARY)), later.check_writable):
        assert "is encrypted, and this run has no age identity" in refusal(use)
    assert store().get("a") == SecretStr(CANARY)


def test_who_could_not_read_it_back_keeps_nothing(store, tmp_path):
    locked_out = store(recipient(THEIRS))
    assert "what would be written to" in refusal(locked_out.check_writable)
    assert not (tmp_path / "home").exists()


def test_a_recipient_that_came_later_reads_all_from_the_next_write_on(store):
    store(recipient(OURS)).put("a", SecretStr(CANARY))
    store().put("b", SecretStr("b"))
    assert store(identity=THEIRS).get("a") == SecretStr(CANARY)


def test_two_processes_lose_nothing_of_each_other(store):
    one, two = store(), store()
    one.get("a")
    two.get("a")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: one.put(f"one{number}", SecretStr("x")), range(3)))
    two.put("two", SecretStr("x"))
    again = store()
    assert all(again.get(name) for name in ("one0", "one1", "one2", "two"))


def test_who_is_always_overtaken_gives_up(store, monkeypatch):
    monkeypatch.setattr(files, "exchange", lambda *_: False)
    assert "written by somebody else all the time" in refusal(lambda: store().put("a", SecretStr(CANARY)))


def test_the_mode_of_the_file_stays(store, tmp_path):
    store().put("a", SecretStr(CANARY))
    (tmp_path / "home" / "team.age").chmod(0o644)
    store().put("b", SecretStr(CANARY))
    assert (tmp_path / "home" / "team.age").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("recipients", "said"),
    [(("age1nonsense",), "age1nonsense is no recipient of age"), ((), "there is no recipient to encrypt for")],
)
def test_recipients_that_are_none(recipients, said):
    keys = AgeKeys("age:team", recipients, (), {})
    assert said in refusal(lambda: keys.encrypt(b"x"))


def test_an_identity_from_a_file(store, tmp_path):
    path = tmp_path / "key.txt"
    path.write_text(f"# created: today\n# public key: {recipient(OURS)}\n\n{OURS}\n")
    sources = ("env:NOT_SET", f"file:{path}")
    path.chmod(0o644)
    assert "its mode 0644 lets others in" in refusal(store(sources=sources).check_writable)
    path.chmod(0o600)
    store(sources=sources).put("a", SecretStr(CANARY))
    assert store(sources=sources).get("a") == SecretStr(CANARY)


def test_an_identity_that_is_none_is_not_shown(store, tmp_path):
    store().put("a", SecretStr(CANARY))
    path = tmp_path / "key.txt"
    path.write_text("AGE-SECRET-KEY-1NONSENSE")
    path.chmod(0o600)
    with pytest.raises(SecretError, match="holds what is no age identity; it is not shown") as caught:
        store(sources=(f"file:{path}",)).get("a")
    assert "NONSENSE" not in "".join(traceback.format_exception(caught.value))
    path.unlink()
    assert "there is no such file, and [age] names it" in refusal(lambda: store(sources=(f"file:{path}",)).get("a"))


def test_the_extra_that_is_missing_names_itself(monkeypatch):
    require_age()
    monkeypatch.setitem(sys.modules, "pyrage", None)
    assert "pip install 'sso-reconciler[age]'" in refusal(require_age)


# --- beside the state ---------------------------------------------------------------------------------------------


@pytest.fixture
def beside(tmp_path):
    def make(identity=OURS):
        keys = AgeKeys("age:team", (recipient(OURS),), ("env:KEY",), {"KEY": str(identity) if identity else ""})
        return AgeStore(Companion(LocalBackend(tmp_path), "team.secrets.age"), keys)

    return make


def test_a_proof_that_it_could_be_kept_is_a_write(beside, tmp_path, monkeypatch):
    beside().check_writable()
    assert b"reconciler secrets" in decrypt((tmp_path / "team.secrets.age").read_bytes(), [OURS])
    beside().put("a", SecretStr(CANARY))

    def refuse(*_):
        raise StateError("the line is dead", "mend it")

    monkeypatch.setattr(LocalBackend, "put_companion", refuse)
    said = refusal(beside().check_writable)
    assert "team.secrets.age beside the state: the line is dead" in said
    refusal(lambda: beside().put("b", SecretStr(CANARY)))


def test_two_runs_beside_one_state_lose_nothing_of_each_other(beside):
    one, two = beside(), beside()
    assert one.get("a") is None
    two.put("a", SecretStr("two"))
    one.put("b", SecretStr("one"))
    two.put("c", SecretStr("two"))
    assert [beside().get(name).get_secret_value() for name in "abc"] == ["two", "one", "two"]


def test_without_an_identity_what_lies_beside_a_state_is_not_added_to(beside):
    assert beside(None).writable
    beside().put("a", SecretStr(CANARY))
    assert not beside(None).writable
    assert beside().writable
    assert "team.secrets.age in " in refusal(lambda: beside(None).put("b", SecretStr(CANARY)))
