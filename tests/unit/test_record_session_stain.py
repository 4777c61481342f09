"""The session's stain at a cell: a pure fold over what was found, the same after a restart, bounded by what waits."""

import json
from dataclasses import replace

import pytest

from smearwatch.daemon.record.events import (
    CellStain,
    Counted,
    EventInvalid,
    Found,
    FoundCell,
    SessionStain,
    event_from_bytes,
    event_to_bytes,
)
from smearwatch.daemon.record.placement import CellName
from smearwatch.daemon.record.session_stain import WINDOW, StainFold, StainWindow, median_stain
from tests.unit.clients_script import counted, found, frame_id

RED = (0.2, 0.3, 0.2)


def stain(value, red=RED):
    return CellStain((value, 2 * value, value), red)


def cell(index, measured, **changes):
    return FoundCell(index, (0, 0, 5, 5), (2.0, 2.0), 90.0, False, 0.9, stain=measured, **changes)


def frame(n, *cells):
    return replace(found(n), cells=cells)


def greens(fold, n, *indices):
    return [None if (at := fold.at(frame_id(n), index)) is None else at.nucleus_bgr[1] for index in indices]


def fold_of(*events):
    fold = StainFold()
    for event in events:
        fold.apply(event)
    return fold


def test_cells_enter_by_their_index_and_each_counts_for_itself():
    fold = fold_of(frame(1, cell(2, stain(0.5)), cell(0, stain(0.1)), cell(1, stain(0.3))))
    assert greens(fold, 1, 0, 1, 2) == [0.2, 0.4, 0.6]
    assert fold.at(frame_id(1), 0) == SessionStain((0.1, 0.2, 0.1), RED)


def test_a_cell_looks_back_and_never_ahead():
    first, second = frame(1, cell(0, stain(0.1))), frame(2, cell(0, stain(0.9)))
    assert greens(fold_of(first, second), 1, 0) == greens(fold_of(first), 1, 0) == [0.2]
    assert greens(fold_of(first, second), 2, 0) == [1.0]


