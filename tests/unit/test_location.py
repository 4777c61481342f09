"""The cell-location test: its event, how marks and cells are paired, its figures, one day against those before."""

import pytest
from pydantic import ValidationError
from scipy.stats import hypergeom

from smearwatch.clients.quality.location_lines import day_lines, kept_lines
from smearwatch.clients.quality.location_report import days_json, figures, kept_json
from smearwatch.clients.quality.matching import in_order, match_marks
from smearwatch.daemon.record.events import Found, FoundCell, event_from_bytes, event_to_bytes
from smearwatch.daemon.record.location import (
    LocationTested,
    LocationWithdrawn,
    Mark,
    MarkedField,
    Unmarked,
    flaw_of_test,
)

FRAME, OTHER = "a" * 64, "b" * 64
DAY_NS = 86_400_000_000_000
NOON_NS = 20_000 * DAY_NS + DAY_NS // 2


def cell(index, x, y, *, at_edge=False):
    return FoundCell(index, (int(x) - 5, int(y) - 5, 10, 10), (float(x), float(y)), 50.0, at_edge, 0.9)


FOUND = Found(
    FRAME, 640, 480, 0.1, "configured", None, 0.8, (cell(0, 100, 100), cell(1, 300, 300), cell(2, 5, 5, at_edge=True))
)


def made(*marks, unmarked=(), frame=FRAME, **changed):
    given = {"by": "A", "began_at_ns": 1, "tested_at_ns": 2, "ordinal": 1, "order": "random", "radius_um": 6.0}
    return LocationTested(**{**given, **changed}, fields=(MarkedField(frame, marks, unmarked),))


def test_each_event_has_one_spelling():
    test = made(Mark(1.0, 2.5, 0), Mark(3.0, 4.0, rejected=True, cell=1), unmarked=(Unmarked(2, True),))
    assert event_to_bytes(test) == (
        b'{"began_at_ns":1,"by":"A","fields":[{"frame":"'
        + FRAME.encode()
        + b'","marks":[{"cell":0,"x_px":1.0,"y_px":2.5},'
        b'{"cell":1,"rejected":true,"x_px":3.0,"y_px":4.0}],"unmarked":[{"index":2,"leukocyte":true}]}],'
        b'"kind":"location_tested","not_shown":0,"order":"random","ordinal":1,"radius_um":6.0,"tested_at_ns":2}'
    )
    for event in (test, made(Mark(1.0, 1.0), note="new stain"), LocationWithdrawn("A", "why", 3, 1)):
        assert event_from_bytes(event_to_bytes(event)) == event


def test_what_is_no_test():
    with pytest.raises(ValidationError, match="at least one marked leukocyte"):
        made(Mark(1.0, 1.0, aside="again"), unmarked=(Unmarked(0, True),))
    one = MarkedField(FRAME, (Mark(1.0, 1.0),), ())
    with pytest.raises(ValidationError, match="a field is marked once"):
        LocationTested("A", 1, 2, 1, "random", 6.0, (one, one))
    with pytest.raises(ValidationError, match="with a reason"):
        LocationWithdrawn("A", " ", 3, 1)


@pytest.mark.parametrize(
    ("test", "flaw"),
    [
        (made(Mark(101.0, 99.0, 0), Mark(400.0, 400.0), unmarked=(Unmarked(1, False),)), None),
        (made(Mark(5.0, 9.0, 2, "cut"), Mark(101.0, 99.0, 0)), None),
        (made(Mark(160.0, 100.0, 0)), None),  # 6 um
        (made(Mark(162.0, 100.0, 0)), "lies elsewhere"),
        (made(Mark(101.0, 99.0, 0), Mark(99.0, 101.0, 0)), "names a cell twice"),
        (made(Mark(101.0, 99.0, 0), unmarked=(Unmarked(0, True),)), "names a cell twice"),
        (made(Mark(101.0, 99.0, 7)), "was not found"),
        (made(Mark(700.0, 99.0)), "outside of its field"),
        (made(Mark(5.0, 9.0, 2)), "cut by the edge in the test"),
        (made(Mark(400.0, 9.0), Mark(100.0, 100.0, 0, "cut")), "or a whole one aside"),
        (made(Mark(101.0, 99.0, 0), frame=OTHER), "not searched"),
    ],
)
def test_what_contradicts_the_record_is_named(test, flaw):
    said = flaw_of_test(test, {FRAME: FOUND}.get)
    assert (said is None) == (flaw is None)
    assert (flaw or "") in (said or "")


