import dataclasses
import hashlib
import os
import sqlite3

import pytest

from smearwatch.daemon.record.chain import genesis, link
from smearwatch.daemon.record.events import (
    ClassName,
    Closed,
    Counted,
    Found,
    FoundCell,
    Labelled,
    LabelName,
    Opened,
    Rejected,
    Seen,
    event_to_bytes,
)
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.lock import SessionBusy
from smearwatch.daemon.record.placement import CellName, Placement
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.verifying import verify
from smearwatch.daemon.record.writing import LedgerRefused

pytestmark = pytest.mark.integration

SIX = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def frame(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def seen(number: int) -> Seen:
    return Seen(frame(number), f"{number}.jpg", 10, number, None, None, False, "folder")


def found(number: int, *at_edge: bool, estimate: float | None = None) -> Found:
    cells = tuple(FoundCell(i, (i, 0, 5, 5), (i + 2.5, 2.5), 100.0, edge, 0.9) for i, edge in enumerate(at_edge))
    return Found(frame(number), 100, 100, 0.1, "configured", estimate, 0.8, cells)


def counted(number: int, index: int, cls: ClassName = "band") -> Counted:
    return Counted(frame(number), index, cls, "confirmed", SIX, SIX, 0.1, "w")


def labelled(number: int, index: int, label: LabelName = "band", ordinal: int = 1) -> Labelled:
    return Labelled(frame(number), index, label, "reader", ordinal, 9)


def again(number: int, of: int, index: int = 0) -> Found:
    """A frame whose one cell was seen before."""
    cell = FoundCell(0, (0, 0, 5, 5), (2.5, 2.5), 100.0, False, 0.9, CellName(frame(of), index))
    place = Placement("placed", 0, 10.0, 20.0, 1.5, 1.01, (frame(of),))
    return Found(frame(number), 100, 100, 0.1, "configured", None, 0.8, (cell,), place)


def rejected(number: int) -> Rejected:
    return Rejected(frame(number), "dark", "", 0.1)


def opened(epoch: int, session: str = "monday") -> Opened:
    return Opened(epoch, 1, "0.1.0", session, 100, 33.0, "filament", {})


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "monday"


@pytest.fixture
def ledger(folder):
    with Ledger.open(folder, clock_ns=lambda: 42) as opened_ledger:
        yield opened_ledger


def test_what_is_appended_is_read_in_order(ledger, folder):
    events = [opened(1), seen(1), found(1, False), counted(1, 0), Closed(1, True, {}, {})]
    recorded = ledger.append(events)
    assert [(r.number, r.epoch, r.recorded_at_ns, r.event) for r in recorded] == [
        (n, 1, 42, event) for n, event in enumerate(events, 1)
    ]
    with Ledger.read(folder) as reader:
        assert list(reader.events()) == list(ledger.events()) == recorded
        assert list(reader.events(after=2, limit=2)) == recorded[2:4]
        assert list(reader.events(after=5)) == []
        assert (reader.last_number, reader.epoch, reader.session) == (5, 1, "monday")


def test_the_chain_is_what_it_is_said_to_be(ledger):
    first, second = ledger.append([opened(1), seen(1)])
    chain = link(genesis("monday"), 1, 1, 42, "opened", event_to_bytes(first.event))
    assert first.chain == chain.hex()
    assert second.chain == link(chain, 2, 1, 42, "seen", event_to_bytes(second.event)).hex()


@pytest.mark.parametrize(
    ("before", "first", "again"),
    [
        ([], opened(1), dataclasses.replace(opened(1), started_at_ns=9)),
        ([], seen(1), dataclasses.replace(seen(1), name="copy.jpg")),
        ([seen(1)], found(1, False), found(1, False, False)),
        ([seen(1)], found(1, False), rejected(1)),
        ([seen(1)], rejected(1), found(1, False)),
        ([seen(1), found(1, False)], counted(1, 0), counted(1, 0, "monocyte")),
        ([seen(1), found(1, False)], labelled(1, 0), labelled(1, 0, "monocyte")),
    ],
)
def test_writing_twice_changes_nothing(ledger, before, first, again):
    ledger.append(before)
    assert [r.event for r in ledger.append([first, again])] == [first]
    written = list(ledger.events())
    assert ledger.append([again, first]) == []
    assert list(ledger.events()) == written
    assert list(verify(ledger)) == []


@pytest.mark.parametrize(
    ("before", "refused", "why"),
    [
        ([], found(1), "never seen"),
        ([], rejected(1), "never seen"),
        ([seen(1)], counted(1, 0), "no such cell"),
        ([seen(1), found(1, False)], counted(1, 1), "no such cell"),
        ([seen(1), rejected(1)], counted(1, 0), "no such cell"),
        ([seen(1), found(1, True)], counted(1, 0), "cut by the edge"),
        ([seen(1)], labelled(1, 0), "no such cell"),
        ([seen(1), found(1, True)], labelled(1, 0), "cut by the edge"),
        ([seen(1), found(1, False), seen(2), again(2, 1)], counted(2, 0), "counted in an earlier frame"),
        ([seen(1), found(1, False), seen(2), again(2, 1)], labelled(2, 0), "counted in an earlier frame"),
        ([seen(1), found(1, True), seen(2)], again(2, 1), "never counted"),
        ([seen(1), found(1, False), seen(2)], again(2, 1, index=1), "never counted"),
        ([seen(1), seen(2)], again(2, 1), "never counted"),
        ([seen(1), found(1, False), seen(2), again(2, 1), seen(3)], again(3, 2), "never counted"),
        ([seen(1), found(1, False)], labelled(1, 0, ordinal=2), "no label number 1 before it"),
        ([], opened(2), "the epoch is 1"),
        ([], Closed(3, True, {}, {}), "the epoch is 1"),
        ([], opened(1, "tuesday"), "this is the session 'monday'"),
    ],
)
def test_a_contradiction_is_refused_with_its_whole_batch(ledger, before, refused, why):
    ledger.append(before)
    last = ledger.last_number
    with pytest.raises(LedgerRefused, match=why) as caught:
        ledger.append([seen(7), refused, seen(8)])
    assert caught.value.event is refused
    assert caught.value.hint
    assert ledger.last_number == last
    assert not ledger.has_seen(frame(7))
    assert [r.number for r in ledger.append([seen(7), seen(8)])] == [last + 1, last + 2]
    assert list(verify(ledger)) == []


def test_epochs_go_on_and_numbers_are_never_used_again(folder):
    for epoch in (1, 2, 3):
        with Ledger.open(folder) as ledger:
            assert ledger.epoch == epoch
            (recorded,) = ledger.append([opened(epoch)])
            assert (recorded.number, recorded.epoch) == (epoch, epoch)
    with Ledger.read(folder) as reader:
        assert [r.epoch for r in reader.events()] == [1, 2, 3]


def test_there_is_one_writer(folder):
    with Ledger.open(folder), pytest.raises(SessionBusy, match=r"session monday is being written by process \d+"):
        Ledger.open(folder)
    Ledger.open(folder).close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET body = '{}' WHERE number = 1",
        "UPDATE events SET number = 9 WHERE number = 2",
        "DELETE FROM events WHERE number = 2",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT 2, epoch, 0, kind, key, body, chain FROM events WHERE number = 2",
        "INSERT OR REPLACE INTO events SELECT 3, epoch, 0, kind, key, body, chain FROM events WHERE number = 2",
        "INSERT INTO events SELECT 4, epoch, 0, kind, 'x', body, chain FROM events WHERE number = 2",
    ],
)
def test_the_file_itself_is_append_only(ledger, statement):
    ledger.append([opened(1), seen(1)])
    with sqlite3.connect(ledger.path) as by_hand, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        by_hand.execute(statement)
    by_hand.close()
    assert list(verify(ledger)) == []


