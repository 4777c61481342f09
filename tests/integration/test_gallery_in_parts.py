"""A long session before a reader: read a little at a time, and its cells told in parts, none of them lost or twice."""

import pytest

from smearwatch.clients.reviewing.gallery import Gallery
from smearwatch.daemon.record.events import Labelled
from smearwatch.daemon.record.ledger import Ledger
from tests.unit.clients_script import counted_frames, frame_id, opened

pytestmark = pytest.mark.integration
FRAMES = 150


@pytest.fixture
def folder(tmp_path):
    with Ledger.open(tmp_path / "s") as ledger:
        ledger.append([opened(), *counted_frames(0, FRAMES)])
    return tmp_path / "s"


def label(folder, frame):
    with Ledger.open(folder) as ledger:
        ledger.append([Labelled(frame_id(frame), 0, "monocyte", "A. Reader", 1, 5)])


def test_a_record_that_is_read_in_parts_is_the_one_read_at_once(folder):
    whole, parts = Gallery(folder), Gallery(folder)
    assert whole.refresh() == 100
    percents = [parts.refresh(0.0)]
    while percents[-1] < 100:
        percents.append(parts.refresh(0.0))
    assert percents == sorted(percents)
    assert len(percents) == 5  # 451 events, a look at the clock after each hundred
    assert parts.changes(0) == whole.changes(0)
    assert (parts.tally(), parts.draw()) == (whole.tally(), whole.draw())


def test_cells_come_in_parts_and_each_change_once_more(folder):
    gallery = Gallery(folder)
    gallery.refresh()
    number, first, more = gallery.changes(0, 100)
    assert (len(first), more) == (100, True)
    label(folder, 0)  # one that the reader has been told of, and is told of again
    gallery.refresh()
    number, rest, more = gallery.changes(number, 100)
    assert not more
    assert [row["number"] for row in rest if row["label"]] == [1]
    assert {row["id"] for row in (*first, *rest)} == {f"{frame_id(n)}:0" for n in range(FRAMES)}
    assert len(rest) == FRAMES - 100 + 1
    assert gallery.changes(number, 100) == (number, [], False)


def test_what_is_drawn_next_is_asked_of_the_record_as_it_is_now(folder):
    gallery = Gallery(folder)
    gallery.refresh()
    before = gallery.draw()
    assert gallery.draw() == before
    frame = before["next"][0].partition(":")[0]
    label(folder, next(n for n in range(FRAMES) if frame_id(n) == frame))
    gallery.refresh()
    now = gallery.draw()
    assert (now["left"], now["next"][:99]) == (before["left"] - 1, before["next"][1:])
