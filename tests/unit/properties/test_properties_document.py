"""The file itself: every byte that is not ours stays, mode and owner too, and nobody's change is lost."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from javaproperties import PropertiesFile, loads
from unit.properties.keyed import FOREIGN, NAME, given

from reconciler import files
from reconciler.errors import ReconcilerError
from reconciler.providers.properties.document import _render, change, load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINES = (
    "# a comment = 1",
    "! another",
    "",
    "   ",
    "a=1",
    "a = 2",
    "b\\ c : \\u00e9\\\\",
    "d\te",
    "f=g\\",
    "long = one \\\n    two",
    "\xe9=\xff",
    "ours.x=theirs",
)
KEYS = ("ours.a", "ours.b")
VALUES = st.text(st.characters(codec="utf-16"), max_size=12)


def put(key: str, value: str) -> Callable[[PropertiesFile], None]:
    return partial(PropertiesFile.__setitem__, key=key, value=value)


@for_all(
    st.lists(st.sampled_from(LINES)), st.sampled_from(("\n", "\r\n")), st.booleans(), st.lists(VALUES, min_size=2)
)
def test_every_line_of_others_stays(lines: list[str], end: str, whole: bool, values: list[str]) -> None:
    text = "\n".join([*lines, ""] if whole else lines).replace("\n", end)
    before = text.encode("latin-1")
    properties = PropertiesFile.loads(before)
    assert _render(properties, before) == before
    for key, value in zip(KEYS, values, strict=False):
        properties[key] = value
    after = _render(properties, before)
    after.decode("ascii" if before.isascii() else "latin-1")
    assert loads(after) == {**loads(before), **dict(zip(KEYS, values, strict=False))}
    assert after.startswith(before.rstrip(b"\\\r\n"))
    if b"\r\n" in before:
        assert b"\n" not in after.replace(b"\r\n", b"")
    second = PropertiesFile.loads(after)
    for key in KEYS:
        del second[key]
    assert loads(_render(second, after)) == loads(before)


def test_escapes_are_java_s(tmp_path: Path) -> None:
    path = given(tmp_path, b"")
    change(path, put("ours.a", " \u00fc=:#!\\\u20ac\U0001f510\n"))
    assert path.read_bytes() == b"ours.a=\\ \\u00fc\\=\\:\\#\\!\\\\\\u20ac\\ud83d\\udd10\\n\n"
    assert load(path)["ours.a"] == " \u00fc=:#!\\\u20ac\U0001f510\n"


def test_a_change_is_in_its_place_and_a_repeated_key_becomes_one(tmp_path: Path) -> None:
    path = given(tmp_path, b"ours.a = 1\n# in between\nours.a=2\nz=1\nz=2\n")
    change(path, put("ours.a", "3"))
    assert path.read_bytes() == b"ours.a=3\n# in between\nz=1\nz=2\n"


def test_no_change_writes_nothing(tmp_path: Path) -> None:
    path = given(tmp_path, FOREIGN)
    before = path.stat()
    change(path, lambda properties: None)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    change(tmp_path / "none", lambda properties: None)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_mode_stays(tmp_path: Path, mode: int) -> None:
    path = given(tmp_path, FOREIGN)
    path.chmod(mode)
    change(path, put("ours.a", "1"))
    assert path.stat().st_mode & 0o7777 == mode
    assert [item.name for item in tmp_path.iterdir()] == [NAME]


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    change(tmp_path / NAME, put("ours.a", "1"))
    assert (tmp_path / NAME).stat().st_mode & 0o7777 == 0o600


def test_the_owner_stays_or_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = given(tmp_path, FOREIGN)
    asked: list[tuple[int, int]] = []

    def chown(descriptor: int, user: int, group: int) -> None:
        asked.append((user, group))
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", chown)
    with pytest.raises(ReconcilerError, match=f"{NAME} cannot be written: Operation not permitted") as caught:
        change(path, put("ours.a", "1"))
    assert "run as the user who owns the file" in caught.value.remedy
    assert asked == [(path.stat().st_uid, path.stat().st_gid)]
    assert path.read_bytes() == FOREIGN
    assert [item.name for item in tmp_path.iterdir()] == [NAME]


def test_a_file_that_may_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = given(tmp_path, FOREIGN)
    path.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may do anything
    with pytest.raises(ReconcilerError, match=f"{NAME} cannot be written: Permission denied"):
        change(path, put("ours.a", "1"))
    assert path.read_bytes() == FOREIGN


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = given(tmp_path, FOREIGN)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReconcilerError, match="No space left on device"):
        change(path, put("ours.a", "1"))
    assert path.read_bytes() == FOREIGN
    assert [item.name for item in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize("meanwhile", [b"x=1\n", None])
def test_what_somebody_changed_meanwhile_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: bytes | None
) -> None:
    path = given(tmp_path, FOREIGN)
    write = files._write_temporary

    def interrupted(*arguments: object) -> Path:
        made = write(*arguments)
        path.unlink() if meanwhile is None else path.write_bytes(meanwhile)
        return made

    monkeypatch.setattr(files, "_write_temporary", interrupted)
    with pytest.raises(ReconcilerError, match="changed by somebody else in this moment; nothing was written"):
        change(path, put("ours.a", "1"))
    assert (path.read_bytes() if path.exists() else None) == meanwhile
    assert [item.name for item in tmp_path.iterdir()] == ([NAME] if meanwhile else [])


def test_a_file_that_goes_while_it_is_changed_is_not_made_anew(tmp_path: Path) -> None:
    path = given(tmp_path, FOREIGN)

    def edit(properties: PropertiesFile) -> None:
        path.unlink()
        properties["ours.a"] = "1"

    with pytest.raises(ReconcilerError, match="changed by somebody else"):
        change(path, edit)
    assert not path.exists()


def test_a_file_that_comes_while_one_is_made_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / NAME

    def edit(properties: PropertiesFile) -> None:
        path.write_bytes(FOREIGN)
        properties["ours.a"] = "1"

    with pytest.raises(ReconcilerError, match="changed by somebody else"):
        change(path, edit)
    assert path.read_bytes() == FOREIGN


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    given(tmp_path, FOREIGN)
    (tmp_path / "link").symlink_to(tmp_path / NAME)
    for name, text in (("folder", "Is a directory"), ("link", "it is a symbolic link")):
        with pytest.raises(ReconcilerError, match=text) as caught:
            load(tmp_path / name)
        assert caught.value.remedy
    with pytest.raises(ReconcilerError, match="no such folder on this machine") as caught:
        load(tmp_path / "none" / NAME)
    assert "run where Jira runs" in caught.value.remedy


def test_a_file_that_java_refuses_is_named_and_not_quoted(tmp_path: Path) -> None:
    path = given(tmp_path, b"jira.sso.oidc.clientSecret=hush\\u12xy\n")
    with pytest.raises(ReconcilerError, match="which Java refuses too") as caught:
        load(path)
    assert "hush" not in repr((caught.value, caught.value.__context__, caught.value.__cause__))
