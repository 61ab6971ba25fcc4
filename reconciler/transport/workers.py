"""Reading in several threads, which an interruption does not have to wait for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(ask: Callable[[T], R], items: Sequence[T], most: int) -> list[R]:
    """What `ask` gives for each item, in their order; at most so many are under way at once.

    An error waits for what is under way; a person who stops the run does not, so even one item has a thread: a name
    that is being looked up would hold up the signal.
    """
    pool = ThreadPoolExecutor(max(1, min(most, len(items))))
    try:
        found = list(pool.map(ask, items))
    except BaseException as problem:
        pool.shutdown(wait=isinstance(problem, Exception))  # what has not begun is cancelled already
        raise
    pool.shutdown()
    return found
