"""A Clavex or product that answers a login badly: a named finding with what to do, and nothing is written."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from cli.terminal import flat

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from cli.terminal import Terminal

EMAIL, PASSWORD = "eve@acme.test", "Eve-pass-1"
VERIFY = ("verify", "--as", EMAIL, "--password-from", "env:EVE_PASSWORD", "--json")
DOCTOR = ("doctor", "--json")
CIRCLE = Fault(kind=Kind.LOGIN_REDIRECT, path=r"/plugins/servlet/external-login/.*|/login\.jsp", times=None)


class Bad(NamedTuple):
    """What is wrong, who finds it under which name, and what is said of it."""

    wrong: dict[str, Any] | Fault
    command: tuple[str, ...]
    subject: str
    name: str
    seen: str
    code: ExitCode = ExitCode.UNVERIFIED
    system: str = "clavex"


def token(kind: str, seen: str) -> Bad:
    return Bad({"id_token": kind}, VERIFY, "sso.confluence", "id-token", seen)


CASES = {
    "another issuer": Bad({"issuer": "https://id.other.eu/acme"}, DOCTOR, "clavex", "issuer", "https://id.other.eu"),
    "another issuer, verified": Bad(
        {"issuer": "https://id.other.eu/acme"}, VERIFY, "clavex", "issuer", "id.other.eu"
    ),
    "a JWKS without the key": Bad({"jwks": "empty"}, VERIFY, "sso.confluence", "id-token", "no key of the JWKS"),
    "no key at all": Bad({"jwks": "empty"}, DOCTOR, "clavex", "keys", "has no keys"),
    "expired": token("expired", "it has expired"),
    "not yet valid": token("not yet valid", "it is not yet valid"),
    "alg none": token("unsigned", "no key of the JWKS verifies it as PS256"),
    "HS256 with the public key": token("HS256", "no key of the JWKS verifies it as PS256"),
    "another key": token("other key", "no key of the JWKS verifies it as PS256"),
    "another audience": token("other audience", "it is for another audience"),
    "another login's": token("other nonce", "its nonce is of another login"),
    "a redirect loop": Bad(CIRCLE, VERIFY, "sso.confluence", "start", "in a circle", system="confluence"),
    "a login page of discovery": Bad(
        Fault(kind=Kind.HTML, path="openid-configuration", times=None),
        *(DOCTOR, "clavex", "issuer", "HTML page, not JSON", ExitCode.INCOMPLETE),
    ),
    "a login page of the keys": Bad(
        Fault(kind=Kind.HTML, path="jwks", times=None),
        *(DOCTOR, "clavex", "keys", "HTML page, not JSON", ExitCode.INCOMPLETE),
    ),
    "a redirect to a login page": Bad(
        Fault(kind=Kind.LOGIN_REDIRECT, path="jwks", times=None),
        *(DOCTOR, "clavex", "keys", "a redirect (302) to the same host", ExitCode.INCOMPLETE),
    ),
}


@pytest.fixture
def settled(applied: Terminal) -> Terminal:
    """Everything is applied, and Eve has an account."""
    applied.environ["EVE_PASSWORD"] = PASSWORD
    eve = applied.sandbox.clavex.world.add_user(EMAIL, PASSWORD, "Eve", "Bell")
    eve.metadata["preferred_username"] = "eve"
    return applied


def everything(place: Terminal) -> list[Any]:
    """All that could have been written, here and there; who logged in is the login's own affair."""
    sandbox = place.sandbox
    clavex, jira, confluence = sandbox.clavex.world, sandbox.jira.world, sandbox.confluence.world
    kept = clavex.clients, clavex.mappers, clavex.groups, confluence.idps, set(confluence.groups)
    files = {path: path.read_bytes() for path in place.folder.rglob("*") if path.is_file()}
    return copy.deepcopy([*kept, jira.miniorange, set(jira.groups), files])


def go_wrong(place: Terminal, bad: Bad) -> None:
    served: Any = getattr(place.sandbox, bad.system)
    if isinstance(bad.wrong, Fault):
        served.faults.add(bad.wrong)
    else:
        served.world.switches = replace(served.world.switches, **bad.wrong)


@pytest.mark.parametrize("case", CASES)
def test_it_is_found_by_name_and_nothing_is_written(settled: Terminal, case: str) -> None:
    bad = CASES[case]
    go_wrong(settled, bad)
    before = everything(settled)
    checks = settled.run(*bad.command).ended(bad.code).json["checks"]
    found = [check for check in checks if (check["subject"], check["name"]) == (bad.subject, bad.name)]
    assert [check["status"] for check in found] == ["unknown" if bad.code == ExitCode.INCOMPLETE else "failed"]
    assert bad.seen in found[0]["seen"]
    assert found[0]["remedy"]
    assert everything(settled) == before


@pytest.mark.parametrize("case", ["another issuer", "a login page of discovery"])
def test_nothing_is_applied_on_it(settled: Terminal, case: str) -> None:
    """The endpoints that miniOrange stores come from there."""
    go_wrong(settled, CASES[case])
    settled.write({"sso": {"jira": {"display_name": "New"}}})
    before = everything(settled)
    ran = settled.apply()
    assert ran.code in {ExitCode.INCOMPLETE, ExitCode.ERROR}
    assert CASES[case].seen in flat(ran.out + ran.err)
    assert everything(settled) == before
