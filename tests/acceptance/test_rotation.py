"""A new secret for a client: in place, by age, without downtime; and whatever interrupts it."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from acceptance import wanted
from acceptance.cases import client, jira, portal
from acceptance.people import People, add_ann

from reconciler.backends.local import LocalBackend
from reconciler.errors import ExitCode, SecretError
from reconciler.sandbox.faults import Fault, Kind
from reconciler.secrets.file import FileStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from acceptance.workplace import Ran, Workplace

CLIENT, SHADOW = "clavex/client/atlassian", "clavex/client/atlassian~shadow"
SECRET = "clients.atlassian.client_secret"


@pytest.fixture
def applied(place: Workplace) -> Workplace:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    return place


@pytest.fixture
def people(applied: Workplace) -> People:
    add_ann(applied)
    return People(applied)


def rotate(place: Workplace, *arguments: str, address: str = CLIENT) -> Ran:
    return place.run("rotate", address, "--auto-approve", *arguments)


def clients(place: Workplace) -> set[str]:
    return set(place.sandbox.clavex.world.clients)


def edit_state(place: Workplace, change: Callable[[dict[str, Any]], None]) -> None:
    path = place.home / "state.json"
    content = json.loads(path.read_bytes())
    change(content["state"]["entries"])
    path.write_text(json.dumps(content))


def age(place: Workplace, days: int | None, address: str = CLIENT) -> None:
    """The secret is so old; None: nobody recorded it, as in states of older versions."""

    def change(entries: dict[str, Any]) -> None:
        entries[address].pop("secret_since")
        if days is not None:
            entries[address]["secret_since"] = (datetime.now(UTC) - timedelta(days=days)).isoformat()

    edit_state(place, change)


# --- in place -----------------------------------------------------------------------------------------------------


def test_a_new_secret_reaches_every_sign_on_in_the_same_run(applied: Workplace) -> None:
    before = applied.stored_secrets()[SECRET]
    ran = rotate(applied).ended(ExitCode.DONE)
    assert applied.stored_secrets()[SECRET] != before
    wanted.check(applied)
    applied.settle()
    assert re.search(r"until 2 sign-ons had it, at most \d+\.\d", ran.out)
    assert "needs permission" not in ran.out


def test_the_window_is_measured(applied: Workplace) -> None:
    applied.sandbox.confluence.faults.add(Fault(kind=Kind.LATENCY, method="PATCH", seconds=0.5))
    (window,) = rotate(applied, "--json").ended(ExitCode.DONE).json["windows"]
    assert 0.5 <= window.pop("seconds") < 30
    assert window == {"address": CLIENT, "consumers": 2, "open": []}


def test_logins_fail_in_the_window_of_a_rotation_in_place(people: People) -> None:
    with people.logging_in_after_each_step() as tried:
        rotate(people.place).ended(ExitCode.DONE)
    assert next(step for step, causes in tried if "token-refused" in causes) == f"rotate {CLIENT}"
    assert tried[-1][1] == []
    assert people.causes() == []


@pytest.mark.parametrize("plugin", ["properties", "resolution"])
def test_what_a_person_must_do_is_said_and_keeps_the_window_open(place: Workplace, plugin: str) -> None:
    file = place.folder / "jira-config.properties"
    options = {"file": str(file), "secret_in_clear": True} if plugin == "properties" else {}
    path = "/plugins/servlet/samlsso" if plugin == "resolution" else "/plugins/servlet/oidc/callback"
    place.write({"sso": {"jira": {"plugin": plugin, "callback": path, "groups": None, plugin: options}}})
    place.apply("locks-out")
    before = place.writes
    ran = rotate(place, "--without-downtime").ended(ExitCode.ERROR)
    assert f"jira/{plugin}/jira: " in ran.err
    assert place.writes == before
    ran = rotate(place).ended(ExitCode.MANUAL if plugin == "resolution" else ExitCode.DONE)
    text = " ".join(ran.out.split())
    assert f"still with the old secret, which is refused: jira/{plugin}/jira." in text
    assert ("started again" if plugin == "properties" else "type the new secret in") in text
    if plugin == "properties":
        assert place.stored_secrets()[SECRET] in file.read_text()
        place.settle()


def test_it_asks_first(applied: Workplace) -> None:
    before = applied.stored_secrets()
    ran = applied.run("rotate", CLIENT).ended(ExitCode.ERROR)
    assert "no terminal to ask on" in ran.err
    applied.run("rotate", CLIENT, "--json").ended(ExitCode.USAGE)
    assert applied.stored_secrets() == before


def test_a_secret_that_no_sign_on_uses(place: Workplace) -> None:
    place.write(portal())
    place.apply("locks-out").ended(ExitCode.DONE)
    before = place.stored_secrets()
    ran = rotate(place, address="clavex/client/portal").ended(ExitCode.DONE)
    assert "No sign-on of the spec uses" in ran.out
    after = place.stored_secrets()
    assert {name for name in after if after[name] != before[name]} == {"clients.portal.client_secret"}
    wanted.check(place)
    place.settle()
    rotate(place, "--without-downtime", address="clavex/client/portal").ended(ExitCode.ERROR)


def test_what_a_sign_on_needs_besides_comes_along_and_nothing_else(applied: Workplace) -> None:
    applied.write(jira(display_name="Sign in with Acme"), portal())
    rotate(applied).ended(ExitCode.DONE)
    plan = applied.plan()
    assert {change["address"] for change in plan["changes"]} == {"clavex/client/portal"}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("clavex/client/nobody", "is not in the spec"),
        ("clavex/client/app", "has no secret that a server makes"),
        ("clavex/group/jira-software-users", "has no secret that a server makes"),
        ("clavex/client/theirs", "somebody else's client"),
        ("clavex/client/portal", "there is no such client"),
    ],
)
def test_what_cannot_be_rotated(applied: Workplace, address: str, said: str) -> None:
    world = applied.sandbox.clavex.world
    world.add_client(
        type(world.clients["atlassian"])("theirs", world.org_id, "Theirs", ["https://a.eu/cb"]), "s" * 43
    )
    theirs = {"system": "clavex", "external": True, "redirect_uris": ["https://b.eu/cb"]}
    public = {"system": "clavex", "public": True, "redirect_uris": ["https://c.eu/cb"]}
    applied.write(portal(), {"clients": {"theirs": theirs, "app": public}})
    before = applied.writes
    ran = rotate(applied, address=address).ended(ExitCode.ERROR)
    assert said in ran.err
    assert applied.writes == before


def test_a_store_that_cannot_be_written_is_refused_before(applied: Workplace) -> None:
    applied.environ["OURS"] = applied.stored_secrets()[SECRET]
    applied.write(client(secret="env:OURS"))
    applied.apply().ended(ExitCode.DONE)
    before = applied.writes
    for arguments in ([], ["--without-downtime"]):
        assert "cannot keep it" in rotate(applied, *arguments).ended(ExitCode.ERROR).err
    assert applied.writes == before
    applied.settle()


def test_a_client_that_was_adopted_needs_permission(applied: Workplace) -> None:
    (applied.home / "state.json").unlink()
    world = applied.sandbox.clavex.world.clients["atlassian"]
    world.managed_by = world.managed_ref = None
    applied.apply().ended(ExitCode.DONE)
    before = applied.writes
    for arguments in ([], ["--without-downtime"]):
        assert f"--allow rotates={CLIENT}" in rotate(applied, *arguments).ended(ExitCode.REFUSED).err
    assert applied.writes == before
    rotate(applied, f"--allow=rotates={CLIENT}").ended(ExitCode.DONE)
    rotate(applied, "--allow=rotates", "--without-downtime").ended(ExitCode.DONE)
    applied.settle()


def test_a_client_that_bears_the_mark_of_others_needs_permission(applied: Workplace) -> None:
    found = applied.sandbox.clavex.world.clients["atlassian"]
    found.managed_by, found.managed_ref = "k8s-operator", "Client/ns/a"
    before = applied.writes
    ran = rotate(applied).ended(ExitCode.REFUSED)
    assert "takes-over" in ran.err
    assert "rotates" in ran.err
    rotate(applied, "--without-downtime").ended(ExitCode.REFUSED)
    assert applied.writes == before


def test_a_sign_on_that_fails_gets_its_secret_from_the_next_apply(people: People) -> None:
    place = people.place
    place.sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="PATCH"))
    ran = rotate(place).ended(ExitCode.PARTLY)
    assert "still with the old secret, which is refused: confluence/idp/confluence" in ran.out
    assert people.causes() == ["token-refused"]
    place.apply().ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_an_answer_to_a_rotation_that_got_lost_is_found_out_by_the_next_apply(applied: Workplace) -> None:
    for kind in (Kind.CUT_AFTER, Kind.TRUNCATED_JSON):
        applied.sandbox.clavex.faults.add(Fault(kind=kind, method="POST", path="/secret$", times=None))
        rotate(applied).ended(ExitCode.PARTLY)
        applied.sandbox.clavex.faults.clear()
        applied.apply().ended(ExitCode.DONE)
        wanted.check(applied)
        applied.settle()


def test_a_rotation_that_was_not_carried_out_costs_nothing(applied: Workplace) -> None:
    before = applied.stored_secrets()
    applied.sandbox.clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, method="POST", path="/secret$", times=None))
    rotate(applied).ended(ExitCode.PARTLY)
    applied.sandbox.clavex.faults.clear()
    applied.apply().ended(ExitCode.DONE)
    assert applied.stored_secrets() == before
    applied.settle()


@pytest.mark.parametrize("without", [False, True], ids=["in place", "without downtime"])
def test_a_secret_that_could_not_be_kept_is_made_again_by_the_next_apply(applied: Workplace, without: bool) -> None:
    def full(store: FileStore, name: str, value: object) -> None:
        if name == SECRET:
            raise SecretError("no space left")
        put(store, name, value)  # type: ignore[arg-type] # as it came

    put = FileStore.put
    with patch.object(FileStore, "put", full):
        ran = rotate(applied, *(["--without-downtime"] if without else [])).ended(ExitCode.PARTLY)
    assert "could not be kept" in ran.out
    ran = applied.apply().ended(ExitCode.DONE)
    assert "the server refuses the stored secret" in ran.out
    assert clients(applied) == {"atlassian"}
    wanted.check(applied)
    applied.settle()


# --- by age -------------------------------------------------------------------------------------------------------


def test_a_secret_that_is_too_old_is_a_planned_change(applied: Workplace) -> None:
    applied.write(client(rotate_after="90d"))
    age(applied, 89)
    applied.settle()
    age(applied, 95)
    plan = applied.plan()
    (reason,) = [change["reason"] for change in plan["changes"] if change["address"] == CLIENT]
    assert "older than the 90 days that the spec allows" in reason
    assert [hazard["name"] for hazard in plan["hazards"]] == ["rotates"]
    applied.apply().ended(ExitCode.REFUSED)
    before = applied.stored_secrets()[SECRET]
    applied.apply("rotates").ended(ExitCode.DONE)
    assert applied.stored_secrets()[SECRET] != before
    wanted.check(applied)
    applied.settle()


def test_an_old_secret_may_be_rotated_without_downtime(people: People) -> None:
    people.place.write(client(rotate_after="90d"))
    age(people.place, 95)
    with people.logging_in_after_each_step() as tried:
        rotate(people.place, "--without-downtime").ended(ExitCode.DONE)
    assert {cause for _, causes in tried for cause in causes} == set()
    people.place.settle()


def test_an_age_that_nobody_recorded_counts_from_the_next_apply(applied: Workplace) -> None:
    age(applied, None)
    applied.settle()  # as long as no age matters, none is recorded
    applied.write(client(rotate_after="1d"))
    (change,) = applied.plan()["changes"]
    assert "its age counts from this apply" in change["reason"]
    assert [step["kind"] for step in change["steps"]] == ["record"]
    before = applied.writes
    applied.apply().ended(ExitCode.DONE)
    assert applied.writes == before
    assert "secret_since" in applied.entries[CLIENT]
    applied.settle()


def test_a_clock_that_went_back_rotates_nothing_and_is_told(applied: Workplace) -> None:
    applied.write(client(rotate_after="1d"))
    age(applied, -400)
    plan = applied.plan()
    assert plan["changes"] == []
    assert "it is not rotated by age before that time" in plan["diagnostics"][-1]["message"]
    applied.settle()
    rotate(applied).ended(ExitCode.DONE)
    assert "not rotated by age" not in json.dumps(applied.plan())


def test_an_age_alone_rotates_the_secret_of_a_client_without_a_sign_on(place: Workplace) -> None:
    place.write(portal(rotate_after="30d"))
    place.apply("locks-out").ended(ExitCode.DONE)
    age(place, 31, "clavex/client/portal")
    before = place.stored_secrets()["clients.portal.client_secret"]
    place.apply("rotates").ended(ExitCode.DONE)
    assert place.stored_secrets()["clients.portal.client_secret"] != before
    wanted.check(place)
    place.settle()


# --- a secret that never reached its store ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["atlassian", "portal"])
def test_a_secret_that_never_reached_its_store_is_made_again_unasked(place: Workplace, name: str) -> None:
    place.write(portal())
    before = FileStore.put

    def full(store: FileStore, key: str, value: object) -> None:
        if key == f"clients.{name}.client_secret":
            raise SecretError("no space left")
        before(store, key, value)  # type: ignore[arg-type] # as it came

    with patch.object(FileStore, "put", full):
        ran = place.apply("locks-out").ended(ExitCode.PARTLY)
    assert "the next apply makes a new secret by itself" in ran.out
    ran = place.apply("locks-out=confluence/idp/confluence").ended(ExitCode.DONE)
    assert "nobody knows its secret" in ran.out
    assert "rotates=" not in ran.out
    wanted.check(place)
    place.settle()


# --- without downtime ---------------------------------------------------------------------------------------------


def test_no_login_fails_at_any_step_without_downtime(people: People) -> None:
    place = people.place
    before = place.stored_secrets()[SECRET]
    with people.logging_in_after_each_step() as tried:
        ran = rotate(place, "--without-downtime").ended(ExitCode.DONE)
    assert {cause for _, causes in tried for cause in causes} == set()
    steps = [step for step, _ in tried]
    assert steps[0] == f"create {SHADOW}"
    assert steps[-1] == f"delete {SHADOW}"
    assert steps.count("update confluence/idp/confluence") == steps.count("update jira/miniorange/jira") == 2
    assert "2 sign-ons had another client meanwhile" in ran.out
    assert place.stored_secrets()[SECRET] != before
    wanted.check(place)
    place.settle()


def test_only_a_login_that_a_switch_overtakes_fails(people: People) -> None:
    """The product redeems a code by the client that it has now, not by the one that the code was made for."""
    place = people.place
    for served in (place.sandbox.jira, place.sandbox.confluence):
        served.faults.add(Fault(kind=Kind.LATENCY, method="POST", path="configureplugin", times=None, seconds=0.3))
        served.faults.add(Fault(kind=Kind.LATENCY, method="PATCH", times=None, seconds=0.3))
    with people.logging_in_all_the_time() as tried:
        rotate(place, "--without-downtime").ended(ExitCode.DONE)
    causes = [cause for _, _, cause in tried if cause]
    assert len(tried) > 8
    assert set(causes) <= {"token-refused"}
    assert len(causes) <= 4  # two products, two switches each
    with people.logging_in_all_the_time() as tried:
        rotate(place).ended(ExitCode.DONE)
    assert len([cause for _, _, cause in tried if cause]) > len(causes)


@pytest.mark.parametrize("what", ["create", "switch", "rotate", "switch back", "delete"])
@pytest.mark.parametrize("how", ["apply", "rotate"])
def test_a_rotation_that_fails_goes_back_or_on(people: People, what: str, how: str) -> None:
    place = people.place
    clavex, confluence = place.sandbox.clavex.faults, place.sandbox.confluence.faults
    broken = {"kind": Kind.SERVER_ERROR, "status": 500, "times": None}
    match what:
        case "create":
            clavex.add(Fault(method="POST", path="shadow/mappers", skip=2, **broken))
        case "switch":
            confluence.add(Fault(method="PATCH", **broken))
        case "rotate":
            clavex.add(Fault(method="POST", path="/secret$", **broken))
        case "switch back":
            confluence.add(Fault(method="PATCH", skip=1, **broken))
        case "delete":
            clavex.add(Fault(method="DELETE", path="shadow$", **broken))
    ran = rotate(place, "--without-downtime").ended(ExitCode.PARTLY)
    assert "goes on, `reconciler apply` goes back" in " ".join(ran.out.split())
    clavex.clear()
    confluence.clear()
    assert people.causes() == []
    told = place.run("drift").ended(ExitCode.DONE).out
    assert f"The secret of {CLIENT} is being made anew without downtime, or that was interrupted" in " ".join(
        told.split()
    )
    plan = place.plan()
    assert plan["hazards"] == []
    assert SHADOW in {item["where"] for item in plan["diagnostics"]}
    with people.logging_in_after_each_step() as tried:
        (place.apply() if how == "apply" else rotate(place, "--without-downtime")).ended(ExitCode.DONE)
    assert {cause for _, causes in tried for cause in causes} == set()
    assert clients(place) == {"atlassian"}
    wanted.check(place)
    place.settle()


def test_what_is_left_of_a_rotation_goes_with_the_stack_and_with_a_rotation_in_place(people: People) -> None:
    place = people.place
    place.sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="PATCH", skip=1))
    rotate(place, "--without-downtime").ended(ExitCode.PARTLY)
    rotate(place).ended(ExitCode.DONE)
    assert clients(place) == {"atlassian"}
    wanted.check(place)
    place.settle()
    place.sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="PATCH", skip=1))
    rotate(place, "--without-downtime").ended(ExitCode.PARTLY)
    place.apply("deletes", "locks-out", "too-much", arguments=["--destroy"]).ended(ExitCode.DONE)
    assert clients(place) == set()
    assert not place.entries


def test_a_rotation_goes_on_where_it_was(people: People) -> None:
    place = people.place
    place.sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="PATCH", skip=1))
    rotate(place, "--without-downtime").ended(ExitCode.PARTLY)
    before = place.stored_secrets()[SECRET]
    ran = rotate(place, "--without-downtime").ended(ExitCode.DONE)
    assert "1. switch" in ran.out
    assert place.stored_secrets()[SECRET] == before


def test_a_secret_that_the_server_does_not_take_is_not_given_to_anybody(people: People) -> None:
    place = people.place
    place.sandbox.clavex.faults.add(Fault(kind=Kind.HTML, method="POST", path="/token$", times=None))
    ran = rotate(place, "--without-downtime").ended(ExitCode.PARTLY)
    assert "whether its new secret is right could not be found out" in " ".join(ran.out.split())
    assert not [step for step in ran.err.splitlines() if "update" in step]
    place.sandbox.clavex.faults.clear()
    assert people.causes() == []
    place.apply().ended(ExitCode.DONE)
    place.settle()


def test_a_client_of_others_is_not_taken_for_a_shadow(applied: Workplace) -> None:
    world = applied.sandbox.clavex.world
    world.add_client(
        type(world.clients["atlassian"])("atlassianshadow", world.org_id, "X", ["https://a.eu/"]), "s" * 43
    )
    before = applied.writes
    assert "is there already" in rotate(applied, "--without-downtime").ended(ExitCode.ERROR).err
    assert applied.writes == before


def test_one_thing_at_a_time(applied: Workplace) -> None:
    applied.write(jira(display_name="Sign in with Acme"))
    before = applied.writes
    ran = rotate(applied, "--without-downtime").ended(ExitCode.ERROR)
    assert "these are not as the spec wants them: jira/miniorange/jira" in ran.err
    assert applied.writes == before


def test_who_says_no_changes_nothing(applied: Workplace) -> None:
    before = applied.writes
    ran = applied.run("rotate", CLIENT, "--without-downtime").ended(ExitCode.ERROR)
    assert "no terminal to ask on" in ran.err
    assert "5. delete the shadow client atlassianshadow" in ran.out
    assert applied.writes == before


def test_a_process_that_dies_anywhere_keeps_nobody_out_and_leaves_nothing(place: Workplace) -> None:
    """Killed before every second durable write: the next run, an apply or the rotation again, ends it."""
    place.write({"sso": {"jira": None}})
    place.apply("locks-out").ended(ExitCode.DONE)
    add_ann(place)
    people, killed = People(place, ("confluence",)), 0
    for point in range(0, 200, 2):
        if not _killed(place, point):
            break
        killed += 1
        assert people.causes() == [], point
        (rotate(place, "--without-downtime") if point % 4 else place.apply()).ended(ExitCode.DONE)
        wanted.check(place)
    assert killed > 15
    assert people.causes() == []
    place.settle()


def _killed(place: Workplace, point: int) -> bool:
    """Whether a rotation in a process of its own was killed at its `point`th durable write; False if it has fewer."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            _die_at(point)
            code = rotate(place, "--without-downtime").code
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {9, 0}, code
    return code == 9


def _die_at(point: int) -> None:
    count = [0]

    def dying(function: Callable[..., Any]) -> Callable[..., Any]:
        def write(*arguments: Any, **options: Any) -> Any:
            if count[0] == point:
                os._exit(9)
            count[0] += 1
            return function(*arguments, **options)

        return write

    for holder, name in ((LocalBackend, "append"), (LocalBackend, "put"), (FileStore, "put")):
        setattr(holder, name, dying(getattr(holder, name)))
