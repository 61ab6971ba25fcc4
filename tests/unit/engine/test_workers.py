"""The pool for reading: an error waits for what is under way, an interruption does not."""

from threading import Event

import pytest

from reconciler.engine.workers import reading


def test_an_interruption_waits_for_nobody_and_begins_nothing_more():
    under_way, over, begun = Event(), Event(), []

    def wait():
        under_way.set()
        over.wait(30)

    def read():
        with reading(1) as pool:
            pool.submit(wait)
            pool.submit(begun.append, 1)
            assert under_way.wait(30)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read()
    assert not over.is_set()
    over.set()
    assert begun == []


def test_an_error_waits_for_what_is_under_way():
    under_way, ended = Event(), []

    def work():
        under_way.set()
        Event().wait(0.05)
        ended.append(1)

    def read():
        with reading(0) as pool:
            pool.submit(work)
            assert under_way.wait(30)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        read()
    assert ended == [1]


def test_the_end_waits_for_all():
    with reading(2) as pool:
        jobs = [pool.submit(pow, 2, number) for number in range(20)]
    assert all(job.done() for job in jobs)
