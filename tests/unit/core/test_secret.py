"""Handles as text."""

from __future__ import annotations

import pytest

from reconciler.core.secret import Handle, parse_handle


@pytest.mark.parametrize(
    ("handle", "text"),
    [
        (Handle("env", "JIRA_TOKEN"), "env:JIRA_TOKEN"),
        (Handle("file:acme", "clients.atlassian.client_secret"), "file:acme#clients.atlassian.client_secret"),
        (Handle("command:vault", "jira"), "command:vault#jira"),
    ],
)
def test_a_handle_is_spelled_as_in_a_spec(handle: Handle, text: str) -> None:
    assert str(handle) == text


@pytest.mark.parametrize("text", ["env:JIRA_TOKEN", "env#JIRA_TOKEN"])
def test_both_spellings_of_a_variable_are_read(text: str) -> None:
    """States that are older hold the second."""
    assert parse_handle(text) == Handle("env", "JIRA_TOKEN")


def test_what_was_spelled_is_read_back() -> None:
    handle = Handle("file:acme", "clients.atlassian.client_secret")
    assert parse_handle(str(handle)) == handle
