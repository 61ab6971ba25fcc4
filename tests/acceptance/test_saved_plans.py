"""A plan that was saved: carried out as it was seen, or refused."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acceptance import wanted
from acceptance.cases import ATLASSIAN, client
from acceptance.workplace import Ran, Workplace

from reconciler.errors import ExitCode, RefusedError


def save(place: Workplace, *arguments: str) -> Path:
    """The file of a plan made now."""
    path = place.folder / "plan.json"
    place.run("plan", "--out", str(path), *arguments)
    return path


def apply(place: Workplace, path: Path, *allowed: str) -> Ran:
    return place.run("apply", str(path), *(f"--allow={name}" for name in allowed))


def refused(place: Workplace, path: Path, *allowed: str) -> str:
    """What is said of a plan that no longer fits; nothing was written."""
    before = place.writes
    ran = apply(place, path, *allowed).ended(ExitCode.STALE)
    assert place.writes == before
    return " ".join(ran.err.split())


def test_a_saved_plan_is_carried_out_without_a_question(place: Workplace) -> None:
    place.write()
    path = save(place)
    assert path.stat().st_mode & 0o777 == 0o600
    assert not place.home.exists()
    apply(place, path).ended(ExitCode.REFUSED)
    apply(place, path, "locks-out").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_plan_holds_no_connection_that_could_write(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.flows import plan, world

    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    tried: list[str] = []

    def judged(found: world.World) -> Any:
        client: Any = found.handlers["clavex", "client"]
        group: Any = found.handlers["jira", "group"]
        for http in (client.org.http, group.api.http):
            for method in ("POST", "PATCH", "PUT", "DELETE"):
                with pytest.raises(RefusedError):
                    http.send(method, "/x")
                tried.append(method)
        return original(found)

    original = plan.judged
    monkeypatch.setattr(plan, "judged", judged)
    place.run("plan").ended(ExitCode.DONE)
    assert len(tried) == 8


def test_a_saved_plan_is_shown_again_as_it_was(place: Workplace) -> None:
    place.write()
    path = place.folder / "plan.json"
    text = place.run("plan", "--out", str(path)).out
    assert place.run("show", str(path)).ended(ExitCode.DONE).out == text
    assert place.run("show", "--json", str(path)).json["plan"] == json.loads(path.read_text())["plan"]


def test_a_saved_plan_says_which_stack_and_environment_it_is_of(place: Workplace) -> None:
    place.write()
    place.write_overlay("staging", {"stack": {"secrets": "file:staging"}})
    path = save(place, "--env", "staging")
    place.run("apply", str(path), "--allow=locks-out").ended(ExitCode.DONE)
    assert (place.folder / "state" / "acme" / "staging" / "state.json").exists()
    assert not place.home.exists()


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("elsewhere"), Path.mkdir])
def test_a_plan_takes_the_place_of_no_device_and_no_link(place: Workplace, make: Callable[[Path], None]) -> None:
    """As root, `--out /dev/stdout` would put a file in the place of the device."""
    place.write()
    path = place.folder / "out"
    make(path)
    before = path.lstat()
    ran = place.run("plan", "--out", str(path))
    assert ran.code
    assert path.lstat() == before
    assert "--json" in ran.err or ran.code == ExitCode.USAGE


def test_a_plan_is_carried_out_once(place: Workplace) -> None:
    place.write()
    path = save(place)
    apply(place, path, "locks-out").ended(ExitCode.DONE)
    assert "clavex/client/atlassian" in refused(place, path, "locks-out")


def test_a_plan_is_stale_when_the_spec_was_changed(place: Workplace) -> None:
    place.write()
    path = save(place)
    place.write(client(name="Other"))
    told = refused(place, path, "locks-out")
    assert "the spec changed" in told
    assert "clavex/client/atlassian" in told


def test_a_comment_in_the_spec_makes_no_plan_stale(place: Workplace) -> None:
    place.write()
    path = save(place)
    spec = place.folder / "specs" / "acme" / "acme.toml"
    spec.write_text("# A remark.\n" + spec.read_text())
    apply(place, path, "locks-out").ended(ExitCode.DONE)


def test_a_plan_as_json_names_the_same_spec_as_the_saved_one(place: Workplace) -> None:
    place.write()
    saved = json.loads(save(place).read_text())["plan"]["spec_digest"]
    assert re.fullmatch("[0-9a-f]{64}", saved)
    for form in (["--json"], ["--format", "json"]):
        assert json.loads(place.run("plan", *form).out)["plan"]["spec_digest"] == saved


def test_a_plan_is_stale_when_somebody_changed_a_system(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(ATLASSIAN)
    path = save(place)
    place.sandbox.clavex.world.clients["atlassian"].redirect_uris.append("https://x.acme.eu/cb")
    told = refused(place, path, "deletes", "locks-out", "takes-over")
    assert "the systems or the state changed" in told
    assert "clavex/client/atlassian" in told
    assert "jira/idp/jira" not in told


def test_a_plan_is_stale_when_what_it_would_create_exists(place: Workplace) -> None:
    place.write()
    path = save(place)
    place.sandbox.clavex.world.add_group("jira-administrators")
    assert "clavex/group/jira-administrators" in refused(place, path, "locks-out")


def test_a_change_elsewhere_makes_no_plan_stale(place: Workplace) -> None:
    place.write()
    path = save(place)
    place.sandbox.clavex.world.add_group("somebody-elses")
    apply(place, path, "locks-out").ended(ExitCode.DONE)


def test_a_plan_is_stale_in_another_state(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(client(name="Other"))
    path = save(place)
    (place.home / "state.json").unlink()
    assert "another state" in refused(place, path)


@pytest.mark.parametrize("edit", ["name", "drop", "hazard", "address"])
def test_an_edited_plan_is_refused(place: Workplace, edit: str) -> None:
    place.write()
    path = save(place)
    content = json.loads(path.read_text())
    changes = content["plan"]["changes"]
    match edit:
        case "name":
            changes[0]["wanted"]["name"] = "Evil"
        case "drop":
            del changes[0]
        case "hazard":
            content["plan"]["hazards"] = []
        case _:
            changes[0]["address"] = "clavex/client/other"
    path.write_text(json.dumps(content))
    assert "edited" in refused(place, path, "locks-out")
    place.run("show", str(path)).ended(ExitCode.STALE)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": "other"}', b"\xff", b'{"format": "reconciler plan", "version": 99}']
)
def test_what_is_no_plan_is_an_error(place: Workplace, content: bytes) -> None:
    place.write()
    path = place.folder / "plan.json"
    path.write_bytes(content)
    ran = apply(place, path, "locks-out").ended(ExitCode.ERROR)
    assert str(path.name) in ran.err
    assert place.writes == 0


def test_a_plan_of_hazards_is_refused_without_permission_by_name(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(ATLASSIAN)
    path = save(place)
    before = place.writes
    for allowed in ((), ("deletes",), ("deletes=jira/idp/jira", "locks-out"), ("deletes", "locks-out=jira/idp/jira")):
        apply(place, path, *allowed).ended(ExitCode.REFUSED)
    assert place.writes == before
    apply(place, path, "deletes=jira/miniorange/jira", "locks-out").ended(ExitCode.DONE)
    wanted.check(place)
