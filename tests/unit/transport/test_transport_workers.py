"""Reading side by side: an error waits for what is under way, an interruption does not."""

from __future__ import annotations

import os
import signal
from threading import Event, Thread, current_thread
from time import monotonic

import pytest

from reconciler.transport.workers import side_by_side


def test_the_answers_come_in_the_order_of_the_items() -> None:
    assert side_by_side(lambda number: number**2, range(20), 3) == [number**2 for number in range(20)]
    assert side_by_side(str, (), 3) == []


def test_even_one_has_a_thread_so_that_a_signal_is_not_held_up() -> None:
    assert side_by_side(lambda _: current_thread(), [1], 0) != [current_thread()]


def test_no_more_than_so_many_are_under_way() -> None:
    threads: set[Thread] = set(side_by_side(lambda _: current_thread(), range(50), 2))
    assert len(threads) <= 2
    assert current_thread() not in threads


def test_an_interruption_waits_for_nobody_and_begins_nothing_more() -> None:
    over, begun, threads = Event(), [], set()

    def read(number: int) -> None:
        begun.append(number)
        threads.add(current_thread())
        if number == 1:
            os.kill(os.getpid(), signal.SIGINT)  # reaches the main thread, which waits for the answers
        over.wait(30)

    began = monotonic()
    with pytest.raises(KeyboardInterrupt):
        side_by_side(read, range(9), 2)
    assert monotonic() - began < 10
    over.set()
    for thread in threads:
        thread.join(30)
    assert sorted(begun) == [0, 1]


def test_an_error_waits_for_what_is_under_way() -> None:
    under_way, ended = Event(), []

    def read(number: int) -> None:
        if number == 0:
            assert under_way.wait(30)
            raise ValueError("no")
        under_way.set()
        Event().wait(0.05)
        ended.append(number)

    with pytest.raises(ValueError, match="no"):
        side_by_side(read, [0, 1], 2)
    assert ended == [1]
