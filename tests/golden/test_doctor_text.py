"""What `doctor` and `verify` look like: at 80 and 120 columns, in colour, in ASCII, as JSON; a hostile server too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.core.check import (
    Diagnosis,
    Landing,
    Person,
    Source,
    broken,
    doubtful,
    fine,
    hidden,
    unreachable,
    unread,
)
from reconciler.render.doctor import doctor_document, doctor_text, verify_document, verify_text
from reconciler.render.document import json_text
from reconciler.render.terminal import PLAIN, Style, width

if TYPE_CHECKING:
    from collections.abc import Callable

    Golden = Callable[[str, str], None]

HEALTHY = Diagnosis(
    "acme",
    "prod",
    (
        fine("state", "this side", "state/acme/prod: serial 7, 14 resources"),
        fine("issuer", "clavex", "https://id.acme.eu/acme, as in the spec"),
        fine("version", "jira", "Jira 10.3.24; the guide wants 8.0 or later", Source.DOCUMENTED),
    ),
)
ILL = Diagnosis(
    "acme",
    "prod",
    (
        fine("state", "this side", "state/acme/prod: serial 7, 14 resources"),
        unreachable("reach", "confluence", "GET https://wiki.acme.eu/rest: connection refused", "is it running?"),
        broken(
            "issuer",
            "clavex",
            "discovery at https://id.acme.eu/acme says that the issuer is https://id.\x1b[31mevil\u202e.eu: "
            "plugins refuse every token",
            "correct url in [systems.clavex], or auth.issuer_base of the server, or the headers of the proxy",
        ),
        fine("keys", "clavex", "1 for PS256, RS256"),
        doubtful(
            "application-access",
            "sso.jira",
            "jira-software-users may not use Jira: who is in no other group is turned away",
            'add "jira-software-users" to an application under [systems.jira.applications] and apply,\n'
            "or by hand: Jira, Applications, Application access",
            Source.DOCUMENTED,
        ),
        broken(
            "redirect-uri",
            "sso.jira",
            "https://jira.acme.eu/plugins/servlet/oidc/callback is no redirect URI of clavex/client/atlassian: "
            "a login ends in 400",
            "reconciler apply adds it",
        ),
        hidden("update-on-login", "sso.jira", "it cannot be read", "look at the screen", Source.ASSUMED),
        unread("groups", "sso.confluence", "confluence/group/users is not known while confluence cannot be read"),
        fine("a-check-of-a-plugin-with-a-very-long-name", "sso.jira", "fine"),
    ),
)


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(("name", "diagnosis"), [("healthy", HEALTHY), ("ill", ILL)])
def test_doctor_text(name: str, diagnosis: Diagnosis, columns: int, golden: Golden) -> None:
    text = doctor_text(diagnosis, PLAIN, columns=columns)
    golden(f"doctor/{name}_{columns}.txt", text + "\n")
    assert [
        line for line in text.splitlines() if width(line) > columns and "://" not in line
    ] == []  # URLs stay whole
    assert text.replace("\n", "").isprintable()


def test_colours_and_ascii(golden: Golden) -> None:
    colored = doctor_text(ILL, Style(color=True), columns=100)
    golden("doctor/ill_color.txt", colored.replace("\x1b", "␛") + "\n")
    assert doctor_text(ILL, Style(unicode=False), columns=100).isascii()


def test_nothing_to_check() -> None:
    text = doctor_text(Diagnosis("acme", "prod", ()), PLAIN, columns=80)
    assert text.endswith("0 checks.\nNothing that was looked at would stop a login.")


def test_doctor_document(golden: Golden) -> None:
    golden("doctor/ill.json", json_text(doctor_document(ILL)) + "\n")


def test_verify_has_a_title_and_a_verdict_of_its_own(golden: Golden) -> None:
    golden("doctor/verify_80.txt", verify_text(HEALTHY, PLAIN, columns=80) + "\n")
    document = verify_document(ILL)
    assert document == doctor_document(ILL) | {"format": "reconciler verify", "landings": []}


def test_who_would_land_where(golden: Golden) -> None:
    bob = Landing("sso.jira", "bob@acme.test", "bob", (("jira-users", "jira-users"), ("evil\x1b[31m", "")))
    eve = Landing("sso.wiki", "eve@acme.test", "", ())
    landed = (
        replace(bob, person=Person("bob", ("jira-users", "evil\x1b[31m"))),
        replace(bob, person=Person("bob", ("jira-users",))),
        eve,
        replace(eve, person=Person("eve", ())),
        replace(eve, person=Person("eve")),
    )
    text = verify_text(replace(HEALTHY, landings=landed), PLAIN, columns=80)
    golden("doctor/landings_80.txt", text + "\n")
    document = verify_document(replace(HEALTHY, landings=landed[2:4]))
    shown = {"subject": "sso.wiki", "account": "eve@acme.test", "username": "", "groups": ()}
    person = {"username": "eve", "groups": ()}
    assert document["landings"] == [{**shown, "person": None}, {**shown, "person": person}]
