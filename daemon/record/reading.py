"""Reading a session's ledger: its events in order, and what can be asked without reading them all."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from smearwatch.daemon.record.classes import WITHDRAWN
from smearwatch.daemon.record.events import (
    BETTER,
    Counted,
    Described,
    Found,
    Labelled,
    Opened,
    Reading,
    Recorded,
    Rejected,
    Replaced,
    Seen,
    Signed,
)
from smearwatch.daemon.record.ledger_summary import LedgerSummary as LedgerSummary
from smearwatch.daemon.record.nucleus import Nucleus
from smearwatch.daemon.record.rows import PAGE, Kind, LedgerRows
from smearwatch.daemon.record.schema import (
    LEDGER_FILE,
    connect_to_read,
    has_better_views,
    has_moments,
    reported,
)
from smearwatch.daemon.record.seal import signature_of

_NEVER: Final = 2**62  # no ledger has so many events

# The last verdict, before event ?1, on the cell that counts (?2, ?3), first or anew, or on a better view of it.
_STANDING: Final = (
    "WITH view (name) AS (SELECT ?2 || ':' || ?3{better}) SELECT number, body FROM events WHERE number < ?1 AND key IN "
    "(SELECT 'counted:' || name FROM view UNION SELECT 'anew:' || name FROM view) ORDER BY number DESC LIMIT 1"
)
_BETTER: Final = " UNION SELECT frame || ':' || cell FROM better WHERE counted_frame = ?2 AND counted_cell = ?3"


@dataclass(frozen=True, slots=True)
class PendingFrame:
    """A frame that still waits: for its outcome, or (where `found`) for the verdicts on its whole cells.

    ``number`` is that of its seen event; give it as ``after`` to go on from here.
    """

    number: int
    seen: Seen
    found: bool


class LedgerReader(LedgerRows):
    """A session's ledger, to be read, also while it is being written.

    Use it in the thread that opened it, as a context manager or with `close`; `read` opens one. Every method
    raises `LedgerUnusable` where the file is damaged or the disk fails.
    """

    @classmethod
    def read(cls, folder: Path) -> "LedgerReader":
        """Open a session for reading.

        Raises
        ------
        LedgerUnusable
            There is no ledger, or it is damaged, empty, or not one of ours.
        """
        return LedgerReader(folder, connect_to_read(folder / LEDGER_FILE))

    @property
    def last_number(self) -> int:
        """The number of the last event, 0 before the first."""
        return int(self.rows("SELECT coalesce(max(number), 0) FROM events")[0][0])

    @property
    def epoch(self) -> int:
        """The epoch of the last event, 0 before the first."""
        rows = self.rows("SELECT epoch FROM events ORDER BY number DESC LIMIT 1")
        return int(rows[0][0]) if rows else 0

    def events(self, after: int = 0, limit: int | None = None) -> Iterator[Recorded]:
        """Return the events after a number, in order; memory does not grow with how many there are.

        Labels of earlier ledgers, which do not say what the machine had said, come with it all the same.

        Parameters
        ----------
        after : int
            Begin behind this number; 0 for the beginning.
        limit : int, optional
            At most so many.
        """
        for recorded in self._events(after, limit):
            event = recorded.event
            if isinstance(event, Labelled) and event.machine is None:
                stood = self.standing(event.frame, event.index, recorded.number)
                machine = None if stood is None else Replaced.of(stood)
                recorded = replace(recorded, event=replace(event, machine=machine))
            yield recorded

    def _events(self, after: int, limit: int | None) -> Iterator[Recorded]:
        return self._pages(
            "SELECT number, epoch, recorded_at_ns, body, chain FROM events WHERE number > ? ORDER BY number LIMIT ?",
            after,
            limit,
        )

    def seen_frames(self, after: int = 0, limit: int | None = None) -> Iterator[Recorded]:
        """Return the seen events after a number, in order; memory does not grow with how many there are."""
        return self._pages(
            "SELECT number, epoch, recorded_at_ns, body, chain FROM frames JOIN events ON number = seen_number "
            "WHERE seen_number > ? ORDER BY seen_number LIMIT ?",
            after,
            limit,
        )

    def answered(self) -> list[int]:
        """Return the numbers of seen events in the order in which their frames got outcomes, those without one last.

        What is found in a frame may depend on what was found before it, so this is the order to repeat.
        """
        rows = self.rows(
            "SELECT seen_number FROM frames ORDER BY outcome_number IS NULL, coalesce(outcome_number, seen_number)"
        )
        return [number for (number,) in rows]

    def pending_frames(self, after: int | None = None, limit: int = 100) -> list[PendingFrame]:
        """Return the frames that wait, in the order they were seen.

        Parameters
        ----------
        after : int, optional
            Begin behind this number (`PendingFrame.number`).
        limit : int
            At most so many.
        """
        rows = self.rows(
            "SELECT number, body, outcome_number IS NOT NULL FROM pending JOIN events ON number = seen_number "
            "WHERE seen_number > ? ORDER BY seen_number LIMIT ?",
            after or 0,
            limit,
        )
        return [PendingFrame(number, self._event(number, body, Seen), bool(found)) for number, body, found in rows]

    def has_seen(self, frame: str) -> bool:
        """Return whether a frame is in the session."""
        return bool(self.rows("SELECT 1 FROM frames WHERE frame = ?", frame))

    def seen(self, frame: str) -> Seen | None:
        """Return a frame's seen event, None for a frame that is not in the session."""
        return self._by_key(f"seen:{frame}", Seen)

    def found(self, frame: str) -> Found | None:
        """Return the leukocytes of a frame, None where it has no outcome yet or was rejected."""
        return self._by_key(f"outcome:{frame}", Found)

    def nucleus(self, frame: str, index: int) -> Nucleus | None:
        """Return the measured shape of a found cell's nucleus, None where it was not measured or is not there."""
        found = self.found(frame)
        cells = () if found is None else found.cells
        return next((cell.nucleus for cell in cells if cell.index == index), None)

    def found_frames(self) -> Iterator[Found]:
        """Yield what was found in each frame, in the order of finding; one after the other is read."""
        after = 0
        while True:
            rows = self.rows(
                "SELECT number, body FROM events WHERE kind = 'found' AND number > ? ORDER BY number LIMIT ?",
                after,
                PAGE,
            )
            for number, body in rows:
                yield self._event(number, body, Found)
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def rejected(self, frame: str) -> Rejected | None:
        """Return why a frame could not be used, None where it could or has no outcome yet."""
        return self._by_key(f"outcome:{frame}", Rejected)

    def counted(self, frame: str) -> list[Counted]:
        """Return the verdicts on a frame's cells so far, by index."""
        rows = self.rows(
            "SELECT number, body FROM cells JOIN events ON number = counted_number WHERE frame = ? ORDER BY cell", frame
        )
        return [self._event(number, body, Counted) for number, body in rows]

    def verdict(self, frame: str, index: int) -> Counted | None:
        """Return the last verdict on a cell, None where it has none; a better view's may stand instead (`views`)."""
        return self._by_key(f"anew:{frame}:{index}", Counted) or self._by_key(f"counted:{frame}:{index}", Counted)

    def standing(self, frame: str, index: int, before: int | None = None) -> Counted | None:
        """Return the verdict that stands on a counted leukocyte, on whichever view, None where it has none yet.

        Parameters
        ----------
        frame, index
            The cell under which it is counted.
        before : int, optional
            As it stood before the event of this number.
        """
        last = _NEVER if before is None else before
        statement = _STANDING.format(better=_BETTER if has_better_views(self._connection) else "")
        rows = self.rows(statement, last, frame, index)
        return self._event(rows[0][0], rows[0][1], Counted) if rows else None

    def judged_again(self) -> frozenset[tuple[str, int]]:
        """Return the better views that have their verdict, by frame and index."""
        rows = self.rows("SELECT frame, cell FROM cells WHERE at_edge = ? AND counted_number IS NOT NULL", BETTER)
        return frozenset((frame, index) for frame, index in rows)

    def labels(self, frame: str) -> dict[int, Labelled]:
        """Return the labels that stand on a frame's cells, by index; earlier ones are among the events."""
        return {index: each for index, each in self.last_labels(frame).items() if each.label != WITHDRAWN}

    def label(self, frame: str, index: int, ordinal: int) -> Labelled | None:
        """Return a cell's label of a number, None where there was none."""
        return self._by_key(f"labelled:{frame}:{index}:{ordinal}", Labelled)

    def last_labels(self, frame: str, reading: Reading | None = None) -> dict[int, Labelled]:
        """Return the last label event of each of a frame's cells, by index, withdrawals among them, of one reading."""
        keys = f"{reading or 'labelled'}:{frame}:*"
        rows = self.rows("SELECT number, body FROM events WHERE key GLOB ? ORDER BY number", keys)
        labels = [self._event(number, body, Labelled) for number, body in rows]
        return {labelled.index: labelled for labelled in labels}

    def openings(self) -> list[Opened]:
        """Return how each run of the session began, in their order."""
        return self.of_kind(Opened)

    def descriptions(self) -> list[Described]:
        """Return all that was said of the session as a whole, in its order; the last one stands."""
        return self.of_kind(Described)

    def of_kind(self, kind: type[Kind]) -> list[Kind]:
        """Return the events of a kind of which a session has few and whose key begins with its name, in their order."""
        name = kind.__name__.lower()
        rows = self.rows(
            "SELECT number, body FROM events WHERE key >= ? AND key < ? ORDER BY number", f"{name}:", f"{name};"
        )
        return [self._event(number, body, kind) for number, body in rows]

    def description(self) -> Described | None:
        """Return what is said of the session as a whole, None for nothing."""
        return next(reversed(self.descriptions()), None)

    def signature(self) -> Signed | None:
        """Return the signature that holds, None where there is none or the session was amended since."""
        with reported(self.path):
            return signature_of(self._connection)

    def weights(self, before: int | None = None) -> tuple[str, ...]:
        """Return the identities of all weights that named cells, before an event, in alphabetical order."""
        rows = self.rows(
            "SELECT DISTINCT json_extract(body, '$.weights') FROM events WHERE kind = 'counted' AND number < ? "
            "ORDER BY 1",
            _NEVER if before is None else before,
        )
        return tuple(str(weights) for (weights,) in rows)

    @property
    def is_open(self) -> bool:
        """Whether the last count is going on still, or ended in disorder: it was opened and never closed."""
        rows = self.rows(
            "SELECT (SELECT coalesce(max(number), 0) FROM events WHERE key >= 'opened:' AND key < 'opened;') > "
            "(SELECT coalesce(max(number), 0) FROM events WHERE key >= 'closed:' AND key < 'closed;')"
        )
        return bool(rows[0][0])

    def counted_indices(self, frame: str) -> frozenset[int]:
        """Return the indices of a frame's cells that have their verdict."""
        rows = self.rows("SELECT cell FROM cells WHERE frame = ? AND counted_number IS NOT NULL", frame)
        return frozenset(index for (index,) in rows)

    def thumbnail(self, frame: str, index: int) -> bytes | None:
        """Return a cell's small JPEG picture, None where there is none."""
        rows = self.rows("SELECT jpeg FROM thumbnails WHERE frame = ? AND cell = ?", frame, index)
        return bytes(rows[0][0]) if rows else None

    def moments(self, frame: str, index: int) -> bytes | None:
        """Return what a counted cell shows of the first stages of its networks, as float16; None where none is kept."""
        if not has_moments(self._connection):
            return None
        rows = self.rows("SELECT half FROM moments WHERE frame = ? AND cell = ?", frame, index)
        return bytes(rows[0][0]) if rows else None

    def summary(self) -> LedgerSummary:
        """Return how much the session holds, without reading its events."""
        (row,) = self.rows(
            "SELECT (SELECT coalesce(max(number), 0) FROM events), "
            "(SELECT coalesce((SELECT epoch FROM events ORDER BY number DESC LIMIT 1), 0)), "
            "(SELECT count(*) FROM frames), (SELECT count(*) FROM pending), "
            "(SELECT count(*) FROM cells), (SELECT count(counted_number) FROM cells WHERE at_edge = 0), "
            "(SELECT count(*) FROM (SELECT body, max(number) FROM events WHERE key GLOB 'labelled:*' "
            "GROUP BY json_extract(body, '$.frame'), json_extract(body, '$.index')) "
            "WHERE json_extract(body, '$.label') <> 'withdrawn'), "
            "(SELECT recorded_at_ns FROM events WHERE number = 1), "
            "(SELECT recorded_at_ns FROM events ORDER BY number DESC LIMIT 1)"
        )
        return LedgerSummary(self.session, *row)

    def copy_to(self, path: Path) -> None:
        """Copy the ledger, as it is at this moment, into a file of its own, while it may be written."""
        with reported(path):
            copy = sqlite3.connect(path, isolation_level=None)
            try:
                self._connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # no side files: it is to be read anywhere
            finally:
                copy.close()
