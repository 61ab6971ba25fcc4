"""Nobody waits before a request is sent again."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("faults.ground", "faults.strangers")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are sent again at once."""
    monkeypatch.setattr("reconciler.transport.retry._BACKOFF", lambda _state: 0.0)
