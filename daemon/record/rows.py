"""A ledger's rows, page by page, and the events in them: what every question to a ledger goes through."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from pydantic import ValidationError

from smearwatch.daemon.record.events import (
    Analysed,
    Closed,
    Counted,
    Described,
    Event,
    EventInvalid,
    Found,
    Labelled,
    Opened,
    Recorded,
    Rejected,
    Seen,
    Tallied,
    event_from_bytes,
)
from smearwatch.daemon.record.frame_store import FrameStore
from smearwatch.daemon.record.schema import LEDGER_FILE, RESTORE, LedgerUnusable, reported, session_of

PAGE: Final = 500
"""How many rows are read at once."""

Kind = TypeVar("Kind", Analysed, Closed, Tallied, Seen, Found, Rejected, Counted, Labelled, Described, Opened)


class LedgerRows:
    """An open ledger. Every method raises `LedgerUnusable` where the file is damaged or the disk fails.

    Parameters
    ----------
    folder : Path
        The session's folder.
    connection : sqlite3.Connection
        Open on the ledger in that folder; the reader closes it.

    Attributes
    ----------
    frames : FrameStore
        The frames beside the ledger.
    session : str
        The session's name, as it was first opened.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self.path = folder / LEDGER_FILE
        self.frames = FrameStore(folder / "frames")
        self._connection = connection
        with reported(self.path):
            self.session = session_of(connection)

    def close(self) -> None:
        """Close the file. Doing it twice is harmless."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """Read the ledger as it is now, whatever is written meanwhile."""
        self.rows("BEGIN")
        try:
            yield
        finally:
            self.rows("COMMIT")

    def rows(self, statement: str, *values: str | int) -> list[Any]:
        """Ask the ledger's tables (`schema`) directly."""
        with reported(self.path):
            return self._connection.execute(statement, values).fetchall()

    def _pages(self, statement: str, after: int, limit: int | None) -> Iterator[Recorded]:
        while limit is None or limit > 0:
            size = PAGE if limit is None else min(PAGE, limit)
            rows = self.rows(statement, after, size)
            for number, epoch, recorded_at_ns, body, chain in rows:
                yield self._recorded(number, epoch, recorded_at_ns, body, chain)
            if len(rows) < size:
                return
            after = rows[-1][0]
            limit = None if limit is None else limit - size

    def _recorded(self, number: int, epoch: int, recorded_at_ns: int, body: str, chain: bytes) -> Recorded:
        event = self._event(number, body)
        try:
            return Recorded(number, epoch, recorded_at_ns, event, chain.hex())
        except (AttributeError, ValidationError) as error:
            raise LedgerUnusable(self.path, f"event {number} is damaged", RESTORE) from error

    def _by_key(self, key: str, kind: type[Kind]) -> Kind | None:
        rows = self.rows("SELECT number, body FROM events WHERE key = ? AND kind = ?", key, kind.__name__.lower())
        return self._event(rows[0][0], rows[0][1], kind) if rows else None

    def _event(self, number: int, body: str, kind: type[Kind] | None = None) -> Any:
        try:
            event: Event = event_from_bytes(body)
        except EventInvalid as error:
            raise LedgerUnusable(self.path, f"event {number} is damaged", RESTORE) from error
        if kind is not None and not isinstance(event, kind):
            raise LedgerUnusable(self.path, f"event {number} is damaged", RESTORE)
        return event
