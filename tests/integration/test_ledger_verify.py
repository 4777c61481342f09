"""A recorded session is changed behind the ledger's back, and the check names the place."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from smearwatch.daemon.record.chain import link
from smearwatch.daemon.record.events import Counted, Found, FoundCell, Labelled, Opened, Rejected, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.verifying import Fault, verify

pytestmark = pytest.mark.integration

SIX = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def folder(tmp_path):
    """Record three frames: number 2 seen, 3 found, 4 counted; 5 seen, 6 rejected; 7 seen."""
    with Ledger.open(tmp_path / "monday", clock_ns=lambda: 5) as ledger:
        one, two, three = (ledger.frames.put(f"frame {n}".encode()) for n in range(3))
        seen = [Seen(f, f"{n}.jpg", 7, 0, None, None, True, "folder") for n, f in enumerate([one, two, three])]
        cells = (FoundCell(0, (0, 0, 5, 5), (2.0, 2.0), 90.0, False, 1.0),)
        ledger.append(
            [
                Opened(1, 5, "0", "monday", None, 33.0, "filament", {}),
                seen[0],
                Found(one, 10, 10, 0.1, "configured", None, 0.5, cells),
                Counted(one, 0, "band", "confirmed", SIX, SIX, 0.1, "w"),
                seen[1],
                Rejected(two, "dark", "", None),
                seen[2],
            ]
        )
    return tmp_path / "monday"


def faults_of(folder: Path, **how: Any) -> list[Fault]:
    with Ledger.read(folder) as ledger:
        return list(verify(ledger, **how))


def tamper(folder: Path, *statements: str) -> None:
    by_hand = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
    for (trigger,) in by_hand.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        by_hand.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        by_hand.execute(statement)
    by_hand.close()


def test_a_sound_session_has_no_fault_and_every_event_is_checked(folder):
    checked: list[int] = []
    assert faults_of(folder, progress=checked.append) == []
    assert checked == list(range(1, 8))


def test_labels_are_checked_like_everything_else(folder):
    with Ledger.open(folder) as ledger:
        (one,) = {recorded.event.frame for recorded in ledger.events() if isinstance(recorded.event, Found)}
        ledger.append([Labelled(one, 0, "smudge", "reader", 1, 5)])
    assert faults_of(folder) == []
    tamper(folder, "PRAGMA foreign_keys = OFF", "UPDATE cells SET at_edge = 1")
    assert "event 8 labels a cell that was not found whole" in {fault.what for fault in faults_of(folder)}


@pytest.mark.parametrize(
    ("statement", "number", "what"),
    [
        ("UPDATE events SET body = replace(body, 'band', 'monocyte') WHERE number = 4", 4, "chain is broken"),
        ("UPDATE events SET body = body || ' ' WHERE number = 5", 5, "not in its canonical form"),
        ("UPDATE events SET body = '{}' WHERE number = 2", 2, "cannot be read"),
        (
            "UPDATE events SET body = replace(body, '[1.0,', '[1.0,0.0,') WHERE number = 4",
            4,
            "counted.probabilities: 6 numbers expected, one for each class, and 7 given",
        ),
        ("UPDATE events SET recorded_at_ns = 6 WHERE number = 1", 1, "chain is broken"),
        ("UPDATE events SET epoch = 2 WHERE number = 3", 4, "of an earlier run"),
        ("UPDATE events SET kind = 'found' WHERE number = 6", 6, "stored under the wrong key"),
        ("UPDATE events SET key = 'seen:other' WHERE number = 7", 7, "stored under the wrong key"),
        ("UPDATE events SET chain = zeroblob(32) WHERE number = 2", 3, "chain is broken"),
        ("DELETE FROM events WHERE number = 5", 5, "event 5 is missing"),
        ("DELETE FROM events WHERE number = 1", 1, "event 1 is missing"),
        ("UPDATE cells SET counted_number = NULL", 4, "tables derived"),
        ("UPDATE cells SET at_edge = 1", 3, "tables derived"),
        ("UPDATE frames SET outcome_number = NULL WHERE outcome_number = 6", 6, "tables derived"),
        ("UPDATE frames SET um_per_px_estimate = 0.3 WHERE outcome_number = 3", 3, "tables derived"),
        ("UPDATE frames SET waiting = 3 WHERE waiting = 0", None, "do not agree"),
        ("INSERT INTO frames (frame, seen_number) VALUES ('ff', 1)", None, "do not agree"),
    ],
)
def test_what_was_changed_is_named(folder, statement, number, what):
    tamper(folder, "PRAGMA foreign_keys = OFF", statement)
    faults = faults_of(folder)
    assert any(fault.number == number and what in fault.what for fault in faults), faults


def test_a_forged_event_with_a_fitting_hash_breaks_the_next_link(folder):
    with Ledger.read(folder) as ledger:
        (before,) = ledger.rows("SELECT chain FROM events WHERE number = 3")
        ((body,),) = ledger.rows("SELECT body FROM events WHERE number = 4")
    forged = body.replace("band", "monocyte")
    chain = link(before[0], 4, 1, 5, "counted", forged.encode())
    tamper(folder, f"UPDATE events SET body = '{forged}', chain = x'{chain.hex()}' WHERE number = 4")
    assert [(fault.number, fault.what) for fault in faults_of(folder)] == [(5, "the chain is broken at event 5")]


def test_changed_and_missing_frames_are_named(folder):
    with Ledger.read(folder) as ledger:
        first, second, _ = (frame for (frame,) in ledger.rows("SELECT frame FROM frames ORDER BY seen_number"))
        ledger.frames.path(first).chmod(0o644)
        ledger.frames.path(first).write_bytes(b"frame x")
        ledger.frames.path(second).unlink()
    faults = faults_of(folder)
    assert [(fault.number, fault.frame) for fault in faults] == [(2, first), (5, second)]
    assert "have changed" in faults[0].what
    assert "0.jpg" in faults[0].what
    assert "are missing" in faults[1].what
    assert faults_of(folder, hash_frames=False) == []


def test_pages_of_the_file_overwritten(folder):
    """Damage in the middle of the file is a fault that is told, not an exception."""
    path = folder / "ledger.sqlite"
    content = bytearray(path.read_bytes())
    for at in range(4096 + 2000, len(content), 4096):
        content[at : at + 1500] = b"\xa5" * 1500
    path.write_bytes(content)
    faults = faults_of(folder)
    assert faults
    assert any("damaged" in fault.what or "cannot be read" in fault.what for fault in faults)


def test_a_file_whose_texts_are_none_or_that_says_not_whose_it_is_is_one_line(folder):
    path = folder / "ledger.sqlite"
    sound = path.read_bytes()
    path.write_bytes(sound.replace(b"CREATE TRIGGER events_keep_delete", b"CREATE \xffRIGGER events_keep_delete"))
    with pytest.raises(LedgerUnusable, match="a text in it is none"):
        Ledger.read(folder)
    path.write_bytes(sound)
    tamper(folder, "DELETE FROM about")
    with pytest.raises(LedgerUnusable, match="it does not say which session it is of"):
        Ledger.read(folder)


@pytest.mark.parametrize("change", ["epoch = 'x'", "recorded_at_ns = -1", "body = x'00'", "chain = 'x'"])
def test_values_that_no_event_has_are_a_fault_and_one_line(folder, change):
    """Such as a damaged file may hold where SQLite itself would have refused them."""
    tamper(
        folder,
        "CREATE TABLE loose (number INTEGER PRIMARY KEY, epoch, recorded_at_ns, kind, key, body, chain)",
        "INSERT INTO loose SELECT * FROM events",
        "DROP TABLE events",
        "PRAGMA legacy_alter_table = ON",
        "ALTER TABLE loose RENAME TO events",
        f"UPDATE events SET {change} WHERE number = 4",
    )
    assert "the file is damaged: event 4 holds what no event does" in [fault.what for fault in faults_of(folder)]
    with Ledger.read(folder) as ledger, pytest.raises(LedgerUnusable, match="event 4 is damaged"):
        _ = [*ledger.events()]
