"""A pool of threads that an interruption does not have to wait for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def reading(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of `count` threads. What is under way is waited for, but not when a person stops the run."""
    pool = ThreadPoolExecutor(max_workers=max(1, count))
    try:
        yield pool
    except BaseException as problem:
        pool.shutdown(wait=isinstance(problem, Exception), cancel_futures=True)
        raise
    pool.shutdown()
