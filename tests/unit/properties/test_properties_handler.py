"""Six keys among those of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from contract.suite import DUTIES, Case
from pydantic import SecretStr
from unit.atlassian.product import CLIENT_SECRET
from unit.properties.keyed import FOREIGN, GUIDE, NAME, given, made

from reconciler.core.address import Address
from reconciler.core.observed import Absent, Lookup, Present, Unreadable
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ISSUER = b"jira.sso.oidc.issuer"


def test_what_is_written_is_what_the_guide_prints(tmp_path: Path) -> None:
    path = given(tmp_path, FOREIGN)
    written = made(tmp_path).create()
    assert (written.remote_id, written.manual) == (str(path), ())
    assert path.read_bytes() == FOREIGN + GUIDE.encode()


def test_removal_takes_exactly_our_keys(tmp_path: Path) -> None:
    path = given(tmp_path, FOREIGN)
    side = made(tmp_path)
    side.create()
    side.delete(str(path))
    assert path.read_bytes() == FOREIGN
    path.unlink()
    side.delete(str(path))
    assert not path.exists()


def test_a_file_that_is_missing_or_has_none_of_the_keys_is_absent(tmp_path: Path) -> None:
    assert made(tmp_path).read() == Absent()
    given(tmp_path, FOREIGN)
    assert made(tmp_path).read(str(tmp_path / NAME)) == Absent()


def test_one_key_is_enough_to_be_there(tmp_path: Path) -> None:
    given(tmp_path, b"jira.sso.oidc.scope = profile openid\n")
    found = made(tmp_path).read()
    assert isinstance(found, Present)
    assert found.attributes == {
        "file": str(tmp_path / NAME),
        "enabled": False,
        "issuer": "",
        "client_id": "",
        "scopes": ("openid", "profile"),
        "username_attribute": "",
    }
    assert found.fingerprints == {"client_secret": "print of 0"}


@pytest.mark.parametrize(("text", "value"), [("true", True), ("TRUE", True), ("yes", False), ("", False)])
def test_the_switch_is_read_as_java_reads_it(tmp_path: Path, text: str, value: bool) -> None:
    given(tmp_path, f"jira.sso.oidc.enabled={text}\n".encode())
    found = made(tmp_path).read()
    assert isinstance(found, Present)
    assert found.attributes["enabled"] is value


def test_an_update_touches_what_changed(tmp_path: Path) -> None:
    path = given(tmp_path, GUIDE.replace("openid email groups profile", "groups openid profile").encode() + FOREIGN)
    made(tmp_path).update(str(path), scopes=("email", "groups", "openid"), enabled=False)
    text = path.read_text("latin-1")
    assert "scope=groups openid email\n" in text, "what stays keeps its place"
    assert "enabled=false\n" in text
    assert CLIENT_SECRET in text
    made(tmp_path).update(str(path), client_secret="file:acme#x")
    path.write_bytes(FOREIGN)
    with pytest.raises(ReconcilerError, match="none of the keys any more"):
        made(tmp_path).update(str(path), enabled=True)
    assert path.read_bytes() == FOREIGN


def test_keys_that_came_meanwhile_are_not_taken(tmp_path: Path) -> None:
    path = given(tmp_path, ISSUER + b"=x\n")
    with pytest.raises(ReconcilerError, match=r"has jira\.sso\.oidc\.issuer by now"):
        made(tmp_path).create()
    assert path.read_bytes() == ISSUER + b"=x\n"


def test_a_file_that_cannot_be_read_is_unreadable(tmp_path: Path) -> None:
    side = made(tmp_path)
    (tmp_path / NAME).mkdir()
    for remote_id in (None, str(tmp_path / NAME)):
        found = side.read(remote_id)
        assert isinstance(found, Unreadable)
        assert "Is a directory" in found.reason


def test_another_file_is_another_object(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    made(old).create()
    side = made(new)
    found = side.read(str(old / NAME))
    assert isinstance(found, Present)
    assert found.attributes["file"] == found.remote_id == str(old / NAME)
    assert isinstance(side.read(), Unreadable), "the folder is missing"
    new.mkdir()
    side.create()
    found = side.read(str(new / NAME))
    assert isinstance(found, Present)


def test_two_sign_ons_never_share_the_keys(tmp_path: Path) -> None:
    given(tmp_path, GUIDE.encode())
    first, second = made(tmp_path), made(tmp_path, name="second")
    lookups = [Lookup(side.address, side.desired.attributes) for side in (first, second)]
    assert all(isinstance(found, Unreadable) for found in first.handler.read(lookups).values())
    path = str(tmp_path / NAME)
    known = Lookup(first.address, first.desired.attributes, path)
    found = first.handler.read([known, lookups[1]])
    assert isinstance(found[first.address], Present)
    assert found[second.address] == Absent(), "what one is known by, no other one takes"
    renamed = first.handler.read([known._replace(leaving=True), lookups[1]])
    assert [answer.remote_id for answer in renamed.values() if isinstance(answer, Present)] == [path, path]


def case(folder: Path) -> Case:
    path = given(folder, FOREIGN)
    side = made(folder)
    attributes = side.desired.attributes
    (folder / "elsewhere").mkdir()

    def rest() -> list[bytes]:
        mine = [line.partition("=")[0].encode() for line in GUIDE.splitlines()]
        return [line for line in path.read_bytes().splitlines() if line.partition(b"=")[0] not in mine]

    def fail() -> None:
        content = path.read_bytes()
        path.unlink()
        path.mkdir()
        (path / "kept.properties").write_bytes(content)

    def dump() -> str:
        return (path / "kept.properties" if path.is_dir() else path).read_text("latin-1")

    return Case(
        type=side.desired.type,
        handler=Secretive(side.handler),
        address=side.address,
        attributes=attributes,
        changes={"issuer": "https://other.eu/x", "scopes": ("openid",), "enabled": False},
        stranger={**attributes, "file": str(folder / "elsewhere" / NAME)},
        count=lambda: path.read_bytes().count(ISSUER),
        rest=rest,
        dump=dump,
        requests=list,
        fail=fail,
        secrets={"client_secret": SecretStr(CLIENT_SECRET)},
    )


class Secretive:
    """The handler with the secret in every update, as the engine gives it for whole documents."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler
        self.read, self.create, self.delete = handler.read, handler.create, handler.delete

    def update(self, write: Any) -> Any:
        return self._handler.update(write._replace(secrets={"client_secret": SecretStr(CLIENT_SECRET)}))


@pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.__name__)
def test_properties_duty(duty: Callable[[Case], None], tmp_path: Path) -> None:
    duty(case(tmp_path))


def test_an_address_that_left_the_spec_is_read_by_what_was_applied(tmp_path: Path) -> None:
    side = made(tmp_path)
    side.create()
    lookup = Lookup(Address("jira", "properties", "gone"), side.desired.attributes, str(tmp_path / NAME))
    assert isinstance(side.handler.read([lookup])[lookup.address], Present)
