"""Work is given out once at a time, comes back when nobody answers, and late answers are recognised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smearwatch.daemon.hub.leases import LeaseBook

A, B = b"a", b"b"


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def book(clock):
    book: LeaseBook[str] = LeaseBook(10.0, clock)
    for key in "xyz":
        book.put(key)
    return book


def test_in_order_and_once(book):
    assert [book.grant(A)[1], book.grant(B)[1], book.grant(A)[1]] == ["x", "y", "z"]
    assert book.grant(B) is None
    assert (book.held_by(A), book.held_by(B), book.out, book.queued) == (2, 1, 3, 0)


def test_settled_is_gone(book):
    number, key = book.grant(A)
    assert book.settle(number, A) == key
    assert book.settle(number, A) is None
    assert len(book) == 2


def test_an_answer_by_somebody_else_settles_nothing(book):
    number, _ = book.grant(A)
    assert book.settle(number, B) is None
    assert book.holds(number, A) == "x"


def test_unanswered_goes_to_the_front_and_its_late_answer_is_known(book, clock):
    number, _ = book.grant(A)
    clock.now += 9.9
    assert book.expire() == 0
    clock.now += 0.2
    assert (book.expire(), book.expired) == (1, 1)
    again, key = book.grant(B)
    assert key == "x"
    assert book.settle(number, A) is None
    assert book.settle(again, B) == "x"


def test_a_vanished_holder_gives_all_back_in_order(book):
    book.grant(A)
    other, _ = book.grant(B)
    book.grant(A)
    assert book.release(A) == 2
    assert [book.grant(B)[1], book.grant(B)[1]] == ["x", "z"]
    assert book.settle(other, B) == "y"


def test_attempts_are_counted_until_settled(book):
    for _ in range(3):
        number, key = book.grant(A)
        assert book.give_back(number, A) == key
    assert book.attempts["x"] == 3
    number, _ = book.grant(A)
    book.settle(number, A)
    assert "x" not in book.attempts


@given(st.lists(st.sampled_from(["grant_a", "grant_b", "settle", "expire", "release_a"]), max_size=60))
def test_nothing_is_lost_or_doubled(steps):
    clock = Clock()
    book: LeaseBook[int] = LeaseBook(5.0, clock)
    keys = set(range(8))
    for key in keys:
        book.put(key)
    out, done = {}, set()
    for step in steps:
        if step.startswith("grant"):
            holder = A if step.endswith("a") else B
            granted = book.grant(holder)
            if granted:
                out[granted[0]] = holder
        elif step == "settle" and out:
            number, holder = out.popitem()
            settled = book.settle(number, holder)
            if settled is not None:
                assert settled not in done
                done.add(settled)
        elif step == "expire":
            clock.now += 6.0
            book.expire()
        elif step == "release_a":
            book.release(A)
    assert len(book) + len(done) == len(keys)
    clock.now += 6.0
    book.expire()
    left = set()
    while (granted := book.grant(B)) is not None:
        left.add(granted[1])
    assert left | done == keys
    assert not left & done
