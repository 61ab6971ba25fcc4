"""The number of requests of a plan, against the formula of docs/performance.md."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import pytest
from acceptance.workplace import Workplace

from reconciler.sandbox.clavex.records import Client
from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = 200
ONCE = 2
"""Only the first time: which dialect the server speaks, and the organisation's id."""


@pytest.fixture(scope="module")
def bench_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def place(bench_sandbox: Sandbox, tmp_path: Path) -> Workplace:
    bench_sandbox.reset()
    return Workplace(bench_sandbox, tmp_path)


def table(number: int, **more: Any) -> dict[str, Any]:
    return {"system": "clavex", "name": f"App {number}", "redirect_uris": [f"https://app{number}.acme.eu/cb"], **more}


def write(place: Workplace, *, clients: dict[str, Any], groups: dict[str, Any] | None = None) -> None:
    systems = {
        "clavex": {
            "provider": "clavex",
            "url": place.sandbox.clavex.url,
            "org": "acme",
            "token": "env:CLAVEX_TOKEN",
        }
    }
    place.write_whole({"systems": systems, "clients": clients, **({"groups": groups} if groups else {})})


def requests(place: Workplace) -> dict[str, int]:
    """How many requests one plan sends to each system; none of them changes anything."""
    for served in place.sandbox.served:
        served.faults.reset_counts()
    place.plan()
    assert place.writes == 0
    return {served.emulator.name: len(served.faults.requests) for served in place.sandbox.served}


def fill(place: Workplace, clients: int, groups: int = 0) -> None:
    """Clients and groups of others are on the server: they cost pages all the same."""
    world = place.sandbox.clavex.world
    for number in range(clients):
        world.add_client(Client(f"other{number:03}", world.org_id, f"Other {number:03}", ["https://other.eu/cb"]))
    for number in range(groups):
        world.add_group(f"other{number:03}")


@pytest.mark.parametrize("others", [0, 198, 199, 405])
def test_clients_come_by_pages(place: Workplace, others: int) -> None:
    fill(place, others)
    write(place, clients={"a": table(1), "b": table(2)})
    pages = max(1, ceil(others / PAGE))
    assert requests(place)["clavex"] == ONCE + pages
    place.apply().ended(0)
    assert requests(place)["clavex"] == ceil((others + 2) / PAGE)


@pytest.mark.parametrize("others", [0, 205])
def test_groups_come_by_pages_and_only_if_one_is_wanted(place: Workplace, others: int) -> None:
    fill(place, 0, groups=others)
    write(place, clients={"a": table(1)}, groups={"readers": {"system": "clavex"}})
    place.apply().ended(0)
    assert requests(place)["clavex"] == 1 + ceil((others + 1) / PAGE)
    place.sandbox.reset()
    fill(place, 0, groups=others)
    (place.home / "state.json").unlink()
    write(place, clients={"a": table(1)})
    place.apply().ended(0)
    assert requests(place)["clavex"] == 1


def test_mappers_take_one_request_for_each_client_that_has_any(place: Workplace) -> None:
    clients = {
        "a": table(1),
        "b": table(2, claims={"email": "email"}),
        "c": table(3, claims={"email": "email", "sub": "sub", "groups": "groups"}),
    }
    write(place, clients=clients)
    place.apply().ended(0)
    assert requests(place)["clavex"] == 1 + 2


def test_a_secret_is_proved_only_where_a_sign_on_needs_it(place: Workplace) -> None:
    place.write({"clients": {"portal": table(1)}})
    place.apply("locks-out").ended(0)
    requests(place)
    proofs = [path for _, path in place.sandbox.clavex.faults.requests if path.endswith("/token")]
    assert len(proofs) == 1


def test_the_guide_s_example(place: Workplace) -> None:
    place.write()
    once = requests(place)
    place.apply("locks-out").ended(0)
    after = requests(place)
    clients = groups = mappers = discovery = proof = 1
    assert after["clavex"] == clients + groups + mappers + discovery + proof
    absent = 1  # that the client is not there is asked before it counts as one without mappers
    assert once["clavex"] == after["clavex"] - proof + ONCE + absent
    version = plugin = 1
    assert after["jira"] == version + plugin + 2  # groups
    assert after["confluence"] == version + plugin + 1  # group
