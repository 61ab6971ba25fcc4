"""Route `file` of miniOrange: reads an export, writes a file for a person to import (facts atlassian 4.2)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from unit.atlassian.documents import BY_HAND, FOREIGN, given, rest
from unit.atlassian.product import CLIENT_SECRET, FINGERPRINTER, Side, side, sign_on, system_of

from reconciler.core.observed import Absent, Present, Unreadable
from reconciler.errors import ReconcilerError
from reconciler.ports import Write
from reconciler.providers import miniorange

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.ports import Http
    from reconciler.sandbox.serve import Sandbox


OLD = '{"Identity Providers": []}'
"""An import file of before."""


def test_a_file_that_is_no_import_of_ours_is_not_overwritten(sandbox: Sandbox, jira: Http, tmp_path: Path) -> None:
    exported(sandbox, tmp_path, FOREIGN)
    for text in ('{"auths": {}}', "no JSON"):
        (tmp_path / "import.json").write_text(text)
        with pytest.raises(ReconcilerError, match="import"):
            rest(sandbox, jira, options=files(tmp_path)).create()
        assert (tmp_path / "import.json").read_text() == text
    (tmp_path / "import.json").unlink()
    (tmp_path / "import.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ReconcilerError, match="no import file of ours"):
        rest(sandbox, jira, options=files(tmp_path)).create()


def files(folder: Path) -> dict[str, Any]:
    return {"route": "file", "export": str(folder / "export.json"), "import": str(folder / "import.json")}


def exported(sandbox: Sandbox, folder: Path, *providers: dict[str, Any]) -> None:
    given(sandbox, *providers)
    (folder / "export.json").write_text(json.dumps(sandbox.jira.world.export()))


def test_an_export_that_is_missing_is_unreadable_with_a_remedy(sandbox: Sandbox, jira: Http, tmp_path: Path) -> None:
    for kind in ("miniorange", "miniorange_sign_in"):
        found = rest(sandbox, jira, kind, options=files(tmp_path)).read()
        assert isinstance(found, Unreadable)
        assert "export.json does not exist" in found.reason
        assert "Backup/Restore" in found.remedy


@pytest.mark.parametrize("content", [b"[]", b'{"PLUGIN_VERSION": "1.2.4", "hush', b"\xff\xfe"])
def test_an_export_that_is_broken_is_unreadable_and_not_quoted(
    sandbox: Sandbox, jira: Http, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "export.json").write_bytes(content)
    found = rest(sandbox, jira, options=files(tmp_path)).read()
    assert isinstance(found, Unreadable)
    assert "not a JSON object, or is cut short" in found.reason
    assert "hush" not in repr(found)


def test_an_export_that_may_not_be_read_is_unreadable(sandbox: Sandbox, jira: Http, tmp_path: Path) -> None:
    (tmp_path / "export.json").mkdir()
    found = rest(sandbox, jira, options=files(tmp_path)).read()
    assert isinstance(found, Unreadable)
    assert "cannot be read" in found.reason


def test_a_change_is_a_file_for_a_person(sandbox: Sandbox, jira: Http, tmp_path: Path) -> None:
    exported(sandbox, tmp_path, FOREIGN)
    made = rest(sandbox, jira, options=files(tmp_path))
    written = made.create()
    target = tmp_path / "import.json"
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(item.name for item in tmp_path.iterdir()) == ["export.json", "import.json"]
    assert [str(target) in line for line in written.manual] == [True, False, True]
    assert "export again" in written.manual[1]
    assert sandbox.jira.faults.requests == []
    assert made.read(written.remote_id) == Absent()
    document = json.loads(target.read_text())
    assert [item["Name"] for item in document["Identity Providers"]] == ["Okta", "main"]
    sandbox.jira.world.import_(document)
    (tmp_path / "export.json").write_text(json.dumps(sandbox.jira.world.export()))
    found = made.read(written.remote_id)
    assert isinstance(found, Present)
    assert found.remote_id == written.remote_id
    assert found.fingerprints == {"client_secret": f"print of {len(CLIENT_SECRET)}"}


def test_several_changes_of_one_run_go_into_one_file(sandbox: Sandbox, jira: Http, tmp_path: Path) -> None:
    exported(sandbox, tmp_path, FOREIGN)
    wish = sign_on(system_of(sandbox.jira), "miniorange", login_form=False, options=files(tmp_path))
    provider, settings = (side(miniorange.plugin, jira, wish, kind) for kind in ("miniorange", "miniorange_sign_in"))
    handlers = miniorange.make_handlers(jira, wish.product, [wish], FINGERPRINTER)
    Side(handlers["miniorange"], provider.desired).create()
    written = Side(handlers["miniorange_sign_in"], settings.desired).update("sign-in", show_login_form=False)
    assert written.manual
    document = json.loads((tmp_path / "import.json").read_text())
    assert len(document["Identity Providers"]) == 2
    assert document["Sign In Settings"]["DISABLE_DEFAULT_LOGIN"] == "true"


def test_secrets_that_the_export_hides_are_work_for_a_person(sandbox: Sandbox, jira: Http, tmp_path: Path) -> None:
    sandbox.jira.world.switches = replace(sandbox.jira.world.switches, miniorange_secret="masked")
    exported(sandbox, tmp_path, FOREIGN)
    written = rest(sandbox, jira, options=files(tmp_path)).create()
    assert "hides the client secret of Okta" in written.manual[1]


def test_a_removal_by_file_is_work_for_a_person(sandbox: Sandbox, jira: Http, tmp_path: Path) -> None:
    exported(sandbox, tmp_path, FOREIGN, BY_HAND)
    made = rest(sandbox, jira, options=files(tmp_path))
    with pytest.raises(ReconcilerError, match="a person has to remove it") as caught:
        made.delete("by-hand")
    assert "import.json" in caught.value.remedy
    names = [item["Name"] for item in json.loads((tmp_path / "import.json").read_text())["Identity Providers"]]
    assert names == ["Okta"]
    exported(sandbox, tmp_path, FOREIGN)
    rest(sandbox, jira, options=files(tmp_path)).delete("by-hand")


@pytest.mark.parametrize("place", ["state/import.json", "state/acme/default/import.json", "link.json"])
def test_an_import_file_never_lies_below_a_state(sandbox: Sandbox, jira: Http, tmp_path: Path, place: str) -> None:
    exported(sandbox, tmp_path, FOREIGN)
    (tmp_path / "state" / "acme" / "default").mkdir(parents=True)
    (tmp_path / "link.json").symlink_to(tmp_path / "state" / "import.json")
    made = rest(sandbox, jira, options=files(tmp_path))
    attributes = {**made.desired.attributes, "import": str(tmp_path / place)}
    write = Write(made.address, attributes, frozenset({"display_name"}))
    with pytest.raises(ReconcilerError, match="below a folder named state"):
        made.handler.create(write)
    assert not [item for item in (tmp_path / "state").rglob("*") if item.is_file()]


def test_an_import_file_that_cannot_be_written_leaves_nothing(
    sandbox: Sandbox, jira: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(sandbox, tmp_path, FOREIGN)
    (tmp_path / "import.json").write_text(OLD)
    made = rest(sandbox, jira, options=files(tmp_path))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ReconcilerError, match="No space left on device"):
        made.create()
    assert (tmp_path / "import.json").read_text() == OLD
    assert sorted(item.name for item in tmp_path.iterdir()) == ["export.json", "import.json"]
    missing = {**files(tmp_path), "import": str(tmp_path / "none" / "import.json")}
    with pytest.raises(ReconcilerError, match="No such file or directory"):
        rest(sandbox, jira, options=missing).create()


def test_an_import_file_that_others_could_read_is_replaced(sandbox: Sandbox, jira: Http, tmp_path: Path) -> None:
    exported(sandbox, tmp_path, FOREIGN)
    target = tmp_path / "import.json"
    target.write_text(OLD)
    target.chmod(0o644)
    rest(sandbox, jira, options=files(tmp_path)).create()
    assert target.stat().st_mode & 0o777 == 0o600
