"""Checks by themselves: their exit code, clocks, redirect URIs, and whether both ends of a sign-on fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from reconciler.core.address import Address
from reconciler.core.check import (
    Check,
    Diagnosis,
    Status,
    Stops,
    broken,
    doubtful,
    examined,
    fine,
    hidden,
    unreachable,
    unread,
)
from reconciler.core.clocks import compare_clocks, span
from reconciler.core.fit import examine_fit
from reconciler.core.intent import Client, SignOn, System
from reconciler.core.observed import Absent, Present, Unreadable
from reconciler.core.redirects import accepts
from reconciler.errors import ExitCode, ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2025, 3, 4, 12, tzinfo=UTC)
CALLBACK = "https://jira.acme.eu/cb"
CLIENT = Client("atlassian", "clavex", "atlassian")
SIGN_ON = SignOn(
    "jira",
    System("jira", "jira", "https://jira.acme.eu"),
    "atlassian",
    CLIENT,
    System("clavex", "clavex", "https://id.acme.eu", "acme"),
    "Sign in",
    ("openid",),
    {},
    {"staff": "Staff"},
    callback=CALLBACK,
)
THEIRS, OURS = Address("clavex", "group", "staff"), Address("jira", "group", "STAFF")
WHOLE = {
    CLIENT.address: Present("atlassian", {"active": True, "response_types": ("code",), "redirect_uris": (CALLBACK,)}),
    THEIRS: Present("1", {}),
    OURS: Present("Staff", {}),
}


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ([], ExitCode.DONE),
        ([fine("a", "b", "c"), doubtful("a", "b", "c", "d"), hidden("a", "b", "c", "d")], ExitCode.DONE),
        ([unread("a", "b", "c")], ExitCode.INCOMPLETE),
        ([unreachable("a", "b", "c")], ExitCode.INCOMPLETE),
        ([unread("a", "b", "c"), broken("a", "b", "c", "d")], ExitCode.UNVERIFIED),
    ],
)
def test_exit_codes(checks: list[Check], code: ExitCode) -> None:
    assert Diagnosis("acme", "default", tuple(checks)).exit_code is code


def test_a_read_that_fails_is_a_check_too() -> None:
    def examine() -> Iterator[Check]:
        yield fine("first", "jira", "seen")
        raise ReconcilerError("no answer", "try again")

    first, second = examined("second", "jira", examine)
    assert first.status is Status.OK
    assert second == Check("second", "jira", Status.UNKNOWN, "no answer", "try again", stops=Stops.READING)


@pytest.mark.parametrize(
    ("date", "status", "seen"),
    [
        ("Tue, 04 Mar 2025 12:00:02 GMT", Status.OK, "agrees with ours"),
        ("Tue, 04 Mar 2025 11:59:00 GMT", Status.OK, "agrees with ours"),
        ("Tue, 04 Mar 2025 11:57:00 -0000", Status.WARNING, "2 minutes behind ours"),
        ("Tue, 04 Mar 2025 12:01:30 GMT", Status.WARNING, "88 seconds ahead of ours"),
        ("Tue, 04 Mar 2025 15:10:00 GMT", Status.FAILED, "3 hours ahead of ours"),
        ("Tue, 04 Mar 2024 12:00:00 GMT", Status.FAILED, "364 days behind ours"),
        ("yesterday", Status.UNKNOWN, "its answers have no readable Date"),
    ],
)
def test_clocks(date: str, status: Status, seen: str) -> None:
    check = compare_clocks("jira", {"date": date}, NOON, NOON + timedelta(seconds=2))
    assert (check.status, check.seen) == (status, seen)
    assert (check.stops is Stops.LOGIN) is (status is Status.FAILED)


@pytest.mark.parametrize("age", ["120", "9" * 30, "old"])
def test_an_answer_from_a_cache(age: str) -> None:
    check = compare_clocks("jira", {"date": "Tue, 04 Mar 2025 11:58:00 GMT", "age": age}, NOON, NOON)
    assert check.status is (Status.OK if age == "120" else Status.UNKNOWN)


def test_no_date_at_all() -> None:
    assert compare_clocks("jira", {}, NOON, NOON).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1 second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (120, "2 minutes"),
        (7200, "2 hours"),
        (200_000, "2 days"),
    ],
)
def test_spans(seconds: int, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("registered", "uri", "taken"),
    [
        ("https://a.eu/cb", "https://a.eu/cb", True),
        ("https://a.eu/cb", "https://a.eu/cb/", False),
        ("https://*.a.eu/cb", "https://jira.a.eu/cb", True),
        ("https://*.a.eu/cb?x", "https://jira.a.eu/cb", False),
        ("https://*.a.eu/cb", "http://jira.a.eu/cb", False),
        ("https://*.a.eu/cb", "https://x.jira.a.eu/cb", False),
        ("https://*.a.eu/cb", "https://.a.eu/cb", False),
        ("https://*.a.eu/cb", "https://evil/x.a.eu/cb", False),
        ("app://*.a.eu/cb", "app://jira.a.eu/cb", False),
    ],
)
def test_redirect_uris(registered: str, uri: str, taken: bool) -> None:
    assert accepts(["https://other/", registered], uri) is taken


def verdicts(
    changes: dict[Address, object], sign_on: SignOn = SIGN_ON, *closed: str
) -> dict[str, tuple[Status, str]]:
    observed = {key: item for key, item in {**WHOLE, **changes}.items() if item is not None}
    return {check.name: (check.status, check.seen) for check in examine_fit(sign_on, observed, closed)}


def test_both_ends_fit() -> None:
    assert {status for status, _ in verdicts({}).values()} == {Status.OK}
    assert set(verdicts({}, SIGN_ON._replace(groups={}))) == {"client", "redirect-uri"}


@pytest.mark.parametrize(
    ("attributes", "name", "seen"),
    [
        ({"active": False, "redirect_uris": (CALLBACK,)}, "client", "switched off"),
        ({"response_types": ("id_token",), "redirect_uris": (CALLBACK,)}, "client", "response type code"),
        ({"active": True}, "redirect-uri", f"{CALLBACK} is no redirect URI of clavex/client/atlassian"),
    ],
)
def test_a_client_that_does_not_serve(attributes: dict[str, object], name: str, seen: str) -> None:
    found = verdicts({CLIENT.address: Present("atlassian", attributes)})
    assert found[name][0] is Status.FAILED
    assert seen in found[name][1]


def test_a_sign_on_without_a_callback() -> None:
    assert verdicts({}, SIGN_ON._replace(callback=None))["redirect-uri"][1].startswith("the callback is no")


def test_a_client_that_is_not_there() -> None:
    assert verdicts({CLIENT.address: Absent()})["client"][0] is Status.FAILED
    assert verdicts({CLIENT.address: None})["client"][0] is Status.FAILED
    shared = SIGN_ON._replace(client=CLIENT._replace(shared=True))
    assert verdicts({CLIENT.address: Absent()}, shared)["client"][1] == "clavex has no client atlassian"


def test_what_could_not_be_read() -> None:
    lost = dict.fromkeys((CLIENT.address, THEIRS, OURS), Unreadable("500", "look"))
    assert verdicts(lost) == {"client": (Status.UNKNOWN, "clavex/client/atlassian: 500")} | {
        "groups": (Status.UNKNOWN, "jira/group/STAFF: 500")
    }
    assert "while jira cannot be read" in verdicts(lost, SIGN_ON, "jira")["groups"][1]


def test_groups_that_are_missing_or_spelled_otherwise() -> None:
    assert "Clavex has no group staff" in verdicts({THEIRS: Absent()})["groups"][1]
    assert "jira has no group Staff" in verdicts({OURS: Absent()})["groups"][1]
    assert verdicts({OURS: Present("STAFF", {})})["groups"][0] is Status.WARNING
    assert verdicts({OURS: None, THEIRS: None})["groups"][0] is Status.OK
