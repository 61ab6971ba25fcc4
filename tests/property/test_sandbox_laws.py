"""The laws with the sandbox as the world: whole commands, real requests."""

from __future__ import annotations

import base64
import copy
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from acceptance import wanted
from acceptance.workplace import GUIDE, Workplace, merged
from budget import slow_tries
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import ExitCode
from reconciler.sandbox.clavex import Client
from reconciler.sandbox.faults import READS, Fault, Kind
from specs import URIS, Spec, shuffled, specs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.sandbox.serve import Sandbox

ALL = ("deletes", "replaces", "rotates", "takes-over", "locks-out", "too-much")
EXPECTED = tuple(name for name in ALL if name not in {"takes-over", "rotates"})
"""What may be asked about while nobody else does anything."""


@contextmanager
def workplace(sandbox: Sandbox) -> Iterator[Workplace]:
    sandbox.reset()
    for served in sandbox.served:
        served.faults.requests = []
    with tempfile.TemporaryDirectory() as folder:
        yield Workplace(sandbox, Path(folder))


def write(place: Workplace, spec: Spec) -> None:
    systems = merged({"stack": GUIDE["stack"], "systems": GUIDE["systems"]}, place.addresses)
    place.write_whole({**systems, **copy.deepcopy(spec)})


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting between attempts takes no time."""
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


@slow_tries(12)
@given(st.lists(specs(), min_size=1, max_size=3))
def test_convergence_and_idempotence(property_sandbox: Sandbox, sequence: Sequence[Spec]) -> None:
    with workplace(property_sandbox) as place:
        for spec in sequence:
            write(place, spec)
            place.apply(*EXPECTED).ended(ExitCode.DONE)
            wanted.check(place)
            place.settle()


# --- what belongs to others ---------------------------------------------------------------------------------------


def settle_in(sandbox: Sandbox) -> dict[str, Any]:
    """Somebody else's things in every system; a copy of them."""
    clavex, products = sandbox.clavex.world, (sandbox.jira.world, sandbox.confluence.world)
    row = clavex.add_client(Client("theirs", clavex.org_id, "Theirs", [URIS[0]]), "secret-of-theirs")
    row.managed_by, row.managed_ref = "their-operator", "x"
    clavex.add_group("theirs", description="By hand")
    for world in products:
        world.groups["theirs"] = ["ada"]
        world.store_idp(
            {
                "name": "theirs",
                "sso-type": "OIDC",
                "enabled": True,
                "button-text": "Theirs",
                "client-id": "theirs",
                "issuer-url": "https://theirs.test",
                "client-secret": "secret-of-theirs",
                "discovery-enabled": True,
            }
        )
        provider = {
            "ID": "7",
            "Name": "theirs",
            "Application Configuration": {"CLIENT_ID": "x", "CLIENT_SECRET": "of-theirs"},
            "Attribute Mapping": {"OWN": [1, None]},
            "Group Mapping": {},
        }
        world.import_({**world.miniorange, "Identity Providers": [provider], "OWN": {"a": 1}})
    return theirs(sandbox)


def theirs(sandbox: Sandbox) -> dict[str, Any]:
    """What is of somebody else, as it is now; a copy."""
    clavex, products = sandbox.clavex.world, (sandbox.jira.world, sandbox.confluence.world)
    providers: list[Any] = [world.miniorange["Identity Providers"] for world in products]
    return copy.deepcopy(
        {
            "client": clavex.clients["theirs"],
            "group": [row for row in clavex.groups.values() if row.name == "theirs"],
            "groups": [world.groups["theirs"] for world in products],
            "idps": [idp for world in products for idp in world.idps.values() if idp.name == "theirs"],
            "providers": [item for listed in providers for item in listed if item["Name"] == "theirs"],
            "documents": [
                {key: value for key, value in world.miniorange.items() if key == "OWN"} for world in products
            ],
        }
    )


@slow_tries(7)
@given(st.lists(specs(), min_size=1, max_size=3))
def test_ownership(property_sandbox: Sandbox, sequence: Sequence[Spec]) -> None:
    with workplace(property_sandbox) as place:
        before = settle_in(property_sandbox)
        for spec in sequence:
            write(place, spec)
            place.apply(*EXPECTED).ended(ExitCode.DONE)
            assert theirs(property_sandbox) == before
            place.settle()
        place.apply(*EXPECTED, arguments=["--destroy"]).ended(ExitCode.DONE)
        assert theirs(property_sandbox) == before
        assert set(property_sandbox.clavex.world.clients) == {"theirs"}
        assert not [entry for entry in place.entries.values() if entry["origin"] == "created"]


# --- order --------------------------------------------------------------------------------------------------------


@slow_tries(6)
@given(specs(), specs(), st.randoms(use_true_random=False))
def test_order(property_sandbox: Sandbox, old: Spec, new: Spec, chance: Any) -> None:
    with workplace(property_sandbox) as place:
        write(place, old)
        place.apply(*EXPECTED).ended(ExitCode.DONE)
        write(place, new)
        plans = [place.plan()]
        for world in (property_sandbox.jira.world, property_sandbox.confluence.world):
            world.idps = shuffled(world.idps, chance)
        clavex = property_sandbox.clavex.world
        clavex.clients, clavex.groups = shuffled(clavex.clients, chance), shuffled(clavex.groups, chance)
        clavex.mappers = shuffled(clavex.mappers, chance)
        place.write_whole(shuffled(place.spec, chance))
        plans.append(place.plan())
        for plan in plans:  # findings come in the order of the text, with its lines; the digest is of the text
            del plan["spec_digest"]
            plan["diagnostics"] = sorted(str({**item, "line": 0}) for item in plan["diagnostics"])
        assert plans[0] == plans[1]


