"""Reading side by side: an error waits for what is under way, an interruption does not."""

from __future__ import annotations

from threading import Event, Thread, current_thread

import pytest

from reconciler.transport.workers import side_by_side


def test_the_answers_come_in_the_order_of_the_items() -> None:
    assert side_by_side(lambda number: number**2, range(20), 3) == [number**2 for number in range(20)]
    assert side_by_side(str, (), 3) == []


def test_one_needs_no_thread() -> None:
    assert side_by_side(lambda _: current_thread(), [1], 8) == [current_thread()]


def test_no_more_than_so_many_are_under_way() -> None:
    threads: set[Thread] = set(side_by_side(lambda _: current_thread(), range(50), 2))
    assert len(threads) <= 2
    assert current_thread() not in threads


def test_an_interruption_waits_for_nobody_and_begins_nothing_more() -> None:
    under_way, over, begun = Event(), Event(), []

    def read(number: int) -> None:
        begun.append(number)
        if number == 0:
            assert under_way.wait(30)
            raise KeyboardInterrupt
        under_way.set()
        over.wait(30)

    with pytest.raises(KeyboardInterrupt):
        side_by_side(read, range(9), 2)
    assert not over.is_set()
    over.set()
    assert len(begun) < 9


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
