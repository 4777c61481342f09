"""Checking a recorded session: the file, the chain, each event, the derived tables, and every frame's bytes."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from typing import Final

from smearwatch.daemon.record.chain import genesis, link
from smearwatch.daemon.record.events import (
    Counted,
    Event,
    EventInvalid,
    Found,
    Labelled,
    LocationTested,
    Rejected,
    Seen,
    Signed,
    event_from_bytes,
    event_to_bytes,
)
from smearwatch.daemon.record.frame_store import FrameFault
from smearwatch.daemon.record.location import flaw_of_test
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.tally import TallyBroken, TallyFold
from smearwatch.daemon.record.values import digest_of
from smearwatch.daemon.record.writing import key_of

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a recorded session that is not as it was written.

    ``number`` is the event's, None for a fault of the file as a whole; ``frame`` is the frame's, where it is about one.
    """

    what: str
    number: int | None = None
    frame: str | None = None


_FRAME_FAULTS: Final[dict[FrameFault, str]] = {
    "missing": "the bytes of frame {frame} ({name}) are missing",
    "changed": "the bytes of frame {frame} ({name}) have changed",
}


def verify(
    ledger: LedgerReader, *, progress: Callable[[int], None] | None = None, hash_frames: bool = True
) -> Iterator[Fault]:
    """Check everything that can be checked; memory does not grow with the session.

    Parameters
    ----------
    ledger : LedgerReader
        The session. It may be one that is being written: what is there at the beginning is checked.
    progress : callable, optional
        Called with the number of each event after it was checked.
    hash_frames : bool
        Whether to read every stored frame again, which takes the time of reading them from the disk.

    Yields
    ------
    Fault
        In the order of the events. None at all means: the file is sound, no event was changed, left out or put in
        between, and every frame has the bytes it came with. Events cut off at the very end cannot be noticed here.
    """
    try:
        for (line,) in ledger.rows("PRAGMA quick_check(3)"):
            if line != "ok":
                yield Fault(f"the file is damaged: {line}")
        last = ledger.last_number
        yield from _check_events(ledger, last, progress, hash_frames)
        yield from _check_totals(ledger, last)
        asked = "SELECT frame, cell FROM thumbnails EXCEPT SELECT frame, cell FROM cells LIMIT 3"
        for frame, index in ledger.rows(asked):
            yield Fault(f"the small picture of cell {index} in frame {frame} is of none that was found", None, frame)
        yield from _check_signatures(ledger, last)
    except LedgerUnusable as error:
        yield Fault(f"the file cannot be read on: {error}")


def _check_events(
    ledger: LedgerReader, last: int, progress: Callable[[int], None] | None, hash_frames: bool
) -> Iterator[Fault]:
    number, chain, epoch = 0, genesis(ledger.session), 0
    while number < last:
        rows = ledger.rows(
            "SELECT number, epoch, recorded_at_ns, kind, key, body, chain FROM events "
            "WHERE number > ? AND number <= ? ORDER BY number LIMIT ?",
            number,
            last,
            _PAGE,
        )
        if not rows:
            yield Fault(f"the events after {number} are missing", number + 1)
            return
        for row in rows:
            if not _is_a_row(row):
                yield Fault(f"the file is damaged: event {number + 1} holds what no event does", number + 1)
                return
            if row[0] != number + 1:
                yield Fault(f"event {number + 1} is missing", number + 1)
            if row[1] < epoch:
                yield Fault(f"event {row[0]} is of an earlier run than the event before it", row[0])
            yield from _check_link(row, chain)
            yield from _check_event(ledger, row, hash_frames)
            number, epoch, chain = row[0], row[1], row[6]
            if progress is not None:
                progress(number)


def _is_a_row(row: tuple[object, ...]) -> bool:
    """Return whether the values of an event's row are what its table demands: a damaged file may hold any."""
    kinds = (int, int, int, str, str, str, bytes)
    numbers = row[:3]
    return [*map(type, row)] == [*kinds] and all(isinstance(each, int) and 0 <= each < 2**63 for each in numbers)


def _check_link(row: tuple[int, int, int, str, str, str, bytes], previous: bytes) -> Iterator[Fault]:
    number, epoch, recorded_at_ns, kind, _, body, chain = row
    if link(previous, number, epoch, recorded_at_ns, kind, body.encode("utf-8")) != chain:
        yield Fault(f"the chain is broken at event {number}", number)


def _check_event(
    ledger: LedgerReader, row: tuple[int, int, int, str, str, str, bytes], hash_frames: bool
) -> Iterator[Fault]:
    number, _, _, kind, key, body, _ = row
    try:
        event = event_from_bytes(body)
    except EventInvalid as error:
        yield Fault(f"event {number} cannot be read: {error}", number)
        return
    if event_to_bytes(event) != body.encode("utf-8"):
        yield Fault(f"event {number} is not in its canonical form", number)
    if event.kind != kind or key_of(event) != key:
        yield Fault(f"event {number} is stored under the wrong key", number)
    if isinstance(event, Labelled) and ledger.rows(
        "SELECT at_edge FROM cells WHERE frame = ? AND cell = ?", event.frame, event.index
    ) != [(0,)]:
        yield Fault(f"event {number} labels a cell that was not found whole", number)
    if isinstance(event, LocationTested) and (flaw := flaw_of_test(event, ledger.found)) is not None:
        yield Fault(f"event {number} is a location test that cannot be: {flaw}", number)
    if not _is_derived(ledger, number, event):
        yield Fault(f"event {number} is missing from the tables derived from it", number)
    if isinstance(event, Counted) and event.moments is not None:
        kept = ledger.moments(event.frame, event.index)
        if kept is None or digest_of(kept) != event.moments:
            yield Fault(f"what event {number} says of the networks' first stages is missing or was changed", number)
    if isinstance(event, Found):
        yield from _check_thumbnails(ledger, number, event)
    if hash_frames and isinstance(event, Seen) and event.stored:
        fault = ledger.frames.verify(event.frame)
        if fault is not None:
            yield Fault(_FRAME_FAULTS[fault].format(frame=event.frame, name=event.name), number, event.frame)


