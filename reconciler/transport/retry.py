"""Trying again: how often, how long, and what is worth it."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_random_exponential

from reconciler.transport.answers import HttpAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reconciler.transport.faults import Lost

ATTEMPTS = 5
TOTAL = 60.0
"""Seconds within which the last attempt begins."""
LONGEST_WAIT = 30.0
"""Seconds; a longer Retry-After is cut to this."""
_BACKOFF = wait_random_exponential(multiplier=0.25, max=8)


def persist(
    first: HttpAnswer | Lost, attempt: Callable[[], HttpAnswer | Lost], again: Callable[[HttpAnswer | Lost], bool]
) -> HttpAnswer | Lost:
    """What the last attempt led to, after `first` and as many more as `again` and the bounds let."""

    def outcomes() -> Iterator[HttpAnswer | Lost]:
        yield first
        while True:
            yield attempt()

    retrying = Retrying(
        stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(TOTAL),
        wait=_wait,
        retry=retry_if_result(again),
        retry_error_callback=_last,
    )
    return retrying(outcomes().__next__)


def _last(state: RetryCallState) -> HttpAnswer | Lost:
    assert state.outcome is not None  # noqa: S101 - tenacity asks only after an attempt; this tells mypy so
    outcome: HttpAnswer | Lost = state.outcome.result()
    return outcome


def _wait(state: RetryCallState) -> float:
    asked = asked_wait(_last(state))
    if asked is None:
        return _BACKOFF(state)
    return asked + random.uniform(0, 0.25)  # noqa: S311 - spreads the threads, guards nothing


def asked_wait(outcome: HttpAnswer | Lost) -> float | None:
    """The seconds that an answer asks to wait, cut to what we wait at most; None if it asks for nothing."""
    asked = retry_after(outcome.headers.get("retry-after", "")) if isinstance(outcome, HttpAnswer) else None
    return None if asked is None else min(asked, LONGEST_WAIT)


def retry_after(text: str) -> float | None:
    """The seconds that a Retry-After header asks to wait; None if it says nothing that can be read."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