def test_only_the_last_sixty_are_looked_back_upon():
    old = frame(1, *(cell(index, stain(5.0)) for index in range(WINDOW)))
    new = frame(2, *(cell(index, stain(1.0)) for index in range(WINDOW)))
    at = greens(fold_of(old, new), 2, *range(WINDOW))
    assert at[WINDOW // 2 - 2] == 10.0
    assert at[WINDOW // 2 - 1] == 6.0, "half of each: the middle of both"
    assert at[WINDOW // 2] == 2.0
    window = StainWindow()
    for _ in range(WINDOW):
        window.add(stain(5.0))
    for _ in range(WINDOW):
        last = window.add(stain(1.0))
    assert last == SessionStain((1.0, 2.0, 1.0), RED)


def test_the_size_of_red_cells_is_the_median_of_those_measured():
    sizes = [None, 7.0, None, 8.0, 6.5]
    measured = [replace(stain(0.1), red_cell_um=um) for um in sizes]
    at = [StainWindow.add(window, each) for window in [StainWindow()] for each in measured]
    assert [None if each is None else each.red_cell_um for each in at] == [None, 7.0, 7.0, 7.5, 7.0]


def test_a_stain_without_a_size_is_spelt_as_before():
    for size, spelt in ((None, False), (7.25, True)):
        event = frame(1, cell(0, replace(stain(0.1), red_cell_um=size)))
        written = event_to_bytes(event)
        assert (b"red_cell_um" in written) is spelt
        assert event_from_bytes(written) == event


def test_cells_that_are_not_judged_do_not_enter_but_better_views_do():
    known = CellName(frame_id(1), 0)
    cut = FoundCell(0, (0, 0, 5, 5), (2.0, 2.0), 90.0, True, 0.9, stain=stain(9.0))
    again = cell(1, stain(9.0), same_as=known)
    better = cell(2, stain(0.5), same_as=known, better_than=known)
    fold = fold_of(frame(1, cell(0, stain(0.1))), frame(2, cut, again, better))
    assert greens(fold, 2, 0, 1, 2) == [None, None, 0.6]


def test_a_nucleus_without_red_cells_counts_as_a_nucleus():
    fold = fold_of(frame(1, cell(0, stain(0.1, None)), cell(1, stain(0.3)), cell(2, stain(0.5, None))))
    assert greens(fold, 1, 0, 1, 2) == [None, 0.4, 0.6], "None while nobody knows the red cells"
    assert fold.at(frame_id(1), 2).red_cells_bgr == RED


def test_what_earlier_versions_found_has_no_stain():
    assert greens(fold_of(found(1, whole=2)), 1, 0, 1) == [None, None]
    assert greens(fold_of(frame(1, cell(0, stain(0.1))), found(2)), 2, 0) == [0.2], "it is the session's all the same"


def test_after_a_restart_each_cell_has_the_stain_that_it_had():
    events = []
    for n in range(40):
        events.append(frame(n, *(cell(index, stain(round(0.01 * n + 0.1 * index, 4))) for index in range(3))))
        events += [counted(n, 1), counted(n, 0)] if n % 2 else [counted(n, index) for index in range(3)]
    whole = fold_of(*events)
    for stopped in range(0, len(events), 7):
        read_again = [event_from_bytes(event_to_bytes(event)) for event in events[:stopped]]
        fold = fold_of(*read_again, *events[stopped:])
        assert [fold.at(frame_id(n), 2) for n in range(40)] == [whole.at(frame_id(n), 2) for n in range(40)]
    assert whole.at(frame_id(39), 2) is not None


def test_memory_is_bounded_by_what_waits():
    fold = StainFold()
    for n in range(300):
        fold.apply(frame(n, cell(0, stain(0.1)), cell(1, stain(0.1))))
        assert len(fold) <= 4
        fold.apply(counted(n, 0))
        if n:
            fold.apply(counted(n - 1, 1))
    assert len(fold) == 1
    assert greens(fold, 7, 0, 1) == [None, None]


def test_looking_without_entering():
    window = StainWindow()
    assert window.at(stain(0.3)) == SessionStain((0.3, 0.6, 0.3), RED)
    window.add(stain(0.1))
    assert window.at(stain(0.3)) == window.at(stain(0.3)) == median_stain([stain(0.1), stain(0.3)])
    for _ in range(WINDOW):
        window.add(stain(0.5))
    assert window.at(stain(0.3)) == SessionStain((0.5, 1.0, 0.5), RED)


def test_numbers_are_rounded_to_four_decimals():
    measured = median_stain([stain(0.1001), stain(0.1002)])
    assert measured is not None
    assert measured.nucleus_bgr[1] == round(0.2003, 4)
    assert all(value == round(value, 4) for value in (*measured.nucleus_bgr, *measured.red_cells_bgr))


def test_events_without_a_stain_keep_their_bytes_and_those_with_one_come_back():
    for event in (found(1, 2, 1), counted(1)):
        assert b"stain" not in event_to_bytes(event)
    with_stain: list[Found | Counted] = [
        frame(1, cell(0, stain(0.1)), cell(1, stain(0.2, None))),
        replace(counted(1), stain=SessionStain((0.1, 0.2, 0.3), RED)),
    ]
    for event in with_stain:
        assert event_from_bytes(event_to_bytes(event)) == event
    spelt = json.loads(event_to_bytes(with_stain[0]))["cells"]
    assert spelt[0]["stain"] == {"nucleus_bgr": [0.1, 0.2, 0.1], "red_cells_bgr": [0.2, 0.3, 0.2]}
    assert spelt[1]["stain"] == {"nucleus_bgr": [0.2, 0.4, 0.2]}


def test_an_impossible_stain_is_no_event():
    body = event_to_bytes(frame(1, cell(0, stain(0.1))))
    with pytest.raises(EventInvalid):
        event_from_bytes(body.replace(b'"nucleus_bgr":[0.1,0.2,0.1]', b'"nucleus_bgr":[0.1,0.2]'))
    with pytest.raises(ValueError, match="finite number"):
        CellStain((float("nan"), 0.1, 0.1))