def test_pending_frames_come_in_the_order_of_seeing(ledger):
    ledger.append([seen(n) for n in range(6)])
    ledger.append([rejected(0), found(3, False), found(1, False, True, False), found(2), found(5, True)])
    ledger.append([counted(1, 0), counted(3, 0)])
    pending = ledger.pending_frames()
    assert [(p.seen, p.found) for p in pending] == [(seen(1), True), (seen(4), False)]
    assert ledger.pending_frames(limit=1) == pending[:1]
    assert ledger.pending_frames(after=pending[0].number) == pending[1:]
    assert ledger.counted_indices(frame(1)) == {0}
    ledger.append([counted(1, 2), rejected(4)])
    assert ledger.pending_frames() == []


def test_what_is_known_of_a_frame(ledger):
    ledger.append([seen(1), found(1, False, True), counted(1, 0), seen(2), rejected(2), seen(3)])
    assert ledger.seen(frame(1)) == seen(1)
    assert ledger.found(frame(1)) == found(1, False, True)
    assert ledger.counted(frame(1)) == [counted(1, 0)]
    assert ledger.found(frame(2)) is ledger.found(frame(3)) is ledger.seen(frame(4)) is None
    assert ledger.counted(frame(2)) == []
    assert [r.event for r in ledger.seen_frames()] == [seen(1), seen(2), seen(3)]
    assert (ledger.has_seen(frame(3)), ledger.has_seen(frame(4))) == (True, False)
    summary = ledger.summary()
    assert (summary.frames, summary.pending, summary.cells, summary.cells_counted) == (3, 1, 2, 1)


def test_pictures_of_cells(ledger):
    ledger.append([seen(1), found(1, False, True)])
    ledger.append([], {(frame(1), 0): b"first", (frame(1), 1): b"edge", (frame(1), 7): b"no such cell"})
    ledger.append([], {(frame(1), 0): b"second"})
    ledger.append([], {(frame(2), 0): b"no such frame"})
    assert [ledger.thumbnail(frame(1), index) for index in (0, 1, 7)] == [b"first", b"edge", None]


def test_more_events_than_a_page(ledger):
    ledger.append(seen(n) for n in range(1203))
    assert [r.number for r in ledger.events(after=3)] == list(range(4, 1204))
    assert [r.number for r in ledger.events(after=100, limit=1000)] == list(range(101, 1101))
    assert len(list(ledger.seen_frames())) == 1203


