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
    assert book.settle(other, B) == "y"
    assert [book.settle(book.grant(B)[0], B) for _ in range(2)] == ["x", "z"]


def test_who_takes_its_leave_leaves_no_suspect_behind(book):
    book.grant(A), book.grant(A)
    assert book.release(A, blamed=False) == 2
    assert [book.grant(B)[1], book.grant(B)[1], book.grant(B)[1]] == ["x", "y", "z"]
    assert [book.attempts[key] for key in "xyz"] == [1, 1, 1]


def test_what_a_lost_holder_had_is_given_out_alone(book):
    """One of x and y ended it, nobody knows which: x alone, then y alone, and z beside neither."""
    book.grant(A), book.grant(A)
    book.release(A)
    number, key = book.grant(B)
    assert (key, book.grant(B)) == ("x", None)
    assert book.grant(A)[1] == "y"
    assert book.grant(A) is None
    book.settle(number, B)
    assert book.grant(B)[1] == "z"


def test_the_one_that_ends_its_holder_is_worn_out_and_no_other(book):
    for life in range(10):
        holder = bytes([life])
        while (granted := book.grant(holder)) is not None and not book.worn_out(granted[1]):
            number, key = granted
            if key != "y" and book.held_by(holder) == 1:
                book.settle(number, holder)
        if granted is not None:
            break
        book.release(holder)
    assert (granted[1], life) == ("y", 3)
    assert [book.attempts.get(key, 0) for key in "xz"] == [0, 0]


def test_who_was_late_gets_nothing_until_it_is_heard(book, clock):
    book.grant(A)
    clock.now += 11
    book.expire()
    assert book.grant(A) is None
    assert book.attempts["x"] == 1
    book.heard(A)
    assert book.grant(A)[1] == "x"


def test_why_it_could_not_be_served_is_kept(book):
    number, _ = book.grant(A)
    book.give_back(number, A, "no memory")
    assert book.why("x") == "no memory"
    assert book.why("x") == ""


def test_attempts_are_counted_until_settled(book):
    for _ in range(3):
        number, key = book.grant(A)
        assert book.give_back(number, A) == key
    assert book.attempts["x"] == 3
    number, _ = book.grant(A)
    book.settle(number, A)
    assert "x" not in book.attempts


@given(st.lists(st.sampled_from(["grant_a", "grant_b", "settle", "expire", "heard_a", "release_a"]), max_size=60))
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
        elif step == "heard_a":
            book.heard(A)
        elif step == "release_a":
            book.release(A)
    assert len(book) + len(done) == len(keys)
    clock.now += 6.0
    book.expire()
    left = set()
    book.heard(B)
    while (granted := book.grant(B)) is not None:
        left.add(book.settle(granted[0], B))
    assert left | done == keys
    assert not left & done


def test_a_holder_that_comes_back_lost_its_connection_and_no_key_is_to_blame(clock, book):
    for _ in range(9):
        _, key = book.grant(A)
        book.release(A)
        book.forgive(A)
        assert (key, book.attempts[key]) == ("x", 0)
    assert book.grant(A)[1] == "x"
    assert book.grant(A)[1] == "y"  # not alone, for it is no suspect
    clock.now += 11.0
    book.expire()
    assert [book.attempts[key] for key in "xy"] == [1, 0]
    book.forgive(A)
    assert book.attempts["x"] == 0


def test_of_what_nobody_came_back_for_attempts_are_counted(book):
    for attempt in (1, 2, 3, 4):
        _, key = book.grant(A)
        assert (key, book.attempts[key]) == ("x", attempt)
        book.release(A)
        book.forgive(B)
    assert book.worn_out("x")
