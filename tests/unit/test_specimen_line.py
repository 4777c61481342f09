"""Of which specimen a file is: before the line, after it, or nobody can tell."""

from dataclasses import replace

import pytest

from smearwatch.capture.sources.settle import FileMark
from smearwatch.capture.sources.specimen_line import Of, SpecimenLine, Waiting
from smearwatch.daemon.wire.control import FileOnWire

MARK = FileMark(1000, 5, inode=7)
LATER = {"modified_at_ns": 9}


def test_without_a_line_all_is_of_this_specimen_but_what_is_of_one_before():
    line = SpecimenLine({("a.jpg", 1000, 5)})
    assert line.place("a.jpg", MARK) is Of.EARLIER
    assert line.place("a.jpg", replace(MARK, **LATER)) is Of.THIS  # the same name again is another picture
    assert line.place("b.jpg", MARK) is Of.THIS
    assert line.counters() == {"files_of_earlier_specimens": 1}


@pytest.mark.parametrize(
    ("waiting", "now", "of"),
    [
        (Waiting(MARK), MARK, Of.THIS),
        (Waiting(MARK), replace(MARK, changed_at_ns=99), Of.THIS),  # its rights were changed
        (Waiting(MARK, grows=True), replace(MARK, size_bytes=1500, **LATER), Of.THIS),  # its writer has ended
        (Waiting(MARK, grows=True), replace(MARK, size_bytes=500, **LATER), Of.UNCLEAR),  # begun again
        (Waiting(MARK), replace(MARK, size_bytes=1500, **LATER), Of.UNCLEAR),  # whole before, another now
        (Waiting(MARK, grows=True), replace(MARK, inode=8, **LATER), Of.NEXT),  # another file in its place
        (Waiting(MARK, taken=True), replace(MARK, size_bytes=900, **LATER), Of.NEXT),
        (Waiting(MARK, taken=True), replace(MARK, size_bytes=1500, **LATER), Of.UNCLEAR),  # it may have been torn
    ],
)
def test_a_file_that_waited_when_the_line_was_drawn(waiting, now, of):
    line = SpecimenLine()
    assert line.draw({"a.jpg": waiting}) == [FileOnWire("a.jpg", 1000, 5)]
    assert line.place("a.jpg", now) is of


def test_what_comes_after_the_line_is_of_the_next_until_there_is_no_line():
    line = SpecimenLine()
    line.draw({"a.jpg": Waiting(MARK)})
    assert line.place("b.jpg", MARK) is Of.NEXT
    assert line.counters() == {"files_for_the_next_specimen": 1}
    line.took("a.jpg", MARK)
    assert line.place("a.jpg", MARK) is Of.THIS
    line.hold(None)
    assert line.place("b.jpg", MARK) is Of.THIS


def test_a_line_of_before_a_kill_holds_for_files_that_are_as_they_were():
    line = SpecimenLine()
    line.hold([FileOnWire("a.jpg", 1000, 5)])
    assert line.place("a.jpg", MARK) is Of.THIS
    changed = replace(MARK, size_bytes=1500, **LATER)
    assert line.place("a.jpg", changed) is Of.UNCLEAR
    line.took("a.jpg", changed)
    assert line.place("a.jpg", changed) is Of.REJECTED
    assert line.place("b.jpg", MARK) is Of.NEXT
    drawn = SpecimenLine()
    drawn.draw({"a.jpg": Waiting(MARK, grows=True)})
    drawn.hold([FileOnWire("a.jpg", 1000, 5)])  # a hub that came back says what is known better here
    assert drawn.place("a.jpg", replace(MARK, size_bytes=1500, **LATER)) is Of.THIS