def _check_thumbnails(ledger: LedgerReader, number: int, found: Found) -> Iterator[Fault]:
    """Compare the small pictures of a frame with their digests; before form 14 they have none."""
    told = {cell.index: cell.thumbnail for cell in found.cells}
    if not any(told.values()):
        return
    kept = dict(ledger.rows("SELECT cell, jpeg FROM thumbnails WHERE frame = ?", found.frame))
    for index, digest in told.items():
        there = hashlib.sha256(kept[index]).hexdigest() if index in kept else None
        if there != digest:
            what = f"the small picture of cell {index} in frame {found.frame} is missing or was changed"
            yield Fault(what, number, found.frame)


def thumbnails_without_digest(ledger: LedgerReader) -> int:
    """Return how many small pictures no event vouches for, as in what earlier versions counted."""
    ((kept, told),) = ledger.rows(
        "SELECT (SELECT count(*) FROM thumbnails), (SELECT count(*) FROM events, json_each(body, '$.cells') AS cell "
        "WHERE kind = 'found' AND json_extract(cell.value, '$.thumbnail') NOT NULL)"
    )
    return max(0, int(kept) - int(told))


def _check_signatures(ledger: LedgerReader, last: int) -> Iterator[Fault]:
    """Fold a session that was ever signed: each signature is under the result as it stood, and that stayed so."""
    if not ledger.rows("SELECT 1 FROM events WHERE kind = 'signed' LIMIT 1"):
        return
    fold = TallyFold()
    for recorded in ledger.events(limit=last):
        event = recorded.event
        try:
            fold.apply(event)
        except TallyBroken as error:
            yield Fault(f"event {recorded.number} does not follow: {error.what}", recorded.number)
            return
        if isinstance(event, Signed) and event.weights != ledger.weights(before=recorded.number):
            yield Fault(f"event {recorded.number} names other weights than those of the session", recorded.number)


def _is_derived(ledger: LedgerReader, number: int, event: Event) -> bool:
    match event:
        case Seen():
            rows = ledger.rows("SELECT seen_number FROM frames WHERE frame = ?", event.frame)
        case Rejected():
            rows = ledger.rows("SELECT outcome_number FROM frames WHERE frame = ?", event.frame)
        case Found():
            rows = ledger.rows("SELECT outcome_number FROM frames WHERE frame = ?", event.frame)
            scales = ledger.rows("SELECT um_per_px_estimate FROM frames WHERE frame = ?", event.frame)
            if scales != [(event.um_per_px_estimate,)]:
                return False
            cells = ledger.rows("SELECT cell, at_edge FROM cells WHERE frame = ? ORDER BY cell", event.frame)
            in_order = sorted(event.cells, key=lambda cell: cell.index)
            if cells != [(cell.index, cell.left_out) for cell in in_order] or not _views_are_derived(ledger, event):
                return False
        case Counted():
            # Where the cell was judged anew, the tables name that verdict, and the first one has one behind it.
            rows = ledger.rows(
                "SELECT iif(key = ?4 AND counted_number > ?3, ?3, counted_number) FROM cells "
                "JOIN events ON number = counted_number WHERE frame = ?1 AND cell = ?2",
                event.frame,
                event.index,
                number,
                f"anew:{event.frame}:{event.index}",
            )
        case _:
            return True
    return rows == [(number,)]


def _views_are_derived(ledger: LedgerReader, event: Found) -> bool:
    wanted = [
        (cell.index, *astuple(cell.better_than), *astuple(cell.same_as))
        for cell in sorted(event.cells, key=lambda cell: cell.index)
        if cell.better_than is not None and cell.same_as is not None
    ]
    if not wanted:
        return True  # a row too many is found by `_check_totals`
    rows = ledger.rows(
        "SELECT cell, than_frame, than_cell, counted_frame, counted_cell FROM better WHERE frame = ? ORDER BY cell",
        event.frame,
    )
    return rows == wanted


def _check_totals(ledger: LedgerReader, last: int) -> Iterator[Fault]:
    """Find rows in the derived tables that no event stands behind."""
    (unfounded,) = ledger.rows(
        "SELECT (SELECT count(*) FROM frames WHERE seen_number <= ?1) - "
        "(SELECT count(*) FROM events WHERE kind = 'seen' AND number <= ?1) "
        "+ (SELECT count(*) FROM frames WHERE waiting <> (SELECT count(*) FROM cells "
        "WHERE cells.frame = frames.frame AND at_edge IN (0, 3) AND counted_number IS NULL)) "
        "+ (SELECT count(*) FROM cells LEFT JOIN frames USING (frame) WHERE frames.outcome_number IS NULL)",
        last,
    )
    if unfounded[0] != 0 or _has_unfounded_views(ledger):
        yield Fault("the tables derived from the events do not agree with them")


def _has_unfounded_views(ledger: LedgerReader) -> bool:
    if not ledger.rows("SELECT 1 FROM sqlite_master WHERE name = 'better'"):
        return False
    return ledger.rows("SELECT count(*) FROM better LEFT JOIN cells USING (frame, cell) WHERE at_edge IS NOT 3") != [
        (0,)
    ]
