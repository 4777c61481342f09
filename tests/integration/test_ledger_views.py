"""A leukocyte that several frames show: where it is counted, which view is judged, and which verdict stands."""

import sqlite3

import pytest

from smearwatch.clients.exports.cell_rows import cell_rows
from smearwatch.clients.labelling import check
from smearwatch.clients.recent import RecentCells
from smearwatch.daemon.record.events import (
    ClassName,
    Counted,
    Found,
    FoundCell,
    Labelled,
    Opened,
    Replaced,
    Seen,
)
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.placement import CellName, Placement
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.record.views import Views, views_by_cell
from smearwatch.daemon.record.writing import LedgerRefused

pytestmark = pytest.mark.integration

SIX = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def cell(
    index: int,
    *,
    at_edge: bool = False,
    same_as: tuple[str, int] | None = None,
    better_than: tuple[str, int] | None = None,
) -> FoundCell:
    named, beaten = (None if name is None else CellName(*name) for name in (same_as, better_than))
    return FoundCell(index, (1, 2, 30, 40), (16.0, 22.0), 90.0, at_edge, 0.9, named, beaten)


def test_the_first_view_is_the_best_where_no_other_was_judged(tmp_path):
    """As in a session of a version that judged no second view."""
    with Ledger.open(tmp_path, session="s") as ledger:
        ledger.append([Opened(ledger.epoch, 1, "t", "s", 100, 33.0, "rule", {})])
        a, b, c = (ledger.frames.put(data) for data in (b"aaaa", b"bbbb", b"cccc"))
        for frame, focus, cells in (
            (a, 0.5, (cell(0), cell(1))),
            (b, 0.9, (cell(0, same_as=(a, 1)), cell(1, at_edge=True))),
            (c, 0.7, (cell(0, same_as=(a, 1)), cell(1))),
        ):
            place = Placement("placed" if frame != a else "first", 0, 1.0, 2.0, 0.0, 1.0, () if frame == a else (a,))
            ledger.append([Seen(frame, "f.jpg", 4, 1, None, None, True, "folder")])
            ledger.append([Found(frame, 640, 480, 0.07, "configured", None, focus, cells, place)])
    with LedgerReader.read(tmp_path) as reader:
        views = views_by_cell(reader)
        rows = {(row["frame"], row["index"]): row for row in cell_rows(reader)}
    assert {key: (len(seen.all), seen.best) for key, seen in views.items()} == {
        (a, 0): (1, (a, 0)),
        (a, 1): (3, (a, 1)),
        (c, 1): (1, (c, 1)),
    }
    again = rows[c, 0]
    assert (again["state"], again["counted_frame"], again["counted_index"]) == ("seen_again", a, 1)
    assert (again["views"], again["best_frame"], again["best_index"]) == (3, a, 1)
    cut = rows[b, 1]
    assert (cut["state"], cut["views"], cut["best_frame"]) == ("at_edge", None, None)


@pytest.fixture
def judged_again(tmp_path):
    """A blurred view, a better one and the best; none is judged yet."""
    with Ledger.open(tmp_path, session="s") as ledger:
        ledger.append([Opened(ledger.epoch, 1, "t", "s", 100, 33.0, "rule", {})])
        a, b, c = (ledger.frames.put(data) for data in (b"aaaa", b"bbbb", b"cccc"))
        for frame, cells in (
            (a, (cell(0),)),
            (b, (cell(0, same_as=(a, 0), better_than=(a, 0)),)),
            (c, (cell(0, same_as=(a, 0), better_than=(b, 0)),)),
        ):
            ledger.append([Seen(frame, f"{frame[0]}.jpg", 4, 1, None, None, True, "folder")])
            ledger.append([Found(frame, 640, 480, 0.07, "configured", None, 0.5, cells)])
        yield ledger, (a, b, c)


def verdict(frame: str, cls: ClassName, before: Counted | None = None) -> Counted:
    replaced = None if before is None else Replaced(before.frame, before.index, before.cls, before.verdict)
    return Counted(frame, 0, cls, "confirmed", SIX, SIX, 0.1, "w", {"sharpness": 0.3}, replaced)


def test_a_verdict_replaces_the_one_on_the_view_before_it(judged_again):
    ledger, (a, b, c) = judged_again
    first = verdict(a, "band")
    second = verdict(b, "segmented", first)
    for too_soon in (second, verdict(b, "segmented"), verdict(c, "segmented", second)):
        with pytest.raises(LedgerRefused):
            ledger.append([too_soon])
    ledger.append([first])
    for wrong in (verdict(b, "segmented"), verdict(b, "segmented", verdict(a, "monocyte")), verdict(c, "band", first)):
        with pytest.raises(LedgerRefused, match=r"replace|no verdict yet"):
            ledger.append([wrong])
    assert len(ledger.append([second])) == 1
    assert ledger.append([second]) == []
    assert views_by_cell(ledger) == {(a, 0): Views(((a, 0), (b, 0), (c, 0)), (b, 0), 1)}
    ledger.append([verdict(c, "basophil", second)])
    assert views_by_cell(ledger) == {(a, 0): Views(((a, 0), (b, 0), (c, 0)), (c, 0), 2)}
    assert [(row["state"], row["class"]) for row in cell_rows(ledger)] == [
        ("counted", "basophil"),
        ("seen_again", None),
        ("seen_again", None),
    ]
    assert ledger.pending_frames() == []
    assert list(verify(ledger, hash_frames=False)) == []


