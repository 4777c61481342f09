"""The random review: an order that nobody chooses, and which of its cells count as a random sample."""

from collections.abc import Iterable

import pytest

from smearwatch.daemon.record.draw import DrawFold
from smearwatch.daemon.record.events import (
    ClassName,
    Counted,
    Event,
    Labelled,
    LabelName,
    Recorded,
    Replaced,
    Verdict,
    event_from_bytes,
    event_to_bytes,
)

SIX = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
FRAME, OTHER = "aa" * 32, "bb" * 32


def counted(
    index: int, cls: ClassName = "band", verdict: Verdict = "confirmed", frame: str = FRAME, of: Counted | None = None
) -> Counted:
    return Counted(frame, index, cls, verdict, SIX, SIX, 0.1, "w", None, None if of is None else Replaced.of(of))


def label(index: int, name: LabelName = "band", *, drawn: bool = False, ordinal: int = 1) -> Labelled:
    return Labelled(FRAME, index, name, "A", ordinal, 9, drawn=True if drawn else None)


def fold(*events: Event, chain: str = "cc" * 32) -> DrawFold:
    made = DrawFold()
    for number, event in enumerate(events, start=1):
        made.apply(Recorded(number, 1, 1, event, chain if number == 1 else "dd" * 32))
    return made


def keys(cells: Iterable[object]) -> list[int]:
    return [cell.key[1] for cell in cells]  # type: ignore[attr-defined]


CELLS = [counted(index) for index in range(30)]


def in_order(*events: Event) -> list[int]:
    return keys(fold(*CELLS, *events).sample().left)


def test_the_order_is_the_sessions_own_and_does_not_change_as_it_grows():
    order = in_order()
    assert sorted(order) == list(range(30)) != order
    assert keys(fold(*CELLS, chain="ee" * 32).sample().left) != order
    assert keys(fold(*CELLS[:20]).sample().left) == [index for index in order if index < 20]
    places = fold(*CELLS).places()
    assert [index for index, _ in sorted(((key[1], at) for key, at in places.items()), key=lambda one: one[1])] == order


def test_cells_that_were_named_out_of_the_order_are_the_sample():
    first, second, third = in_order()[:3]
    sample = fold(*CELLS, label(first, drawn=True), label(second, drawn=True)).sample()
    assert keys(sample.drawn) == [first, second]
    assert keys(sample.asked)[0] == third
    assert sample.labelled == 2


def test_a_mark_ahead_of_the_order_counts_once_those_before_it_are_named():
    first, second, third = in_order()[:3]
    sample = fold(*CELLS, label(first, drawn=True), label(third, drawn=True)).sample()
    assert (keys(sample.drawn), sample.ahead) == ([first], 1)
    assert keys(sample.asked)[0] == second
    sample = fold(*CELLS, *(label(each, drawn=True) for each in (first, third, second))).sample()
    assert (keys(sample.drawn), sample.ahead) == ([first, second, third], 0)


def test_a_cell_that_comes_later_and_belongs_among_the_drawn_is_asked_for_first():
    order = in_order()
    late = order[1]
    before = [cell for cell in CELLS if cell.index != late]
    named = [label(index, drawn=True) for index in order[:4] if index != late]
    assert keys(fold(*before, *named).sample().drawn) == [order[0], *order[2:4]]
    sample = fold(*before, *named, counted(late)).sample()
    assert (keys(sample.drawn), sample.ahead, keys(sample.asked)[0]) == ([order[0]], 2, late)
    assert keys(fold(*before, *named, counted(late), label(late, drawn=True)).sample().drawn) == order[:4]


def test_what_was_picked_before_the_review_is_known_and_what_is_picked_later_is_asked_for_all_the_same():
    first, second, third, *_ = in_order()
    sample = fold(*CELLS, label(first), label(second, drawn=True)).sample()
    assert (keys(sample.settled), keys(sample.drawn)) == ([first], [second])
    sample = fold(*CELLS, label(first, drawn=True), label(second)).sample()
    assert (keys(sample.settled), keys(sample.drawn), keys(sample.asked)[0]) == ([], [first], second)
    sample = fold(*CELLS, label(first, drawn=True), label(second), label(second, drawn=True, ordinal=2)).sample()
    assert keys(sample.drawn) == [first, second]
    # Nobody brings a picked cell into the sample by marking it.
    sample = fold(*CELLS, label(first), label(third), label(first, drawn=True, ordinal=2)).sample()
    assert keys(sample.settled) == [first, third]


def test_a_drawn_cell_that_is_renamed_stays_drawn_and_one_that_is_taken_back_does_not():
    first = in_order()[0]
    sample = fold(*CELLS, label(first, drawn=True), label(first, "monocyte", ordinal=2)).sample()
    assert [(cell.key[1], cell.label) for cell in sample.drawn] == [(first, "monocyte")]
    sample = fold(*CELLS, label(first, drawn=True), label(first, "withdrawn", ordinal=2)).sample()
    assert (sample.drawn, keys(sample.asked)[0]) == ((), first)


@pytest.mark.parametrize("verdict", ["flagged", "rejected"])
def test_a_group_that_is_named_as_a_whole_is_not_drawn_from(verdict: Verdict):
    cells = [counted(index, verdict=verdict if index < 5 else "confirmed") for index in range(30)]
    first = keys(fold(*cells).sample().left)[0]
    named = [label(index) for index in range(5) if index != first]
    half = fold(*cells, label(first, drawn=True), *named[:3]).sample()
    assert half.settled == ()
    whole = fold(*cells, label(first, drawn=True), *named, label(4) if first == 4 else label(first)).sample()
    assert set(keys(whole.settled)) >= {0, 1, 2, 3, 4} - {first}
    assert all(cell.verdict == "confirmed" for cell in whole.left)


def test_a_better_view_changes_the_machines_word_and_not_the_place():
    better = counted(0, "monocyte", "flagged", OTHER, CELLS[3])
    again = counted(1, "basophil", "confirmed", OTHER, better)
    sample = fold(*CELLS, better, again).sample()
    assert keys(sample.left) == in_order()
    assert next(cell.cls for cell in sample.left if cell.key == (FRAME, 3)) == "basophil"


def test_a_label_before_the_verdict_waits_for_it():
    sample = fold(*CELLS, label(30)).sample()
    assert sample.labelled == 0
    assert keys(fold(*CELLS, label(30), counted(30)).sample().settled) == [30]


def test_a_label_out_of_the_review_says_so_and_others_keep_their_bytes():
    assert b"drawn" not in event_to_bytes(label(1))
    marked = label(1, drawn=True)
    assert event_from_bytes(event_to_bytes(marked)) == marked


def test_a_second_readers_labels_are_none_of_the_review():
    second = [Labelled(FRAME, index, "basophil", "B", 1, 9, None, "second") for index in range(20)]
    without = fold(*CELLS, label(21, drawn=True))
    for events in ([*second, label(21, drawn=True)], [label(21, drawn=True), *second]):
        read = fold(*CELLS, *events)
        assert read.sample() == without.sample()
        assert read.drawn() == without.drawn()
    assert not fold(*CELLS, *second).began
