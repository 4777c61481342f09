"""A ledger written anew with other words in it: the same entries in the same places, under a chain of its own."""

from collections.abc import Callable, Mapping
from pathlib import Path

from smearwatch.daemon.record.chain import genesis, link
from smearwatch.daemon.record.events import event_from_bytes, event_to_bytes
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LEDGER_FILE, connect_to_write, make_room_for_moments, reported
from smearwatch.daemon.record.writing import derive, key_of

_PAGE = 500


def rebuild(
    ledger: LedgerReader, folder: Path, session: str, change: Callable[[str], bytes], frames: Mapping[str, str]
) -> None:
    """Write a session's ledger anew.

    Parameters
    ----------
    ledger
        The session as it is.
    folder
        Where the new ledger is made.
    session
        What the new one is of.
    change
        Returns an entry's new body for its old one.
    frames
        What frames are called in the new one, where that is another name.

    Raises
    ------
    LedgerUnusable
        It cannot be read or written.
    """
    path = folder / LEDGER_FILE
    connection = connect_to_write(path, session)
    try:
        with reported(path):
            connection.execute("BEGIN IMMEDIATE")
            chain, after = genesis(session), 0
            while rows := ledger.rows(
                "SELECT number, epoch, recorded_at_ns, body FROM events WHERE number > ? ORDER BY number LIMIT ?",
                after,
                _PAGE,
            ):
                for number, epoch, recorded_at_ns, before in rows:
                    event = event_from_bytes(change(before))
                    body = event_to_bytes(event)
                    chain = link(chain, number, epoch, recorded_at_ns, event.kind, body)
                    connection.execute(
                        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
                        (number, epoch, recorded_at_ns, event.kind, key_of(event), body.decode("utf-8"), chain),
                    )
                    derive(connection, number, event)
                after = rows[-1][0]
            _copy(ledger, connection.execute, "thumbnails", "jpeg", frames)
            if ledger.rows("SELECT 1 FROM sqlite_master WHERE name = 'moments'"):
                make_room_for_moments(connection)
                _copy(ledger, connection.execute, "moments", "half", frames)
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode = DELETE")
    finally:
        connection.close()


def _copy(ledger: LedgerReader, write: Callable[..., object], table: str, blob: str, frames: Mapping[str, str]) -> None:
    """Copy what is kept beside the cells, one after the other."""
    for frame, cell in ledger.rows(f"SELECT frame, cell FROM {table} ORDER BY frame, cell"):  # noqa: S608 - our own names
        ((kept,),) = ledger.rows(f"SELECT {blob} FROM {table} WHERE frame = ? AND cell = ?", frame, cell)  # noqa: S608
        write(f"INSERT INTO {table} VALUES (?, ?, ?)", (frames.get(frame, frame), cell, kept))  # noqa: S608
