"""The rules by which an event enters the ledger: its key, whether it may, and what follows from it."""

import sqlite3
from typing import assert_never

from smearwatch.daemon.record.events import (
    COUNTS,
    CUT,
    Closed,
    Counted,
    Event,
    Found,
    Labelled,
    Opened,
    Ranged,
    Rejected,
    Seen,
)
from smearwatch.daemon.record.schema import LABELS_FORM, LOOKS_FORM, PLACES_FORM


class LedgerRefused(Exception):
    """An event contradicts what the ledger already says; nothing of its batch was written.

    Parameters
    ----------
    event : Event
        The event that was refused. The others of the batch may be appended without it.
    what : str
        The contradiction, in one line.
    """

    def __init__(self, event: Event, what: str) -> None:
        super().__init__(f"{key_of(event)} refused: {what}")
        self.event = event
        self.mend = "record a frame as seen, then its outcome, then each whole cell, then its labels"


def key_of(event: Event) -> str:
    """Give what an event is about. The ledger takes one event of each key; the first stands.

    A frame has one outcome, so found and rejected share a key.
    """
    match event:
        case Opened() | Closed():
            return f"{event.kind}:{event.epoch}"
        case Seen():
            return f"seen:{event.frame}"
        case Found() | Rejected():
            return f"outcome:{event.frame}"
        case Counted():
            return f"counted:{event.frame}:{event.index}"
        case Ranged():
            return f"ranged:{event.weights}"
        case Labelled():
            return f"labelled:{event.frame}:{event.index}:{event.ordinal}"
        case _:
            assert_never(event)


def admit(connection: sqlite3.Connection, event: Event, *, session: str, epoch: int) -> None:
    """Check an event against what the ledger holds.

    Raises
    ------
    LedgerRefused
        It opens or closes another epoch or session, or speaks of a frame or cell that the ledger does not know, or
        counts or labels a cell that is cut by the frame's edge, or leaves out a label's number.
    """
    if isinstance(event, Opened) and event.session != session:
        raise LedgerRefused(event, f"this is the session {session!r}, not {event.session!r}")
    if isinstance(event, Opened | Closed) and event.epoch != epoch:
        raise LedgerRefused(event, f"the epoch is {epoch}")
    if isinstance(event, Found | Rejected):
        if connection.execute("SELECT 1 FROM frames WHERE frame = ?", (event.frame,)).fetchone() is None:
            raise LedgerRefused(event, "that frame was never seen")
        if isinstance(event, Found):
            _admit_repeats(connection, event)
    elif isinstance(event, Counted | Labelled):
        left_out = connection.execute(
            "SELECT at_edge FROM cells WHERE frame = ? AND cell = ?", (event.frame, event.index)
        ).fetchone()
        if left_out is None:
            raise LedgerRefused(event, "no such cell was found")
        if left_out[0] != COUNTS:
            why = "is cut by the edge of its frame" if left_out[0] == CUT else "was counted in an earlier frame"
            raise LedgerRefused(event, f"that cell {why}")
        if isinstance(event, Labelled) and not _follows(connection, event):
            raise LedgerRefused(event, f"that cell has no label number {event.ordinal - 1} before it")


def _admit_repeats(connection: sqlite3.Connection, event: Found) -> None:
    """Check that each cell seen before is a whole one of another frame that stands and is itself counted."""
    for cell in event.cells:
        if cell.same_as is None:
            continue
        before = connection.execute(
            "SELECT at_edge FROM cells WHERE frame = ? AND cell = ?", (cell.same_as.frame, cell.same_as.index)
        ).fetchone()
        if before is None or before[0] != COUNTS:
            raise LedgerRefused(event, f"cell {cell.index} is said to be one that was never counted")


def _follows(connection: sqlite3.Connection, event: Labelled) -> bool:
    if event.ordinal == 1:
        return True
    before = f"labelled:{event.frame}:{event.index}:{event.ordinal - 1}"
    return connection.execute("SELECT 1 FROM events WHERE key = ?", (before,)).fetchone() is not None


def derive(connection: sqlite3.Connection, number: int, event: Event) -> None:
    """Bring the derived tables up to an event that was just written as `number`."""
    match event:
        case Seen():
            connection.execute("INSERT INTO frames (frame, seen_number) VALUES (?, ?)", (event.frame, number))
        case Rejected():
            connection.execute("UPDATE frames SET outcome_number = ? WHERE frame = ?", (number, event.frame))
        case Found():
            whole = sum(cell.left_out == COUNTS for cell in event.cells)
            connection.execute(
                "UPDATE frames SET outcome_number = ?, waiting = ?, um_per_px_estimate = ? WHERE frame = ?",
                (number, whole, event.um_per_px_estimate, event.frame),
            )
            connection.executemany(
                "INSERT INTO cells (frame, cell, at_edge) VALUES (?, ?, ?)",
                [(event.frame, cell.index, cell.left_out) for cell in event.cells],
            )
            if event.placement is not None or any(cell.same_as is not None for cell in event.cells):
                _raise_form(connection, PLACES_FORM)
        case Counted():
            connection.execute(
                "UPDATE cells SET counted_number = ? WHERE frame = ? AND cell = ?", (number, event.frame, event.index)
            )
            connection.execute("UPDATE frames SET waiting = waiting - 1 WHERE frame = ?", (event.frame,))
            if event.look is not None:
                _raise_form(connection, LOOKS_FORM)
        case Labelled():
            # Labels are found by their keys; a program that does not know them is to say so, not to call it damage.
            _raise_form(connection, LABELS_FORM)
        case Ranged():
            _raise_form(connection, LOOKS_FORM)
        case Opened() | Closed():
            pass
        case _:
            assert_never(event)


def _raise_form(connection: sqlite3.Connection, form: int) -> None:
    (now,) = connection.execute("PRAGMA user_version").fetchone()
    if now < form:
        connection.execute(f"PRAGMA user_version = {form}")
