"""When a file is taken: table of what happens to it, second by second."""

from dataclasses import dataclass

import pytest

from smearwatch.capture.settle import FileMark, SettleBook, Settled

WAIT, LOOK, ANYWAY = Settled.WAIT, Settled.LOOK, Settled.TAKE_ANYWAY


def mark(size, modified=1):
    return FileMark(size, modified, 7)


@dataclass(frozen=True)
class Case:
    name: str
    steps: list[tuple]  # type: ignore[type-arg]  # (at_s, what, expected decision or None)


CASES = [
    Case("closed by its writer is looked at at once", [(0.0, ("see", mark(9), True), LOOK)]),
    Case(
        "merely seen waits until it is quiet",
        [(0, ("see", mark(9), False), WAIT), (0.4, None, WAIT), (0.5, None, LOOK)],
    ),
    Case(
        "growing starts the quiet time anew",
        [
            (0, ("see", mark(1), False), WAIT),
            (0.4, ("see", mark(2), False), WAIT),
            (0.7, None, WAIT),
            (0.9, None, LOOK),
        ],
    ),
    Case(
        "rewritten at the same size is a change",
        [(0, ("see", mark(5, 1), True), LOOK), (1, ("see", mark(5, 2), False), WAIT), (1.5, None, LOOK)],
    ),
    Case(
        "incomplete waits for a change, for a while",
        [(0, ("see", mark(5), True), LOOK), (0, "incomplete", WAIT), (29, None, WAIT), (30, None, ANYWAY)],
    ),
    Case(
        "incomplete and then completed",
        [
            (0, ("see", mark(5), True), LOOK),
            (0, "incomplete", WAIT),
            (20, ("see", mark(9), False), WAIT),
            (20.5, None, LOOK),
        ],
    ),
    Case(
        "closed is forgotten when it changes again",
        [(0, ("see", mark(5), True), LOOK), (0.1, ("see", mark(6), False), WAIT)],
    ),
    Case(
        "seen again unchanged keeps its time",
        [(0, ("see", mark(5), False), WAIT), (0.3, ("see", mark(5), False), WAIT), (0.5, None, LOOK)],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_decisions(case):
    book = SettleBook(settle_s=0.5, incomplete_s=30.0)
    for at_s, what, expected in case.steps:
        if what == "incomplete":
            book.incomplete("f")
        elif what is not None:
            _, seen, closed = what
            book.see("f", seen, at_s, closed=closed)
        assert book.decide("f", at_s) is expected, f"at {at_s} s"


def test_forgotten_is_no_longer_waited_for():
    book = SettleBook(settle_s=0.5, incomplete_s=30.0)
    book.see("f", mark(1), 0.0)
    assert "f" in book
    assert len(book) == 1
    book.forget("f")
    book.forget("f")
    assert "f" not in book
    assert book.paths() == []
    assert book.mark("f") is None
