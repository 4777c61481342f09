import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smearwatch.daemon.record.events import (
    CLASSES,
    VERDICTS,
    ClassName,
    Closed,
    Counted,
    Event,
    Found,
    FoundCell,
    Labelled,
    Opened,
    Rejected,
    Replaced,
    Seen,
    Verdict,
)
from smearwatch.daemon.record.placement import CellName, Placement
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.record.writing import key_of

SIX = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def frame(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def seen(number: int) -> Seen:
    return Seen(frame(number), f"{number}.jpg", 10, number, None, None, True, "folder")


def found(number: int, *at_edge: bool) -> Found:
    cells = tuple(FoundCell(i, (i, 0, 5, 5), (i + 2.5, 2.5), 100.0, edge, 0.9) for i, edge in enumerate(at_edge))
    return Found(frame(number), 100, 100, 0.1, "configured", None, 0.8, cells)


def counted(number: int, index: int, cls: ClassName = "band", verdict: Verdict = "confirmed") -> Counted:
    return Counted(frame(number), index, cls, verdict, SIX, SIX, 0.1, "w")


def rejected(number: int, reason: str = "out_of_focus") -> Rejected:
    return Rejected(frame(number), reason, "", 0.1)


def fold_of(*events: Event) -> TallyFold:
    fold = TallyFold()
    for event in events:
        fold.apply(event)
        assert fold.balanced
    return fold


def repeated(number: int, *, unplaced: bool = False) -> Found:
    """A frame that shows the first cell of frame 1 again, a new cell, and the first one's neighbour cut by the edge."""
    first = CellName(frame(1), 0)
    cells = (
        FoundCell(0, (0, 0, 5, 5), (2.5, 2.5), 100.0, False, 0.9, first),
        FoundCell(1, (9, 0, 5, 5), (11.5, 2.5), 100.0, False, 0.9),
        FoundCell(2, (0, 9, 5, 5), (2.5, 11.5), 40.0, True, 0.9, first),
    )
    place = Placement("unplaced" if unplaced else "placed", 0, 1.0, 2.0, 3.0, 1.0, () if unplaced else (frame(1),))
    return Found(frame(number), 100, 100, 0.1, "configured", None, 0.8, cells, place)


@dataclass
class Case:
    name: str
    events: list[Event]
    frames: tuple[int, int, int, int]  # seen, counted, rejected, pending
    cells: int = 0
    at_edge: int = 0
    cells_pending: int = 0


CASES = [
    Case("nothing", [], (0, 0, 0, 0)),
    Case("one seen", [seen(1)], (1, 0, 0, 1)),
    Case("one rejected", [seen(1), rejected(1)], (1, 0, 1, 0)),
    Case("a frame without cells is counted", [seen(1), found(1)], (1, 1, 0, 0)),
    Case("a frame with cut cells only is counted", [seen(1), found(1, True, True)], (1, 1, 0, 0), at_edge=2),
    Case("a found cell waits", [seen(1), found(1, False)], (1, 0, 0, 1), cells_pending=1),
    Case("half counted still waits", [seen(1), found(1, False, False), counted(1, 1)], (1, 0, 0, 1), 1, 0, 1),
    Case("all whole cells", [seen(1), found(1, True, False), counted(1, 1)], (1, 1, 0, 0), 1, 1),
    Case("a rejected cell is not in it", [seen(1), found(1, False), counted(1, 0, verdict="rejected")], (1, 1, 0, 0)),
    Case("a flagged cell is in it", [seen(1), found(1, False), counted(1, 0, verdict="flagged")], (1, 1, 0, 0), 1),
    Case(
        "a label changes nothing",
        [seen(1), found(1, False), counted(1, 0), Labelled(frame(1), 0, "artefact", "x", 1, 9)],
        (1, 1, 0, 0),
        1,
    ),
    Case("two frames", [seen(1), seen(2), rejected(2), found(1, False)], (2, 0, 1, 1), cells_pending=1),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_where_frames_and_cells_stand(case):
    fold = fold_of(*case.events)
    assert tuple(fold.frames.values()) == case.frames
    assert (fold.cells, fold.at_edge, fold.cells_pending) == (case.cells, case.at_edge, case.cells_pending)
    assert fold.complete == (case.frames[3] == 0)
    assert fold.waits(frame(1)) == (case.frames[3] == 1)


@pytest.mark.parametrize(
    ("before", "impossible"),
    [
        ([], rejected(1)),
        ([], found(1)),
        ([], counted(1, 0)),
        ([seen(1)], seen(1)),
        ([seen(1)], counted(1, 0)),
        ([seen(1), rejected(1)], rejected(1)),
        ([seen(1), rejected(1)], found(1, False)),
        ([seen(1), found(1, False)], found(1, False)),
        ([seen(1), found(1, False)], rejected(1)),
        ([seen(1), found(1, False)], counted(1, 1)),
        ([seen(1), found(1, False, True)], counted(1, 1)),
        ([seen(1), found(1, False, False), counted(1, 0)], counted(1, 0)),
    ],
)
def test_what_cannot_follow_is_refused_and_changes_nothing(before, impossible):
    fold = fold_of(*before)
    snapshot = fold.snapshot()
    with pytest.raises(TallyBroken) as caught:
        fold.apply(impossible)
    assert caught.value.hint
    assert fold.snapshot() == snapshot


def test_a_cell_that_was_seen_before_is_not_counted_again():
    fold = fold_of(seen(1), found(1, False), counted(1, 0), seen(2), repeated(2), counted(2, 1))
    told = tally_json(fold, "s", 6)
    assert (told["cells"], told["cells_found"], told["seen_again"], told["at_edge"]) == (2, 4, 1, 1)
    assert (told["cells_pending"], told["frames_unplaced"], told["complete"]) == (0, 0, True)
    with pytest.raises(TallyBroken, match="does not wait"):
        fold.apply(counted(2, 0))


def better(number: int, than: tuple[int, int] = (1, 0)) -> Found:
    """A frame that shows the first cell of frame 1 better than another one does, and a new cell."""
    first, view = CellName(frame(1), 0), CellName(frame(than[0]), than[1])
    cells = (
        FoundCell(0, (0, 0, 5, 5), (2.5, 2.5), 100.0, False, 0.9, first, view),
        FoundCell(1, (9, 0, 5, 5), (11.5, 2.5), 100.0, False, 0.9),
    )
    place = Placement("placed", 0, 1.0, 2.0, 3.0, 1.0, (frame(1),))
    return Found(frame(number), 100, 100, 0.1, "configured", None, 0.8, cells, place)


def judged_again(number: int, before: Counted, cls: ClassName, verdict: Verdict = "confirmed") -> Counted:
    replaced = Replaced.of(before)
    return Counted(frame(number), 0, cls, verdict, SIX, SIX, 0.1, "w", instead_of=replaced)


@pytest.mark.parametrize("before", [counted(1, 0, "band", verdict) for verdict in VERDICTS], ids=VERDICTS)
@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_verdict_on_a_better_view_stands_instead(before, verdict):
    pending = fold_of(seen(1), found(1, False), before, seen(2), better(2), counted(2, 1, "monocyte"))
    assert (pending.cells_pending, pending.seen_again, pending.judged_again) == (1, 0, 0)
    assert pending.verdicts[before.verdict] - (before.verdict == "confirmed") == 1
    pending.apply(judged_again(2, before, "lymphocyte", verdict))
    told = tally_json(pending, "s", 7)
    rejected = verdict == "rejected"
    assert told["counts"] == dict.fromkeys(CLASSES, 0) | {"monocyte": 1, "lymphocyte": int(not rejected)}
    assert (told["cells"], told["rejected"]) == (2 - rejected, int(rejected))
    assert (told["cells_found"], told["cells_pending"], told["seen_again"], told["judged_again"]) == (3, 0, 1, 1)
    assert (pending.balanced, pending.complete, pending.snapshot()["better"]) == (True, True, {})


def test_a_third_view_replaces_the_second():
    first = counted(1, 0, "band")
    second = judged_again(2, first, "monocyte", "rejected")
    third = judged_again(3, second, "basophil")
    events: list[Event] = [seen(1), found(1, False), seen(2), seen(3), better(2), better(3, than=(2, 0))]
    fold = fold_of(*events, first, counted(2, 1), second, third)
    fold = TallyFold.restore(json.loads(json.dumps(fold.snapshot())))
    fold.apply(counted(3, 1))
    told = tally_json(fold, "s", 11)
    assert told["counts"] == dict.fromkeys(CLASSES, 0) | {"band": 2, "basophil": 1}
    assert (told["rejected"], told["seen_again"], told["judged_again"], fold.balanced) == (0, 2, 2, True)


def odd(number: int, index: int, verdict: Verdict = "flagged") -> Counted:
    """Count a cell that looks unlike all that the weights were trained on."""
    return replace(counted(number, index, "band", verdict), unfamiliar=True)


def test_unfamiliar_cells_are_counted_while_they_stand_and_come_out_with_their_verdict():
    before = odd(1, 0)
    fold = fold_of(seen(1), found(1, False, False), before, odd(1, 1, "rejected"), seen(2), better(2))
    assert (fold.unfamiliar, tally_json(fold, "s", 6)["unfamiliar"]) == (1, 1)
    fold = TallyFold.restore(json.loads(json.dumps(fold.snapshot())))
    again = judged_again(2, before, "lymphocyte")
    with pytest.raises(TallyBroken):
        fold_of(seen(1), found(1, False), counted(1, 0, "band", "flagged"), seen(2), better(2), again)
    fold.apply(again)
    fold.apply(odd(2, 1))
    assert (fold.unfamiliar, fold.verdicts["flagged"], fold.cells) == (1, 1, 2)


def test_a_snapshot_of_before_there_were_unfamiliar_cells_is_taken():
    before = fold_of(seen(1), found(1, False), counted(1, 0)).snapshot()
    assert before.pop("unfamiliar") == 0
    assert TallyFold.restore(before).unfamiliar == 0


@pytest.mark.parametrize(
    "impossible",
    [
        counted(2, 0, "band"),
        judged_again(2, counted(1, 0, "monocyte"), "band"),
        judged_again(2, counted(1, 0, "band", "flagged"), "band"),
        Counted(frame(2), 1, "band", "confirmed", SIX, SIX, 0.1, "w", None, Replaced(frame(1), 0, "band", "confirmed")),
    ],
    ids=["without a replaced verdict", "another class", "another verdict", "a first view"],
)
def test_a_verdict_that_cannot_be_replaced_is_refused_and_changes_nothing(impossible):
    fold = fold_of(seen(1), found(1, False), counted(1, 0, "band"), seen(2), better(2))
    snapshot = fold.snapshot()
    with pytest.raises(TallyBroken):
        fold.apply(impossible)
    assert fold.snapshot() == snapshot


def test_frames_without_a_place_are_told():
    fold = fold_of(seen(1), found(1, False), counted(1, 0), seen(2), repeated(2, unplaced=True), counted(2, 1))
    assert fold.unplaced == tally_json(fold, "s", 6)["frames_unplaced"] == 1


def test_the_promised_json():
    opened = Opened(1, 0, "0.1.0", "monday", 100, 33.0, "filament", {})
    plan: dict[ClassName, int] = {
        "band": 4,
        "segmented": 58,
        "eosinophil": 2,
        "basophil": 0,
        "monocyte": 6,
        "lymphocyte": 30,
    }
    names = [name for name, n in plan.items() for _ in range(n)]
    events: list[Event] = [opened]
    for number, name in enumerate(names):
        events += [seen(number), found(number, False, *[True] * (number == 0)), counted(number, 0, name)]
    events += [seen(200), rejected(200), seen(201), found(201, False), counted(201, 0, verdict="rejected"), seen(202)]
    told = tally_json(fold_of(*events), "monday", 311)
    percent = told.pop("percent")
    assert told == {
        "session": "monday",
        "title": None,
        "specimen": None,
        "operator": None,
        "note": None,
        "event": 311,
        "cells": 100,
        "target": 100,
        "targets": [{"of": "cells", "kind": "cells", "wanted": 100, "have": 100, "reached": True}],
        "target_reached": True,
        "result_targets": None,
        "counts": plan,
        "neutrophils": 62,
        "rejected": 1,
        "poisoned": 0,
        "flagged": 0,
        "verdicts": {"confirmed": 100, "corrected": 0, "flagged": 0, "rejected": 1},
        "cells_found": 102,
        "cells_pending": 0,
        "at_edge": 1,
        "seen_again": 0,
        "judged_again": 0,
        "frames_unplaced": 0,
        "frames": {"seen": 103, "counted": 101, "rejected": 1, "pending": 1},
        "rejected_by_reason": {"out_of_focus": 1},
        "files_left": 0,
        "files_left_named": [],
        "files_not_read": {},
        "complete": False,
        "unfamiliar": 0,
        "mark": None,
        "scale_contradicted": None,
        "searched_in_part": None,
        "drift": None,
        "drifted": {"episodes": 0, "cells": 0, "watched": 0},
        "reviewed": None,
        "signed": None,
        "amendments": [],
    }
    assert list(percent) == [*CLASSES, "neutrophils"]
    assert percent["band"] == {"value": 4.0, "low": 1.1, "high": 9.93}
    assert percent["basophil"] == {"value": 0.0, "low": 0.0, "high": 3.62}
    assert percent["neutrophils"]["value"] == 62.0
    assert json.loads(json.dumps(told)) == told


def test_without_cells_every_share_is_open():
    assert tally_json(TallyFold(), "empty", 0)["percent"]["band"] == {"value": None, "low": 0.0, "high": 100.0}


def test_closing_changes_no_count_and_opening_sets_the_target():
    fold = fold_of(seen(1), found(1, False))
    before = fold.snapshot()
    fold.apply(Closed(1, False, {}, {}))
    assert fold.snapshot() == before
    fold.apply(Opened(2, 0, "0", "s", 200, 33.0, "", {}))
    assert fold.target == 200


@pytest.mark.parametrize(
    "change",
    [
        {"counts": {"band": 1}},
        {"verdicts": {}},
        {"frames_seen": 5},
        {"cells_found": 7},
        {"at_edge": -1},
        {"pending": {"x": None}},
        {"pending": {frame(1): "0"}},
        {"more": 1},
        {"unfamiliar": 1},
        {"unfamiliar": -1},
    ],
)
def test_a_snapshot_that_is_none_is_refused(change):
    good = fold_of(seen(1), found(1, False)).snapshot()
    assert TallyFold.restore(good).snapshot() == good
    with pytest.raises(TallyBroken, match="not a snapshot"):
        TallyFold.restore({**good, **change})


def test_a_taken_snapshot_does_not_move_with_the_fold():
    fold = fold_of(seen(1))
    taken = fold.snapshot()
    fold.apply(found(1, False))
    assert taken == fold_of(seen(1)).snapshot()


def test_memory_holds_pending_frames_only():
    fold = fold_of(*(event for n in range(50) for event in (seen(n), found(n, False), counted(n, 0))))
    assert fold.snapshot()["pending"] == {}


@dataclass
class Life:
    """Everything that will ever happen to one frame, and the cells that are to be counted."""

    events: list[Event]
    verdicts: list[Counted]


@st.composite
def lives(draw: st.DrawFn) -> list[Life]:
    drawn = []
    for number in range(draw(st.integers(0, 6))):
        if draw(st.booleans()):
            edges = draw(st.lists(st.booleans(), max_size=4))
            verdicts = [
                counted(number, i, draw(st.sampled_from(CLASSES)), draw(st.sampled_from(VERDICTS)))
                for i, edge in enumerate(edges)
                if not edge
            ]
            drawn.append(Life([seen(number), found(number, *edges)], verdicts))
        else:
            drawn.append(Life([seen(number), rejected(number, draw(st.sampled_from(["blank", "dark"])))], []))
    return drawn


def schedule(draw: st.DrawFn, given: list[Life]) -> list[Event]:
    """Deliver each frame's events in a possible order, some of them twice and three times."""
    waiting = [[*life.events, *draw(st.permutations(life.verdicts))] for life in given]
    sent: list[Event] = []
    while any(waiting):
        queue = draw(st.sampled_from([queue for queue in waiting if queue]))
        sent.append(queue.pop(0))
        if draw(st.integers(0, 3)) == 0:
            sent.append(draw(st.sampled_from(sent)))
    return sent


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_order_and_any_number_of_deliveries_give_one_tally(data):
    """The ledger takes each key once; the fold over it, resumed wherever it was cut, counts each cell once."""
    planned = data.draw(lives())
    fold, keys = TallyFold(), set()
    for event in schedule(data.draw, planned):
        if key_of(event) in keys:
            continue
        keys.add(key_of(event))
        fold.apply(event)
        assert fold.balanced
        if data.draw(st.integers(0, 4)) == 0:
            fold = TallyFold.restore(json.loads(json.dumps(fold.snapshot())))
    verdicts = [verdict for life in planned for verdict in life.verdicts]
    expected = Counter(verdict.cls for verdict in verdicts if verdict.verdict != "rejected")
    assert fold.counts == {name: expected[name] for name in CLASSES}
    assert fold.verdicts == {name: Counter(verdict.verdict for verdict in verdicts)[name] for name in VERDICTS}
    outcomes = Counter(life.events[-1].kind for life in planned)
    assert fold.frames == {
        "seen": len(planned),
        "counted": outcomes["found"],
        "rejected": outcomes["rejected"],
        "pending": 0,
    }
    assert fold.complete
