"""The session's statistics at a cell: a pure fold in blocks, the same whoever judges and after a restart."""

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smearwatch.daemon.record.events import Replaced
from smearwatch.daemon.record.placement import CellName, Placement
from smearwatch.daemon.record.session_statistics import (
    FIRST,
    WINDOW,
    MomentsLost,
    StatisticsFold,
    block_of,
    block_size,
)
from smearwatch.daemon.record.values import digest_of
from tests.unit.clients_script import counted, found, frame_id

CHANNELS = 3
OTHER = "cd" * 32


def half(rng):
    return np.concatenate([rng.normal(0, 2, CHANNELS), rng.uniform(0, 3, CHANNELS)]).astype("<f2").tobytes()


class Session:
    """A ledger's moments, the events until now, and the fold over both."""

    def __init__(self, moments=None):
        self.kept: dict[tuple[str, int], bytes] = {}
        self.moments = moments or {}
        self.events = []
        self.fold = StatisticsFold(lambda frame, index: self.kept.get((frame, index)))

    def apply(self, event):
        self.events.append(event)
        self.fold.apply(event)

    def find(self, n, whole=1):
        self.apply(found(n, whole))

    def count(self, n, index=0, **changes):
        key = frame_id(n), index
        if key in self.moments:
            self.kept[key] = self.moments[key]
            changes["moments"] = digest_of(self.moments[key])
        self.apply(replace(counted(n, index), **changes))

    def ready(self, n, index=0):
        return self.fold.is_ready(frame_id(n), index)

    def at(self, n, index=0):
        return self.fold.at(frame_id(n), index)


def moments_of(frames, whole=1, seed=0):
    rng = np.random.default_rng(seed)
    return {(frame_id(n), index): half(rng) for n in range(frames) for index in range(whole)}


def brute_force(halves):
    rows = np.stack([np.frombuffer(each, "<f2").astype(np.float64) for each in halves])
    means, squares = rows[:, :CHANNELS], rows[:, CHANNELS:] ** 2 + rows[:, :CHANNELS] ** 2
    mean = means.mean(0)
    return np.concatenate([mean, np.sqrt(np.maximum(squares.mean(0) - mean**2, 0))])


