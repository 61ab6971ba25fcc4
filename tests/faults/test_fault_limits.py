"""Requests that are sent again: how many is said at the end, and they are never more than was permitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.terminal import flat

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from cli.terminal import Terminal


def test_what_was_sent_again_is_said(terminal: Terminal) -> None:
    terminal.sandbox.jira.faults.add(Fault(kind=Kind.TOO_MANY, retry_after=0, times=2))
    ran = terminal.apply("locks-out").ended(ExitCode.DONE)
    assert ran.err.rstrip().endswith("requests sent again: 2 of at most 200 (jira 2)")
    assert "sent again" not in terminal.run("plan").err


def test_a_budget_that_is_spent_is_said_where_the_request_failed(terminal: Terminal) -> None:
    terminal.sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, times=None))
    ran = terminal.run("plan", "--retries", "1").ended(ExitCode.INCOMPLETE)
    assert "this run has sent 1 requests again, and may not do so more often (--retries)" in flat(ran.out)
    assert "requests sent again: 1 of at most 1 (jira 1)" in ran.err
