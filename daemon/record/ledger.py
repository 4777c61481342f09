"""The ledger: a session's events, in order, for good."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Self

from smearwatch.daemon.atomic_write import make_folder, sync_folder
from smearwatch.daemon.record.chain import genesis, link
from smearwatch.daemon.record.events import Event, Recorded, event_to_bytes
from smearwatch.daemon.record.imported import recorded_name
from smearwatch.daemon.record.lock import LockUnusable, SessionBusy, SessionLock
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import (
    LEDGER_FILE,
    LedgerUnusable,
    connect_to_write,
    make_room_for_moments,
    reported,
)
from smearwatch.daemon.record.writing import admit, derive, key_of

_OF_KNOWN_CELLS = " SELECT frame, cell, ?3 FROM cells WHERE frame = ?1 AND cell = ?2 ON CONFLICT DO NOTHING"
_KEEP_THUMBNAILS = "INSERT INTO thumbnails" + _OF_KNOWN_CELLS
_KEEP_MOMENTS = "INSERT INTO moments" + _OF_KNOWN_CELLS
_ONE_ALONE = "let one program alone write it; everything acknowledged so far is safe"
_NOT_MEANWHILE = "restore sessions while nobody writes them"
_LOCK = "see that the file lock may be made beside it"


class Ledger(LedgerReader):
    """A session's ledger in the hands of its one writer; made by `Ledger.open`.

    `Ledger.read` gives a `LedgerReader` to everybody else.
    """

    def __init__(
        self, folder: Path, connection: sqlite3.Connection, lock: SessionLock, clock_ns: Callable[[], int]
    ) -> None:
        super().__init__(folder, connection)
        self._lock = lock
        self._file = os.stat(self.path)
        self._clock_ns = clock_ns
        number, epoch, chain = self._last()
        self._tail: tuple[int, bytes] = (number, chain)
        self._epoch = int(epoch) + 1

    @classmethod
    def open(cls, folder: Path, *, session: str | None = None, clock_ns: Callable[[], int] = time.time_ns) -> Self:
        """Open a session for writing, make it where there is none, and begin a new epoch.

        Parameters
        ----------
        folder : Path
            The session's folder.
        session : str, optional
            Its name; the folder's unless given, or where it was imported that of the session which it is a copy of.
        clock_ns : callable
            Nanoseconds since 1970, for ``recorded_at_ns``.

        Raises
        ------
        SessionBusy
            Another process is writing it.
        LedgerUnusable
            What is there is not this session's ledger, is damaged, or cannot be written.
        """
        path = folder / LEDGER_FILE
        try:
            make_folder(folder)
            lock = SessionLock(folder)
        except OSError as error:
            hint = "choose a state folder that this user may write in"
            raise LedgerUnusable(path, error.strerror or str(error), hint) from error
        try:
            connection = connect_to_write(path, session or recorded_name(folder))
            try:
                ledger = cls(folder, connection, lock, clock_ns)
                ledger.frames.clear_incoming()
                sync_folder(folder)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            lock.release()
            raise
        return ledger

    def close(self) -> None:
        """Close the file and let the session go. Doing it twice is harmless."""
        super().close()
        self._lock.release()

    def hold_on(self) -> bool:
        """Take the session's lock again where its file was removed or replaced; returns whether it was.

        While the session's folder is away, nothing is looked for.

        Raises
        ------
        LedgerUnusable
            Another process has taken it meanwhile or has written, or another file is in the ledger's place.
        """
        with reported(self.path):
            self._see_that_it_is_ours()
        if self.frames.is_away:
            return False
        try:
            return self._lock.hold_on()
        except SessionBusy as error:
            raise LedgerUnusable(self.path, f"the file lock was removed or replaced, and {error}", _ONE_ALONE) from None
        except (LockUnusable, OSError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise LedgerUnusable(self.path, f"its lock cannot be taken again: {why}", _LOCK, may_pass=True) from error

    @property
    def epoch(self) -> int:
        """Which start of the writer this is, counted from 1."""
        return self._epoch

    def begin_epoch(self) -> None:
        """Begin a new epoch, as another start would: what is opened next holds from there on."""
        self._epoch += 1

    def append(
        self,
        events: Iterable[Event],
        thumbnails: Mapping[tuple[str, int], bytes] = MappingProxyType({}),
        moments: Mapping[tuple[str, int], bytes] = MappingProxyType({}),
    ) -> list[Recorded]:
        """Write events in one transaction; when this returns they survive a loss of power.

        Parameters
        ----------
        events : iterable of Event
            In the order they are to have.
        thumbnails : mapping, optional
            Small JPEG pictures by frame and index of cells that are found by then, written in the same transaction;
            the chain has their digests, where what was found names them (`Found.with_thumbnails`). The first picture
            of a cell stays; that of a cell which the ledger does not know is passed over.
        moments : mapping, optional
            In the same way, what counted cells show of the networks' first stages.

        Returns
        -------
        list of Recorded
            Those that were new, with their numbers. An event whose key (`writing.key_of`) is there already changes
            nothing and is not among them.

        Raises
        ------
        LedgerRefused
            An event contradicts the ledger. Nothing of the batch is written; the exception names the event.
        LedgerUnusable
            The disk is full or failing. Nothing of the batch is written.
        """
        recorded_at_ns = self._clock_ns()
        new: list[Recorded] = []
        tail = self._tail
        with self._transaction():
            self._see_that_it_is_ours()
            for event in events:
                if (recorded := self._write(event, tail, recorded_at_ns)) is not None:
                    tail = (recorded.number, bytes.fromhex(recorded.chain))
                    new.append(recorded)
            self._keep(_KEEP_THUMBNAILS, thumbnails)
            if moments:
                make_room_for_moments(self._connection)
                self._keep(_KEEP_MOMENTS, moments)
        self._tail = tail
        return new

    def _see_that_it_is_ours(self) -> None:
        """See that nobody else has written, and that what is written now is found again; locks may be lost."""
        number, _, chain = self._last()
        if (number, chain) != self._tail:
            raise LedgerUnusable(self.path, "another process has written to it", _ONE_ALONE)
        if self.frames.is_away:  # with all that is in it, and may come back
            return
        try:
            is_same = os.path.samestat(os.stat(self.path), self._file)
        except OSError as error:
            why = f"it is away: {error.strerror}"
            raise LedgerUnusable(self.path, why, "bring it back to where it was", may_pass=True) from error
        if not is_same:
            raise LedgerUnusable(self.path, "another file was put in its place", _NOT_MEANWHILE)

    def _last(self) -> tuple[int, int, bytes]:
        """Return number, epoch and chain of the last entry."""
        rows = self.rows("SELECT number, epoch, chain FROM events ORDER BY number DESC LIMIT 1")
        return rows[0] if rows else (0, 0, genesis(self.session))

    def _keep(self, into: str, blobs: Mapping[tuple[str, int], bytes]) -> None:
        self._connection.executemany(
            into,
            [(frame, index, blob) for (frame, index), blob in blobs.items()],
        )

    def _write(self, event: Event, tail: tuple[int, bytes], recorded_at_ns: int) -> Recorded | None:
        key = key_of(event)
        if self._connection.execute("SELECT 1 FROM events WHERE key = ?", (key,)).fetchone():
            return None
        admit(self._connection, event, session=self.session, epoch=self._epoch)
        number, body = tail[0] + 1, event_to_bytes(event)
        chain = link(tail[1], number, self._epoch, recorded_at_ns, event.kind, body)
        self._connection.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, self._epoch, recorded_at_ns, event.kind, key, body.decode("utf-8"), chain),
        )
        derive(self._connection, number, event)
        return Recorded(number, self._epoch, recorded_at_ns, event, chain.hex())

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with reported(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