# --- ignorance ----------------------------------------------------------------------------------------------------

LOOKS = {
    "clavex": ("/clients", "/groups$", "/mappers$", "/organizations"),
    "jira": ("/serverInfo$", "/groups/picker$", "/idps", "/sso$", "/configureplugin$"),
    "confluence": ("/server-information$", "/group/", "/idps", "/sso$", "/configureplugin$"),
}


@slow_tries(8)
@given(specs(), specs(), st.data())
def test_ignorance(property_sandbox: Sandbox, naps: None, old: Spec, new: Spec, data: st.DataObject) -> None:
    with workplace(property_sandbox) as place:
        write(place, old)
        place.apply(*EXPECTED).ended(ExitCode.DONE)
        write(place, new)
        whole = {change["address"]: change for change in place.plan()["changes"]}
        system = data.draw(st.sampled_from(sorted(LOOKS)))
        path = data.draw(st.sampled_from(LOOKS[system]))
        kind = data.draw(st.sampled_from([Kind.SERVER_ERROR, Kind.HTML, Kind.CUT_BEFORE, Kind.TRUNCATED_JSON]))
        faults = getattr(property_sandbox, system).faults
        faults.add(Fault(kind=kind, method="GET", path=path, times=None))
        before = place.writes
        made = place.plan()
        unread = {item["address"] for item in made["unread"]}
        for change in made["changes"]:
            assert change["address"] not in unread
            assert not unread.intersection(change["depends_on"])
            assert change == whole[change["address"]]  # what could be read is planned as if nothing had failed
        ran = place.apply(*EXPECTED)
        assert place.writes == before or not unread
        assert ran.code == (ExitCode.INCOMPLETE if unread else ExitCode.DONE)
        place.apply(*EXPECTED, "incomplete")
        faults.clear()
        place.apply(*EXPECTED).ended(ExitCode.DONE)
        wanted.check(place)
        place.settle()


# --- crash --------------------------------------------------------------------------------------------------------


def break_off(sandbox: Sandbox, number: int, kind: Kind) -> None:
    """At the write of that number, and at every one after it, connections are cut."""
    left = [number]

    class Counted(list[tuple[str, str]]):
        """All systems together."""

        def append(self, request: tuple[str, str]) -> None:
            super().append(request)
            left[0] -= request[0] not in READS
            if left[0] == 0:
                left[0] -= 1
                for served in sandbox.served:
                    for method in ("POST", "PATCH", "PUT", "DELETE"):
                        served.faults.add(Fault(kind=kind, method=method, times=1))
                        served.faults.add(Fault(kind=Kind.CUT_BEFORE, method=method, times=None))

    for served in sandbox.served:
        served.faults.requests = Counted()


def mend(sandbox: Sandbox) -> None:
    """Everything answers again."""
    for served in sandbox.served:
        served.faults.clear()
        served.faults.requests = []


@slow_tries(14)
@given(specs(), specs(), st.integers(1, 16), st.sampled_from([Kind.CUT_BEFORE, Kind.CUT_AFTER]))
def test_crash(property_sandbox: Sandbox, naps: None, old: Spec, new: Spec, number: int, kind: Kind) -> None:
    with workplace(property_sandbox) as place:
        write(place, old)
        place.apply(*EXPECTED).ended(ExitCode.DONE)
        write(place, new)
        break_off(property_sandbox, number, kind)
        ran = place.apply(*EXPECTED)
        assert ran.code in {ExitCode.DONE, ExitCode.PARTLY}
        mend(property_sandbox)
        place.apply(*EXPECTED).ended(ExitCode.DONE)
        wanted.check(place)
        place.settle()


# --- silence ------------------------------------------------------------------------------------------------------


def forms(secret: str) -> set[bytes]:
    """How a secret may be spelled."""
    raw = secret.encode()
    return {
        raw,
        base64.b64encode(raw),
        base64.urlsafe_b64encode(raw),
        quote(secret, safe="").encode(),
        quote(secret).encode(),
        raw.hex().encode(),
        secret[::-1].encode(),
    }


def check_silence(place: Workplace) -> None:
    """Holds if no secret that any system gave out or took is anywhere but in its store."""
    secrets = {*place.sandbox.issued_secrets, *place.stored_secrets().values()}
    canaries = {form for secret in secrets if len(secret) >= 16 for form in forms(secret)}
    texts = {"what was printed": "\n".join(place.shown).encode()}
    for path in place.folder.rglob("*"):
        if path.is_file() and path.suffix != ".secrets":
            texts[str(path)] = path.read_bytes()
    found = [where for where, text in texts.items() if any(canary in text for canary in canaries)]
    assert found == []


@slow_tries(4)
@given(specs(), specs(), st.integers(1, 12), st.sampled_from([Kind.HTML, Kind.CUT_AFTER, Kind.SERVER_ERROR]))
def test_silence(property_sandbox: Sandbox, naps: None, old: Spec, new: Spec, number: int, kind: Kind) -> None:
    with workplace(property_sandbox) as place:
        write(place, old)
        place.run("plan", "--out", str(place.folder / "first.json"))
        break_off(property_sandbox, number, kind)
        place.apply(*EXPECTED)
        mend(property_sandbox)
        place.apply(*ALL)
        write(place, new)
        for form in ("text", "json", "markdown"):
            place.run("plan", "--format", form, "--out", str(place.folder / f"{form}.json"))
        place.run("show", str(place.folder / "text.json"))
        place.apply(*ALL, arguments=["--json"])
        for command in (["drift"], ["drift", "--json"], ["state", "list", "--json"], ["validate", "--json"]):
            place.run(*command)
        for address in place.entries:
            place.run("state", "show", address)
        assert place.stored_secrets()
        check_silence(place)
