"""The rules by which an event enters the ledger: its key, whether it may, and what follows from it."""

import sqlite3
from typing import assert_never

from smearwatch.daemon.record.events import Closed, Counted, Event, Found, Labelled, Opened, Rejected, Seen
from smearwatch.daemon.record.schema import VERSION


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
    elif isinstance(event, Counted | Labelled):
        at_edge = connection.execute(
            "SELECT at_edge FROM cells WHERE frame = ? AND cell = ?", (event.frame, event.index)
        ).fetchone()
        if at_edge is None:
            raise LedgerRefused(event, "no such cell was found")
        if at_edge[0]:
            raise LedgerRefused(event, "that cell is cut by the edge of its frame")
        if isinstance(event, Labelled) and not _follows(connection, event):
            raise LedgerRefused(event, f"that cell has no label number {event.ordinal - 1} before it")


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
            whole = sum(not cell.at_edge for cell in event.cells)
            connection.execute(
                "UPDATE frames SET outcome_number = ?, waiting = ?, um_per_px_estimate = ? WHERE frame = ?",
                (number, whole, event.um_per_px_estimate, event.frame),
            )
            connection.executemany(
                "INSERT INTO cells (frame, cell, at_edge) VALUES (?, ?, ?)",
                [(event.frame, cell.index, int(cell.at_edge)) for cell in event.cells],
            )
        case Counted():
            connection.execute(
                "UPDATE cells SET counted_number = ? WHERE frame = ? AND cell = ?", (number, event.frame, event.index)
            )
            connection.execute("UPDATE frames SET waiting = waiting - 1 WHERE frame = ?", (event.frame,))
        case Labelled():
            # Labels are found by their keys; a program that does not know them is to say so, not to call it damage.
            connection.execute(f"PRAGMA user_version = {VERSION}")
        case Opened() | Closed():
            pass
        case _:
            assert_never(event)