def test_a_reader_sees_what_is_written_meanwhile(ledger, folder):
    ledger.append([seen(1)])
    with Ledger.read(folder) as reader:
        ledger.append([seen(2)])
        assert reader.last_number == 2
        assert not hasattr(reader, "append")


def test_a_session_on_a_disk_that_only_reads(folder, monkeypatch):
    with Ledger.open(folder) as ledger:
        ledger.append([seen(1)])
    monkeypatch.setattr(os, "access", lambda *_: False)
    with Ledger.read(folder) as reader:
        assert [r.event for r in reader.events()] == [seen(1)]
        assert sorted(path.name for path in folder.iterdir()) == ["ledger.sqlite", "lock"]


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough for a header" * 40, b"{}", b"SQLite format 3\0"]
)
@pytest.mark.parametrize("how", ["open", "read"])
def test_a_file_that_is_no_ledger(folder, content, how):
    folder.mkdir()
    (folder / "ledger.sqlite").write_bytes(content)
    with pytest.raises(LedgerUnusable) as caught:
        getattr(Ledger, how)(folder)
    assert str(folder / "ledger.sqlite") in str(caught.value)
    assert "\n" not in f"{caught.value} {caught.value.hint}"
    assert (folder / "ledger.sqlite").read_bytes() == content


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("PRAGMA application_id = 7", "not a ledger"),
        ("PRAGMA user_version = 99", "written in form 99"),
    ],
)
@pytest.mark.parametrize("how", ["open", "read"])
def test_somebody_elses_database(folder, statement, what, how):
    Ledger.open(folder).close()
    by_hand = sqlite3.connect(folder / "ledger.sqlite")
    by_hand.execute(statement)
    by_hand.close()
    with pytest.raises(LedgerUnusable, match=what):
        getattr(Ledger, how)(folder)


def test_another_sessions_ledger(folder):
    Ledger.open(folder).close()
    with pytest.raises(LedgerUnusable, match="holds the session 'monday', not 'tuesday'"):
        Ledger.open(folder, session="tuesday")


def test_no_ledger_and_a_blank_one(folder):
    with pytest.raises(LedgerUnusable, match="no ledger there"):
        Ledger.read(folder)
    folder.mkdir()
    (folder / "ledger.sqlite").touch()
    with pytest.raises(LedgerUnusable, match="empty"):
        Ledger.read(folder)
    with Ledger.open(folder) as ledger:
        assert ledger.last_number == 0


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LedgerUnusable, match="File exists") as caught:
        Ledger.open(tmp_path / "file" / "monday")
    assert caught.value.hint


def test_a_full_disk_loses_nothing_that_was_acknowledged(ledger):
    """SQLite's own limit on the file's size stands for the disk: the same error, from the same place."""
    ledger.append([opened(1)])
    ledger.rows("PRAGMA max_page_count = 30")
    kept = 0
    with pytest.raises(LedgerUnusable, match="full") as caught:  # noqa: PT012  # some of these succeed
        for start in range(0, 10_000, 20):
            kept += len(ledger.append([seen(n) for n in range(start, start + 20)]))
    assert "free space" in caught.value.hint
    assert ledger.last_number == kept + 1 == len(list(ledger.events()))
    ledger.rows("PRAGMA max_page_count = 100000")
    assert ledger.append([seen(20_000)])[0].number == kept + 2
    assert list(verify(ledger)) == []


def test_a_cell_seen_before_waits_for_nothing(ledger, folder):
    ledger.append([opened(1), seen(1), found(1, False), counted(1, 0), seen(2)])
    assert [pending.seen.frame for pending in ledger.pending_frames(after=0, limit=9)] == [frame(2)]
    ledger.append([again(2, 1)])
    assert list(ledger.pending_frames(after=0, limit=9)) == []
    with Ledger.read(folder) as reader:
        assert list(verify(reader)) == []
        placed = reader.found(frame(2))
    assert placed == again(2, 1)


def test_what_has_no_place_is_spelt_as_before():
    spelt = event_to_bytes(found(1, False)).decode()
    assert "placement" not in spelt
    assert "same_as" not in spelt
    assert '"same_as":{"frame"' in event_to_bytes(again(2, 1)).decode()


def test_a_program_that_knows_no_places_is_warned_by_the_form(ledger, folder):
    ledger.append([opened(1), seen(1), found(1, False), seen(2)])
    with sqlite3.connect(folder / "ledger.sqlite") as by_hand:
        assert by_hand.execute("PRAGMA user_version").fetchone() == (1,)
    ledger.append([again(2, 1)])
    with sqlite3.connect(folder / "ledger.sqlite") as by_hand:
        assert by_hand.execute("PRAGMA user_version").fetchone() == (3,)
    by_hand.close()
    ledger.append([labelled(1, 0)])
    with sqlite3.connect(folder / "ledger.sqlite") as by_hand:
        assert by_hand.execute("PRAGMA user_version").fetchone() == (3,)
    by_hand.close()