def test_blocks_are_small_at_first_and_follow_each_other():
    assert [block_of(place) for place in (0, 7, 8, 31, 32, 63, 64)] == [0, 0, 1, 3, 4, 4, 5]
    places = [block_of(place) for place in range(500)]
    assert places == sorted(places)
    assert all(places.count(block) == block_size(block) for block in range(places[-1]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(5, 30))
def test_whoever_judges_in_whatever_order_each_cell_has_the_same(seed, whole, frames):
    moments = moments_of(frames, whole, seed)
    rng, used = random.Random(seed), [dict[Any, Any](), dict[Any, Any]()]
    strange = {key: rng.random() < 0.4 for key in moments}
    refused = {key: rng.random() < 0.2 for key in moments}
    cells = [(n, index) for n in range(frames) for index in range(whole)]
    for at, hurry in enumerate((1, 7)):  # one worker in order, and seven that end as they like
        session, waiting = Session(moments), list[tuple[int, int]]()
        todo = [("find", n) for n in range(frames)]
        while todo or waiting:
            open_ = [cell for cell in waiting if session.ready(*cell)][:hurry]
            if todo and (not open_ or rng.random() < 0.3):
                n = todo.pop(0)[1]
                session.find(n, whole)
                waiting += [(n, index) for index in range(whole)]
                continue
            cell = rng.choice(open_)
            used[at][cell] = session.at(*cell)
            key = frame_id(cell[0]), cell[1]
            verdict = "rejected" if refused[key] else "flagged" if strange[key] else "confirmed"
            session.count(*cell, verdict=verdict, unfamiliar=strange[key] or None)
            waiting.remove(cell)
    assert used[0] == used[1]
    for place, cell in enumerate(cells):
        before = [(frame_id(n), i) for other, (n, i) in enumerate(cells) if block_of(other) <= block_of(place) - 2]
        before = [key for key in before if not refused[key]]
        if not before:
            assert used[0][cell] is None
            continue
        assert (used[0][cell].cells, used[0][cell].unfamiliar) == (len(before), sum(strange[key] for key in before))
        expected = brute_force([moments[key] for key in before])
        assert np.frombuffer(used[0][cell].moments, "<f4") == pytest.approx(expected, abs=2e-3)


def test_a_cell_waits_for_the_blocks_before_the_last_one():
    session = Session(moments_of(60))
    for n in range(60):
        session.find(n)
    assert [session.ready(n) for n in (0, 15, 16)] == [True, True, False]
    for n in range(7):
        session.count(n)
    assert not session.ready(16)
    session.count(7)
    assert session.ready(16)
    assert session.at(16).cells == 8
    assert not session.ready(24)


def test_a_restart_finds_the_same():
    session = Session(moments_of(50))
    for n in range(50):
        session.find(n)
    for n in range(37):
        session.count(n)
    again = StatisticsFold(lambda frame, index: session.kept.get((frame, index)))
    for event in session.events:
        again.apply(event)
    for n in range(37, 50):
        assert again.is_ready(frame_id(n), 0) == session.ready(n)
        if session.ready(n):
            assert again.at(frame_id(n), 0) == session.at(n) is not None
    assert again.at_next() == session.fold.at_next()


def test_weights_that_measure_nothing_wait_for_nothing():
    session = Session()
    for n in range(60):
        session.find(n)
    assert not session.ready(40), "who will measure is not known before the first verdict"
    session.count(0)
    assert session.ready(40)
    assert session.at(40) is None


def test_only_cells_of_the_newest_weights_are_taken():
    session = Session(moments_of(40))
    for n in range(40):
        session.find(n)
    for n in range(24):
        session.count(n, weights=OTHER if n >= 8 else "ab" * 32)
    assert session.at(33) is None or session.at(33).weights == OTHER
    assert (session.at(24).weights, session.at(24).cells) == (OTHER, 8)


def test_what_is_strange_to_the_first_layers_alone_makes_a_session_strange_too():
    session = Session(moments_of(24))
    for n in range(24):
        session.find(n)
    for n in range(8):
        session.count(n, strange=n < 3 or None, unfamiliar=n > 5 or None, statistics=1 if n > 5 else None)
    assert session.at(16).unfamiliar == 5


def test_no_more_is_looked_back_upon_than_the_window():
    frames = WINDOW + 400
    session = Session(moments_of(frames))
    for n in range(frames):
        session.find(n)
        if n < frames - 1:
            session.count(n)
    assert WINDOW - 64 <= session.at(frames - 1).cells <= WINDOW + 64
    assert len(session.fold._judged) < 40


@pytest.mark.parametrize("now", [None, b"", b"\0" * 12])
def test_what_is_lost_or_changed_is_never_passed_over(now):
    session = Session(moments_of(40))
    for n in range(40):
        session.find(n)
    for n in range(16):
        session.count(n)
    session.kept[frame_id(3), 0] = now
    with pytest.raises(MomentsLost, match="cell 0 of frame"):
        session.at(20)


def first_session(frames=FIRST + 2, better=None):
    """Find single cells; `better` is the number of one that is a better view of another."""
    session = Session(moments_of(frames))
    for n in range(frames):
        event = found(n)
        if n == better:
            name = CellName(frame_id(0), 0)
            cell = replace(event.cells[0], same_as=name, better_than=name)
            event = replace(event, cells=(cell,), placement=Placement("placed", 0, 0.0, 0.0, 0.0, 1.0, (frame_id(0),)))
        session.apply(event)
    return session


def test_the_first_cells_are_there_once_all_are_counted_and_until_they_are_judged_anew():
    session = first_session()
    for n in reversed(range(FIRST)):
        assert session.fold.first_cells() is None
        session.count(n, unfamiliar=True, verdict="flagged")
    first = session.fold.first_cells()
    assert first is not None
    assert first.cells == tuple((frame_id(n), 0) for n in range(FIRST)), "in the order of finding"
    assert (first.statistics.cells, first.statistics.unfamiliar) == (FIRST, FIRST)
    measured = brute_force([session.moments[key] for key in first.cells])
    assert np.frombuffer(first.statistics.moments, "<f4") == pytest.approx(measured, rel=1e-6)
    before = counted(0)
    anew = replace(before, anew=True, statistics=FIRST, instead_of=Replaced.of(before))
    session.apply(anew)
    assert (session.fold.first_cells(), session.fold.first_settled) == (None, True)


def test_first_cells_of_other_weights_or_without_moments_stay_as_they_are():
    session = first_session()
    for n in range(FIRST):
        session.count(n, unfamiliar=True, verdict="flagged", weights=OTHER if n < 3 else counted(n).weights)
    first = session.fold.first_cells()
    assert first is not None
    assert [cell[0] for cell in first.cells] == [frame_id(n) for n in range(3, FIRST)]
    session = first_session()
    session.moments.clear()
    for n in range(FIRST):
        session.count(n, unfamiliar=True, verdict="flagged")
    assert (session.fold.first_cells(), session.fold.first_settled) == (None, True)


def test_a_better_view_waits_for_the_first_cells_or_stands_instead():
    session = first_session(better=FIRST)
    for n in range(FIRST):
        session.count(n, unfamiliar=True, verdict="flagged")
    assert (session.ready(FIRST), session.ready(FIRST + 1)) == (False, True)
    session.fold.settle_first()
    assert session.ready(FIRST)
    session = first_session(better=1)
    for n in range(FIRST):
        before = Replaced.of(counted(0)) if n == 1 else None
        session.count(n, unfamiliar=True, verdict="flagged", instead_of=before)
    first = session.fold.first_cells()
    assert first is not None
    assert first.cells[0] == (frame_id(1), 0), "the view of which the verdict stands"