def test_marks_are_paired_one_to_one_with_the_most_pairs():
    cells = [cell(0, 100, 0), cell(1, 150, 0)]
    # The nearest first would give the mark at 128 the cell at 150, and leave the one at 200 without.
    paired = match_marks([(128.0, 0.0), (200.0, 0.0), (400.0, 0.0)], cells, 60.0)
    assert {mark: each.index for mark, each in paired.items()} == {0: 0, 1: 1}
    # Where all find one, the shortest way in all.
    paired = match_marks([(140.0, 0.0), (105.0, 0.0)], cells, 60.0)
    assert {mark: each.index for mark, each in paired.items()} == {0: 1, 1: 0}
    assert match_marks([(0.0, 0.0)], cells, 60.0) == {}
    # In the box of a large cell, however far from its middle.
    large = FoundCell(3, (200, 200, 220, 220), (310.0, 310.0), 300.0, False, 0.9)
    assert match_marks([(215.0, 310.0), (199.0, 310.0)], [large], 60.0) == {0: large}
    assert match_marks([], cells, 60.0) == match_marks([(1.0, 1.0)], [], 60.0) == {}


def test_fields_come_by_a_hash_or_in_order():
    frames = [f"{number:064x}" for number in range(50)]
    assert in_order(frames, "in_order", "c", 1) == frames
    drawn = in_order(frames, "random", "c", 1)
    assert sorted(drawn) == frames
    assert drawn == in_order(frames[::-1], "random", "c", 1)
    assert drawn != frames
    assert drawn != in_order(frames, "random", "c", 2)
    assert drawn != in_order(frames, "random", "d", 1)


def test_figures_by_known_numbers():
    told = figures(marked=200, found=196, rejected=3, overlooked=4, not_leukocytes=2)
    assert told["percent"] == {"value": 98.0, "low": 94.96, "high": 99.45}  # 196 of 200, Clopper-Pearson
    assert (told["missed"], told["leukocytes"], told["cells"], told["enough"]) == (4, 197, 199, True)
    assert figures(199, 199, 0, 0, 0)["enough"] is False


def of_day(day, marked, found, **changed):
    marks = [Mark(float(at), 1.0, at if at < found else None) for at in range(marked)]
    return kept_json(made(*marks, tested_at_ns=NOON_NS + day * DAY_NS, **changed), None)


def test_a_day_that_is_lower_than_those_before_is_named():
    tests = [
        ("tue", of_day(1, 200, 197)),
        ("mon", of_day(0, 120, 119)),
        ("mon", of_day(0, 80, 79)),
        ("wed", of_day(2, 100, 85)),
    ]
    days = days_json(tests)
    assert [(day["marked"], day["found"], day["sessions"], day["tests"]) for day in days] == [
        (200, 198, ["mon"], 2), (200, 197, ["tue"], 1), (100, 85, ["wed"], 1),
    ]  # fmt: skip
    assert [day["lower"] for day in days] == [False, False, True]
    assert (days[0]["p"], days[0]["earlier"]) == (None, None)
    assert days[2]["earlier"] == {"marked": 400, "found": 395}
    # At most 85 of the 480 found ones among the 100 of the day.
    assert days[2]["p"] == pytest.approx(hypergeom(500, 480, 100).cdf(85))
    said = "\n".join(day_lines(days))
    assert "lower than on the days before, beyond chance: 85.0 % against 98.8 % (395 of 400)" in said
    assert said.count("(few)") == 2
    assert "No day is lower" in "\n".join(day_lines(days[:2]))


def test_what_is_withdrawn_leaves_the_days_and_stays_in_the_list():
    gone = kept_json(made(Mark(1.0, 1.0), note="new stain"), LocationWithdrawn("B", "the wrong slide", 3, 1))
    assert days_json([("mon", gone)]) == []
    said = "\n".join(kept_lines("mon", [gone]))
    assert "WITHDRAWN by B" in said
    assert "the wrong slide" in said
    assert "note: new stain" in said
    assert "0 of 1 leukocytes found" in said
