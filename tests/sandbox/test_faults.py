"""Every way in which an emulator can be told to misbehave, and what is counted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import ValidationError

from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from reconciler.sandbox.faults import Faults
    from reconciler.sandbox.serve import Sandbox

ORGS = "/api/v1/organizations"
NEW = {"name": "Other", "slug": "other"}


@pytest.fixture
def faults(sandbox: Sandbox) -> Faults:
    return sandbox.clavex.faults


def slugs(sandbox: Sandbox) -> set[str]:
    return {org.slug for org in sandbox.clavex.world.orgs.values()}


class TestAnswersInPlaceOfTheApplications:
    @pytest.mark.parametrize(
        ("fault", "status", "media", "text"),
        [
            (Fault(kind=Kind.TOO_MANY), 429, "application/json", "too many requests"),
            (Fault(kind=Kind.SERVER_ERROR), 503, "application/json", "Service Unavailable"),
            (Fault(kind=Kind.SERVER_ERROR, status=502), 502, "application/json", "Bad Gateway"),
            (Fault(kind=Kind.HTML), 200, "text/html; charset=utf-8", "<!DOCTYPE html>"),
            (Fault(kind=Kind.HTML, status=404), 404, "text/html; charset=utf-8", "<!DOCTYPE html>"),
            (Fault(kind=Kind.ERROR_IN_200), 200, "application/json", "errorMessages"),
            (Fault(kind=Kind.EXPIRED_TOKEN), 401, "application/json", "Unauthorized"),
            (Fault(kind=Kind.WEBSUDO), 401, "application/xml", "<status-code>401</status-code>"),
        ],
        ids=lambda value: value.kind if isinstance(value, Fault) else "",
    )
    def test_once_and_without_acting(
        self, clavex: httpx.Client, sandbox: Sandbox, fault: Fault, status: int, media: str, text: str
    ) -> None:
        sandbox.clavex.faults.add(fault)
        answer = clavex.post(ORGS, json=NEW)
        assert (answer.status_code, answer.headers["content-type"]) == (status, media)
        assert text in answer.text
        assert "other" not in slugs(sandbox)
        assert clavex.post(ORGS, json=NEW).status_code == 201

    def test_a_login_page_is_pointed_at(self, clavex: httpx.Client, faults: Faults) -> None:
        faults.add(Fault(kind=Kind.LOGIN_REDIRECT))
        answer = clavex.get(ORGS)
        assert answer.status_code == 302
        assert answer.headers["location"].startswith("/login.jsp")

    def test_retry_after_is_sent_only_if_wanted(self, clavex: httpx.Client, faults: Faults) -> None:
        faults.add(Fault(kind=Kind.TOO_MANY, retry_after=2), Fault(kind=Kind.TOO_MANY))
        assert clavex.get(ORGS).headers["retry-after"] == "2"
        assert "retry-after" not in clavex.get(ORGS).headers

    def test_an_error_may_come_after_the_act(self, clavex: httpx.Client, sandbox: Sandbox) -> None:
        sandbox.clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=504, acts=True))
        assert clavex.post(ORGS, json=NEW).status_code == 504
        assert "other" in slugs(sandbox)


class TestTheConnection:
    @pytest.mark.parametrize(("kind", "acted"), [(Kind.CUT_BEFORE, False), (Kind.CUT_AFTER, True)])
    def test_it_is_cut_before_or_after_the_act(
        self, clavex: httpx.Client, sandbox: Sandbox, kind: Kind, acted: bool
    ) -> None:
        sandbox.clavex.faults.add(Fault(kind=kind))
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            clavex.post(ORGS, json=NEW)
        assert ("other" in slugs(sandbox)) is acted
        assert clavex.get(ORGS).status_code == 200

    def test_json_is_cut_in_a_whole_message(self, clavex: httpx.Client, faults: Faults) -> None:
        whole = clavex.get(ORGS).content
        faults.add(Fault(kind=Kind.TRUNCATED_JSON))
        answer = clavex.get(ORGS)
        assert answer.status_code == 200
        assert answer.content == whole[: len(whole) // 2]
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            answer.json()

    def test_latency_delays_the_answer(self, clavex: httpx.Client, faults: Faults) -> None:
        faults.add(Fault(kind=Kind.LATENCY, seconds=0.1))
        before = time.monotonic()
        assert clavex.get(ORGS).status_code == 200
        assert time.monotonic() - before >= 0.1

    def test_a_slow_body_begins_at_once(self, clavex: httpx.Client, faults: Faults) -> None:
        whole = clavex.get(ORGS).content
        faults.add(Fault(kind=Kind.SLOW_BODY, seconds=0.2))
        before = time.monotonic()
        with clavex.stream("GET", ORGS) as answer:
            begun = time.monotonic() - before
            assert answer.read() == whole
        assert time.monotonic() - before >= 0.2 > begun


class TestWhichRequestsAreHit:
    def test_method_and_path_are_looked_at(self, clavex: httpx.Client, faults: Faults) -> None:
        faults.add(Fault(kind=Kind.SERVER_ERROR, method="POST", path="organizations$"))
        assert clavex.get(ORGS).status_code == 200
        assert clavex.post("/api/v1/superadmin/api-keys", json={"name": "x"}).status_code == 201
        assert clavex.post(ORGS, json=NEW).status_code == 503

    def test_some_pass_and_then_some_are_hit(self, clavex: httpx.Client, faults: Faults) -> None:
        faults.add(Fault(kind=Kind.SERVER_ERROR, skip=2, times=2))
        assert [clavex.get(ORGS).status_code for _ in range(6)] == [200, 200, 503, 503, 200, 200]

    def test_without_times_all_are_hit_until_cleared(self, clavex: httpx.Client, faults: Faults) -> None:
        faults.add(Fault(kind=Kind.SERVER_ERROR, times=None))
        assert {clavex.get(ORGS).status_code for _ in range(5)} == {503}
        faults.clear()
        assert clavex.get(ORGS).status_code == 200

    def test_the_first_of_several_hits(self, clavex: httpx.Client, faults: Faults) -> None:
        faults.add(Fault(kind=Kind.TOO_MANY), Fault(kind=Kind.SERVER_ERROR))
        assert [clavex.get(ORGS).status_code for _ in range(3)] == [429, 503, 200]

    def test_other_emulators_go_on(self, clavex: httpx.Client, sandbox: Sandbox) -> None:
        sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR))
        assert clavex.get(ORGS).status_code == 200
        assert httpx.get(sandbox.jira.url).status_code == 503

    def test_a_broken_pattern_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="not a regular expression"):
            Fault(kind=Kind.HTML, path="(")

    def test_a_method_that_is_no_word_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="method"):
            Fault(kind=Kind.HTML, method="PATCH|POST")


class TestCounts:
    def test_everything_but_reads_is_a_write(self, clavex: httpx.Client, faults: Faults) -> None:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
            clavex.request(method, "/x")
        assert faults.writes == 4
        assert faults.requests[0] == ("GET", "/x")
        assert len(faults.requests) == 7

    def test_a_token_endpoint_changes_nothing(self, clavex: httpx.Client, faults: Faults) -> None:
        clavex.post("/acme/token", data={"grant_type": "authorization_code", "code": "made-up"})
        assert (faults.writes, faults.requests) == (0, [("POST", "/acme/token")])

    def test_what_a_fault_swallows_is_counted_too(self, clavex: httpx.Client, faults: Faults) -> None:
        faults.add(Fault(kind=Kind.CUT_BEFORE))
        with pytest.raises(httpx.TransportError):
            clavex.post(ORGS, json=NEW)
        assert (faults.writes, faults.requests) == (1, [("POST", ORGS)])


class TestControlOverHttp:
    def test_requests_and_counts(self, clavex: httpx.Client) -> None:
        clavex.post(ORGS, json=NEW)
        clavex.get(ORGS)
        assert clavex.get("/_sandbox/requests").json() == {
            "writes": 1,
            "requests": [["POST", ORGS], ["GET", ORGS]],
        }
        assert clavex.post("/_sandbox/reset-counts").status_code == 204
        assert clavex.get("/_sandbox/requests").json() == {"writes": 0, "requests": []}

    @pytest.mark.parametrize("body", [{"kind": "html"}, [{"kind": "html"}, {"kind": "too-many"}]])
    def test_faults_are_armed_and_disarmed(self, clavex: httpx.Client, body: object) -> None:
        clavex.post("/_sandbox/faults", json=body)
        assert clavex.get(ORGS).headers["content-type"].startswith("text/html")
        assert clavex.delete("/_sandbox/faults").status_code == 204
        assert clavex.get(ORGS).status_code == 200

    @pytest.mark.parametrize("body", ['{"kind": "gremlin"}', '{"kind": "html", "when": 1}', "{", '{"path": "("}'])
    def test_a_wrong_fault_is_refused_in_words(self, clavex: httpx.Client, faults: Faults, body: str) -> None:
        answer = clavex.post("/_sandbox/faults", content=body)
        assert answer.status_code == 422
        assert answer.json()["error"]
        assert clavex.get(ORGS).status_code == 200

    def test_an_unknown_control_path_is_404(self, clavex: httpx.Client) -> None:
        assert clavex.get("/_sandbox/nosuch").status_code == 404

    def test_they_are_reached_below_a_context_path_too(self, clavex: httpx.Client) -> None:
        assert clavex.get("/jira/_sandbox/requests").json()["requests"] == []

    def test_faults_do_not_hit_the_control_paths(self, clavex: httpx.Client, faults: Faults) -> None:
        faults.add(Fault(kind=Kind.SERVER_ERROR, times=None))
        assert clavex.get("/_sandbox/requests").status_code == 200