def test_no_view_is_beaten_twice_and_none_of_another_cell(judged_again):
    ledger, (a, b, c) = judged_again
    d = ledger.frames.put(b"dddd")
    ledger.append([Seen(d, "d.jpg", 4, 1, None, None, True, "folder")])
    for same_as, beaten in (((a, 0), (a, 0)), ((a, 0), (b, 0)), ((a, 0), (d, 1))):
        cells = (cell(0, same_as=same_as, better_than=beaten),)
        with pytest.raises(LedgerRefused, match="not the best one"):
            ledger.append([Found(d, 640, 480, 0.07, "configured", None, 0.5, cells)])
    better = cell(0, same_as=(b, 0), better_than=(b, 0))
    with pytest.raises(LedgerRefused, match="never counted"):
        ledger.append([Found(d, 640, 480, 0.07, "configured", None, 0.5, (better,))])
    ledger.append([Found(d, 640, 480, 0.07, "configured", None, 0.5, (cell(0, same_as=(a, 0), better_than=(c, 0)),))])


@pytest.mark.parametrize(
    "cells",
    [
        lambda a: (cell(0, better_than=(a, 0)),),
        lambda a: (cell(0, at_edge=True, same_as=(a, 0), better_than=(a, 0)),),
        lambda a: tuple(cell(index, same_as=(a, 0), better_than=(a, 0)) for index in range(2)),
    ],
    ids=["not seen before", "cut", "twice in one frame"],
)
def test_better_views_that_are_none(cells):
    with pytest.raises(ValueError, match="better"):
        Found("bb" * 32, 640, 480, 0.07, "configured", None, 0.5, cells("aa" * 32))


def test_an_earlier_program_is_warned_by_the_form(judged_again):
    ledger, _ = judged_again
    assert ledger.rows("PRAGMA user_version") == [(5,)]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM better WHERE than_frame = '{b}'",
        "UPDATE better SET counted_frame = '{b}' WHERE frame = '{c}'",
        "INSERT INTO better VALUES ('{a}', 0, '{c}', 0, '{a}', 0)",
        "UPDATE cells SET at_edge = 2 WHERE frame = '{c}'",
        "DROP TABLE better",
    ],
)
def test_changed_views_are_noticed(judged_again, tmp_path, statement):
    ledger, (a, b, c) = judged_again
    by_hand = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    by_hand.execute(statement.format(a=a, b=b, c=c))
    by_hand.close()
    assert list(verify(ledger, hash_frames=False))


def test_a_label_belongs_to_the_leukocyte_whichever_view_it_names(judged_again):
    ledger, (a, b, c) = judged_again
    rows = [(2, {"frame": c, "index": "0", "label": "monocyte"})]
    checked = check(rows, ledger, by="A. Reader", labelled_at_ns=9)
    assert checked.labels == (Labelled(a, 0, "monocyte", "A. Reader", 1, 9),)
    twice = check([*rows, (3, {"frame": a, "index": "0", "label": "band"})], ledger, by="x", labelled_at_ns=9)
    assert [bad.what for bad in twice.bad] == ["the same cell as in line 2, with another label"]
    alike = check([*rows, (3, {"frame": a, "index": "0", "label": "monocyte"})], ledger, by="x", labelled_at_ns=9)
    assert (len(alike.labels), alike.unchanged, alike.bad) == (1, 1, ())
    with pytest.raises(LedgerRefused, match="counted in an earlier frame"):
        ledger.append([Labelled(b, 0, "monocyte", "A. Reader", 1, 9)])


def test_the_latest_cells_show_a_leukocyte_once(judged_again):
    _, (a, b, c) = judged_again
    recent = RecentCells(3, pictures=True)
    first = verdict(a, "band")
    recent.add(first)
    recent.add(Counted("ee" * 32, 0, "monocyte", "confirmed", SIX, SIX, 0.1, "w"))
    recent.give(((a, 0),), {(a, 0): b"jpeg"})
    second = verdict(b, "segmented", first)
    recent.add(second)
    assert [(cell.frame, cell.cls, cell.thumbnail) for cell in recent.newest_first()] == [
        (b, "segmented", None),
        ("ee" * 32, "monocyte", None),
    ]
    recent.clear()
    recent.add(verdict(c, "basophil", second))
    assert [cell.frame for cell in recent.newest_first()] == [c]
