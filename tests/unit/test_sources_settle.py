"""When a file is taken: table of what happens to it, second by second."""

from dataclasses import dataclass

import pytest

from smearwatch.capture.sources.settle import FileMark, SettleBook, Settled

WAIT, READ, ANYWAY = Settled.WAIT, Settled.READ, Settled.TAKE_ANYWAY


def mark(size, modified=1):
    return FileMark(size, modified, 7)


@dataclass(frozen=True)
class Case:
    name: str
    steps: list[tuple]  # type: ignore[type-arg]  # (at_s, what, expected decision or None)


CASES = [
    Case("closed by its writer is read at once", [(0.0, ("see", mark(9), True), READ)]),
    Case(
        "merely seen waits until it is quiet",
        [(0, ("see", mark(9), False), WAIT), (0.4, None, WAIT), (0.5, None, READ)],
    ),
    Case(
        "growing starts the quiet time anew",
        [
            (0, ("see", mark(1), False), WAIT),
            (0.4, ("see", mark(2), False), WAIT),
            (0.7, None, WAIT),
            (0.9, None, READ),
        ],
    ),
    Case(
        "rewritten at the same size is a change",
        [(0, ("see", mark(5, 1), True), READ), (1, ("see", mark(5, 2), False), WAIT), (1.5, None, READ)],
    ),
    Case(
        "incomplete waits for a change, for a while",
        [(0, ("see", mark(5), True), READ), (0, "incomplete", WAIT), (29, None, WAIT), (30, None, ANYWAY)],
    ),
    Case(
        "incomplete and then completed",
        [
            (0, ("see", mark(5), True), READ),
            (0, "incomplete", WAIT),
            (20, ("see", mark(9), False), WAIT),
            (20.5, None, READ),
        ],
    ),
    Case(
        "closed is forgotten when it changes again",
        [(0, ("see", mark(5), True), READ), (0.1, ("see", mark(6), False), WAIT)],
    ),
    Case(
        "known to be open waits for the closing",
        [(0, ("see", mark(5), "written"), WAIT), (5, None, WAIT), (40, ("see", mark(5), True), READ)],
    ),
    Case(
        "open stays open when it grows",
        [(0, ("see", mark(5), "written"), WAIT), (1, ("see", mark(6), False), WAIT), (20, None, WAIT)],
    ),
    Case("never closed is taken after a while", [(0, ("see", mark(5), "written"), WAIT), (30, None, ANYWAY)]),
    Case(
        "written without a change of its mark is read again",
        [
            (0, ("see", mark(5), True), READ),
            (0, "incomplete", WAIT),
            (1, ("see", mark(5), "written"), WAIT),
            (2, ("see", mark(5), True), READ),
        ],
    ),
    Case(
        "in the dark nobody is waited for",
        [(0, ("see", mark(5), "written"), WAIT), (0.3, "dark", WAIT), (0.5, None, READ)],
    ),
    Case(
        "put off is not looked at before",
        [(0, ("see", mark(5), True), READ), (0, "later", WAIT), (1.9, None, WAIT), (2, None, READ)],
    ),
    Case(
        "seen again unchanged keeps its time",
        [(0, ("see", mark(5), False), WAIT), (0.3, ("see", mark(5), False), WAIT), (0.5, None, READ)],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_decisions(case):
    book = SettleBook(settle_s=0.5, incomplete_s=30.0)
    for at_s, what, expected in case.steps:
        if what == "incomplete":
            book.mark_incomplete("f")
        elif what == "dark":
            book.mark_unknown()
        elif what == "later":
            book.postpone("f", at_s + 2)
        elif what is not None:
            _, seen, word = what
            book.note("f", seen, at_s, closed=word is True, written=word == "written")
        assert book.decide("f", at_s) is expected, f"at {at_s} s"


def test_forgotten_is_no_longer_waited_for():
    book = SettleBook(settle_s=0.5, incomplete_s=30.0)
    book.note("f", mark(1), 0.0)
    assert "f" in book
    assert len(book) == 1
    book.forget("f")
    book.forget("f")
    assert "f" not in book
    assert book.paths() == []
    assert book.mark("f") is None
