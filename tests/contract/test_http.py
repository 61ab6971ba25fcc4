"""A document of a server as a backend: lost answers, stolen locks, and what lies there that is not ours."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from contract.documents import TOKEN, USER
from contract.servers import free_port
from pydantic import SecretStr

from reconciler.backends.document import Document, encode, md5, parse
from reconciler.backends.http import HttpBackend
from reconciler.backends.opening import Surroundings
from reconciler.errors import LockedError, StateError
from reconciler.spec.backends import HttpTable
from reconciler.storage import LockInfo

ANN = LockInfo("1", "ann", "here", 4711, "apply", "2026-01-02T03:04:05+00:00")
BOB = LockInfo("2", "bob", "there", 1, "apply", "2026-01-02T03:04:06+00:00")


def opened(folder, address, **keys):
    table = HttpTable(**{"address": address, "username": USER, "password": "env:TOKEN", **keys})
    return HttpBackend(table, Surroundings("sso", "default", folder, folder, lambda handle: SecretStr(TOKEN)))


@pytest.fixture
def connect(gitlab, tmp_path):
    methods = {"lock_method": "POST", "unlock_method": "DELETE"}
    return lambda: opened(tmp_path, gitlab.address, lock_address=f"{gitlab.address}/lock", **methods)


def test_gitlab_gets_what_it_wants(connect, gitlab):
    backend = connect()
    with backend.lock(ANN):
        backend.append(b'{"event":"began"}\n')
        version = backend.put(b'{"a":1}\n', "")
        backend.clear_journal()
    path = "/api/v4/projects/7/terraform/state/sso-default"
    writes = [request for request in gitlab.requests if request[0] != "GET"]
    assert writes == [("POST", f"{path}/lock"), *[("POST", path)] * 3, ("DELETE", f"{path}/lock")]
    assert sorted(gitlab.versions) == [1, 2, 3]
    newest = json.loads(gitlab.newest)
    assert (newest["serial"], newest["snapshot"], newest["journal"]) == (3, {"text": '{"a":1}\n'}, {"text": ""})
    assert backend.get() == (b'{"a":1}\n', version)
    assert not gitlab.holder


def test_the_names_of_stack_and_environment_fill_the_address(gitlab, tmp_path):
    address = gitlab.address.replace("sso-default", "{stack}-{environment}")
    assert opened(tmp_path, address).where == gitlab.address
    assert opened(tmp_path, address).get() == (None, "")


def test_an_answer_that_is_lost_is_made_good(connect, gitlab):
    backend = connect()
    gitlab.lose = 1
    with backend.lock(ANN):  # GitLab says that we hold it already
        gitlab.lose = 1
        backend.append(b"1\n")  # GitLab says that there is such a version
        gitlab.lose = 1
        version = backend.put(b"one", "")
        assert backend.get() == (b"one", version)
        gitlab.lose = 1
    assert not gitlab.holder
    assert backend.journal() == b"1\n"


def test_who_holds_the_lock_is_said_as_far_as_the_server_tells(connect, documents, tmp_path):
    gitlabs, others = connect(), opened(tmp_path, documents.address)
    for backend, who in ((gitlabs, USER), (others, "ann on here")):
        other = connect() if backend is gitlabs else opened(tmp_path, documents.address)
        with backend.lock(ANN), pytest.raises(LockedError, match=f"by {who}") as caught, other.lock(BOB):
            pytest.fail("it was locked twice")
        assert f"since {ANN.since}:" in str(caught.value)
        assert "4711" not in str(caught.value)  # GitLab repeats what we said of ourselves
        assert "state unlock --force" in caught.value.remedy


def test_who_was_unlocked_writes_nothing_more(connect, gitlab):
    backend, other = connect(), connect()
    version = None
    with pytest.raises(StateError, match="409"), backend.lock(ANN):  # noqa: PT012 - it is raised where the lock ends
        version = backend.put(b"one", "")
        backend.append(b"1\n")
        other.unlock(ANN.id)
        with other.lock(BOB):
            other.append(b"2\n")
            with pytest.raises(StateError, match=r"409.*|may or may not"):
                backend.append(b"stray\n")
            backend.put(b"two", version)
    assert other.get() == (b"one", version)
    assert other.journal() == b"1\n2\n"


def test_a_lock_of_another_id_is_not_taken_away(connect):
    backend = connect()
    with backend.lock(ANN):
        with pytest.raises(StateError, match="409"):
            connect().unlock("another")
        backend.append(b"1\n")


def test_a_document_that_went_back_or_is_another_is_noticed_before_a_write(connect, gitlab):
    backend = connect()
    with backend.lock(ANN):
        version = backend.put(b"one", "")
        backend.append(b"1\n")
        mine = parse(gitlab.newest, "here")
        for changed in (replace(mine, serial=1), replace(mine, lineage="another"), replace(mine, snapshot=b"x")):
            gitlab.versions = {changed.serial: encode(changed)}
            with pytest.raises(StateError, match="meanwhile"):
                backend.put(b"two", version)
        gitlab.versions = {mine.serial: encode(mine)}
        backend.put(b"two", version)


def test_a_lock_that_cannot_be_released_is_said(connect, gitlab):
    backend = connect()
    with pytest.raises(StateError, match="releasing the lock, which may still be held"), backend.lock(ANN):  # noqa: PT012 - it is raised where the lock ends
        backend.append(b"1\n")
        gitlab.refuse = 500
    gitlab.refuse = 0
    gitlab.holder = {}
    with pytest.raises(ZeroDivisionError), backend.lock(ANN):  # noqa: PT012 - it is raised where the lock ends
        gitlab.refuse = 500
        raise ZeroDivisionError


def test_a_document_of_somebody_else_is_left_alone(connect, gitlab):
    gitlab.versions = {4: b'{"version": 4, "terraform_version": "1.9.0", "serial": 4}'}
    backend = connect()
    for use in (backend.get, backend.journal, lambda: backend.lock(ANN).__enter__()):
        with pytest.raises(StateError, match="was not written by this reconciler"):
            use()
    assert not gitlab.holder
    assert len(gitlab.versions) == 1


def test_a_document_that_was_damaged_on_its_way_is_noticed(connect, gitlab):
    backend = connect()
    backend.put(b"one", "")
    gitlab.md5 = md5(gitlab.newest)
    assert backend.get()[0] == b"one"
    gitlab.md5 = md5(b"something else")
    with pytest.raises(StateError, match="Content-MD5"):
        backend.get()


@pytest.mark.parametrize("answer", [b"", b"[]", b"not JSON"])
def test_a_holder_that_is_not_named_is_somebody(documents, tmp_path, answer, monkeypatch):
    from contract import documents as module

    def locked(self):
        self.answer(423, answer)

    monkeypatch.setattr(module._Handler, "lock", locked)
    with pytest.raises(LockedError, match="somebody"), opened(tmp_path, documents.address).lock(ANN):
        pytest.fail("it was not locked")


def test_credentials_are_never_shown(gitlab, tmp_path):
    wrong = opened(tmp_path, gitlab.address, username="other")
    gone = opened(tmp_path, f"http://127.0.0.1:{free_port()}/x")
    for backend, what in ((wrong, "401"), (gone, "reading")):
        with pytest.raises(StateError, match=what) as caught:
            backend.get()
        assert TOKEN not in str(caught.value)
        assert caught.value.remedy


def test_a_server_may_want_no_credentials(documents, tmp_path):
    with pytest.raises(StateError, match="401"):
        opened(tmp_path, documents.address, username=None, password=None).get()


def test_certificates_that_cannot_be_read_are_named_by_their_table(tmp_path):
    with pytest.raises(StateError, match="cannot be read") as caught:
        opened(tmp_path, "https://git.acme.eu/x", ca_file="none.pem").get()
    assert "ca_file of [backend]" in caught.value.remedy


def test_there_is_no_history(connect):
    for use in (connect().history, lambda: connect().past("1"), lambda: connect().replace_past("1", b"x")):
        with pytest.raises(StateError, match="keeps no past states"):
            use()


def test_without_a_lock_nothing_is_journaled(connect):
    with pytest.raises(StateError, match="not held"):
        connect().append(b"line\n")


@pytest.mark.parametrize(
    "document",
    [
        Document(1, "a"),
        Document(2, "a", b"text", b"lines\n"),
        Document(3, "a", bytes(range(256)), b"\xff\n"),
        Document(4, "a", b"text", b"", {"a.secrets.age": b"sealed", "b.secrets.age": b"\xff"}),
    ],
)
def test_documents_come_back(document):
    assert parse(encode(document), "here") == document


def test_a_blob_that_is_no_base64_is_not_ours():
    data = encode(Document(3, "a", b"\xff")).replace(b'"/w=="', b'"/w"')
    with pytest.raises(StateError, match="not written by"):
        parse(data, "here")
