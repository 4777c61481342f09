"""The rules by which an event enters the ledger: its key, whether it may, and what follows from it."""

import sqlite3
from dataclasses import replace
from typing import assert_never

from smearwatch.daemon.record.classes import FIRST_LABELS, is_extra
from smearwatch.daemon.record.events import (
    BETTER,
    COUNTS,
    CUT,
    Amended,
    Analysed,
    Closed,
    Counted,
    Described,
    Event,
    Followed,
    Found,
    Labelled,
    LocationTested,
    LocationWithdrawn,
    Opened,
    Ranged,
    Rejected,
    Replaced,
    Seen,
    Signed,
    Tallied,
    event_from_bytes,
)
from smearwatch.daemon.record.followed import FOLLOWS
from smearwatch.daemon.record.location import flaw_of_test
from smearwatch.daemon.record.placement import CellName
from smearwatch.daemon.record.schema import (
    ANEW_FORM,
    DRAW_FORM,
    ENGINES_FORM,
    EXTRA_FORM,
    FOLLOWED_FORM,
    GROWING_FORM,
    LABELS_FORM,
    LEFT_FORM,
    LOCATION_FORM,
    LOOKS_FORM,
    PLACES_FORM,
    POISONED_FORM,
    REVIEW_FORM,
    SCALE_FORM,
    SIGNED_FORM,
    STATISTICS_FORM,
    STRANGE_FORM,
    TARGETS_FORM,
    UNFAMILIAR_FORM,
    VIEWS_FORM,
    has_better_views,
    make_room_for_better_views,
)
from smearwatch.daemon.record.seal import check_seal, numbers_of


class LedgerRefused(Exception):
    """An event contradicts the ledger; nothing of its batch was written.

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
        self.hint = "record a frame as seen, then its outcome, then each whole cell, then its labels"


def key_of(event: Event) -> str:
    """Return what an event is about. The ledger takes one event of each key; the first stands.

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
            return f"{'anew' if event.anew else 'counted'}:{event.frame}:{event.index}"
        case Ranged():
            return f"ranged:{event.weights}"
        case Labelled():
            # The readings are numbered each for itself, and whoever asks for labels means the first.
            which = "labelled" if event.reading is None else "second"
            return f"{which}:{event.frame}:{event.index}:{event.ordinal}"
        case Described() | Signed() | Amended() | Tallied() | Analysed() | LocationTested() | LocationWithdrawn():
            return f"{event.kind}:{event.ordinal}"
        case Followed():
            return event.kind
        case _:
            assert_never(event)


def admit(connection: sqlite3.Connection, event: Event, *, session: str, epoch: int) -> None:
    """Check an event against what the ledger holds.

    Raises
    ------
    LedgerRefused
        It opens or closes another epoch or session, or speaks of a frame or cell that the ledger does not know, or
        counts or labels a cell that is cut by the frame's edge, or leaves out the number of a label, a description,
        a tally or a location test, or tests cells that were not found there, or replaces a view or a verdict that is
        not the one that stands, or signs what is signed, or amends what is not.
    SessionSigned
        It would change the result of a signed session, or what is said of it.
    """
    check_seal(connection, event, session)
    if isinstance(event, Opened) and event.session != session:
        raise LedgerRefused(event, f"this is the session {session!r}, not {event.session!r}")
    if isinstance(event, Opened | Closed) and event.epoch != epoch:
        raise LedgerRefused(event, f"the epoch is {epoch}")
    if isinstance(event, Signed | Amended):
        _admit_signing(connection, event)
    elif isinstance(event, LocationWithdrawn):
        if not _is_there(connection, f"location_tested:{event.ordinal}"):
            raise LedgerRefused(event, f"the session has no location test number {event.ordinal}")
    elif isinstance(event, Tallied | Analysed | LocationTested):
        if event.ordinal > 1 and not _is_there(connection, key_of(replace(event, ordinal=event.ordinal - 1))):
            raise LedgerRefused(event, f"the session has no number {event.ordinal - 1} before it")
        if isinstance(event, LocationTested):
            _admit_location(connection, event)
    elif isinstance(event, Found | Rejected):
        if connection.execute("SELECT 1 FROM frames WHERE frame = ?", (event.frame,)).fetchone() is None:
            raise LedgerRefused(event, "that frame was never seen")
        if isinstance(event, Found):
            _admit_repeats(connection, event)
    elif isinstance(event, Described):
        if event.ordinal > 1 and not _is_there(connection, f"described:{event.ordinal - 1}"):
            raise LedgerRefused(event, f"the session has no description number {event.ordinal - 1} before it")
    elif isinstance(event, Counted | Labelled):
        left_out = connection.execute(
            "SELECT at_edge FROM cells WHERE frame = ? AND cell = ?", (event.frame, event.index)
        ).fetchone()
        if left_out is None:
            raise LedgerRefused(event, "no such cell was found")
        if isinstance(event, Counted) and left_out[0] in (COUNTS, BETTER):
            _admit_replacing(connection, event, better=left_out[0] == BETTER)
        elif left_out[0] != COUNTS:
            why = "is cut by the edge of its frame" if left_out[0] == CUT else "was counted in an earlier frame"
            raise LedgerRefused(event, f"that cell {why}")
        if isinstance(event, Labelled):
            _admit_label(connection, event)


def _admit_signing(connection: sqlite3.Connection, event: Signed | Amended) -> None:
    """Check that a session is signed, then amended, then signed again, each with the next number."""
    signed, amended = numbers_of(connection)
    if isinstance(event, Signed):
        if signed > amended:
            raise LedgerRefused(event, "the session is signed already")
        if event.ordinal != signed + 1:
            raise LedgerRefused(event, f"the next signature is number {signed + 1}")
    elif signed == amended:
        raise LedgerRefused(event, "the session is not signed")
    elif event.ordinal != signed:
        raise LedgerRefused(event, f"the signature that holds is number {signed}")


def _admit_repeats(connection: sqlite3.Connection, event: Found) -> None:
    """Check that each cell seen before is a whole one of another frame that stands and is itself counted."""
    for cell in event.cells:
        if cell.same_as is None:
            continue
        before = connection.execute(
            "SELECT at_edge FROM cells WHERE frame = ? AND cell = ?", (cell.same_as.frame, cell.same_as.index)
        ).fetchone()
        if before is None or before[0] != COUNTS:
            raise LedgerRefused(event, f"cell {cell.index} is given as one that was never counted")
        if cell.better_than is not None and cell.better_than != _best_view(connection, cell.same_as):
            raise LedgerRefused(event, f"cell {cell.index} is given as better than a view that is not the best one")


def _best_view(connection: sqlite3.Connection, counted_as: CellName) -> CellName:
    """Return the best view until now of a leukocyte: the one that no other is better than."""
    if not has_better_views(connection):
        return counted_as
    last = connection.execute(
        "SELECT frame, cell FROM better AS this WHERE counted_frame = ? AND counted_cell = ? AND NOT EXISTS "
        "(SELECT 1 FROM better AS other WHERE other.than_frame = this.frame AND other.than_cell = this.cell)",
        (counted_as.frame, counted_as.index),
    ).fetchone()
    return counted_as if last is None else CellName(*last)


def _best_judged_view(connection: sqlite3.Connection, counted_as: CellName) -> CellName:
    """Return the view of a leukocyte whose verdict stands: the last that was judged."""
    if not has_better_views(connection):
        return counted_as
    last = connection.execute(
        "SELECT better.frame, better.cell FROM better JOIN cells USING (frame, cell) "
        "WHERE counted_frame = ? AND counted_cell = ? AND counted_number IS NOT NULL "
        "ORDER BY counted_number DESC LIMIT 1",
        (counted_as.frame, counted_as.index),
    ).fetchone()
    return counted_as if last is None else CellName(*last)


def _admit_replacing(connection: sqlite3.Connection, event: Counted, *, better: bool) -> None:
    """Check that a verdict replaces the one on the view that this one is better than, and none where there is none.

    One that is given anew replaces the cell's own, where no better view's stands in its place.
    """
    if event.anew:
        stood = _verdict_on(connection, event.frame, event.index)
        if stood is None or event.instead_of != Replaced.of(stood) or _is_beaten(connection, event):
            raise LedgerRefused(event, "it is to replace the cell's own verdict, and that is not the one that stands")
        return
    if not better:
        if event.instead_of is not None:
            raise LedgerRefused(event, "that cell is the first view of its leukocyte, so there is nothing to replace")
        return
    than = connection.execute(
        "SELECT than_frame, than_cell FROM better WHERE frame = ? AND cell = ?", (event.frame, event.index)
    ).fetchone()
    stood = None if than is None else _verdict_on(connection, *than)
    if stood is None:
        raise LedgerRefused(event, "the view that it is better than has no verdict yet")
    if event.instead_of != Replaced.of(stood):
        raise LedgerRefused(event, "it is to replace the verdict on the view that it is better than")


def _verdict_on(connection: sqlite3.Connection, frame: str, index: int) -> Counted | None:
    """Return the last verdict on a view, None where it has none."""
    body = connection.execute(
        "SELECT body FROM cells JOIN events ON number = counted_number WHERE frame = ? AND cell = ?", (frame, index)
    ).fetchone()
    event = None if body is None else event_from_bytes(body[0])
    assert event is None or isinstance(event, Counted)
    return event


def _is_beaten(connection: sqlite3.Connection, view: Counted) -> bool:
    """Return whether a better view of the same leukocyte has its verdict."""
    if not has_better_views(connection):
        return False
    beaten = connection.execute(
        "SELECT 1 FROM better JOIN cells USING (frame, cell) WHERE than_frame = ? AND than_cell = ? "
        "AND counted_number IS NOT NULL",
        (view.frame, view.index),
    )
    return beaten.fetchone() is not None


def _admit_location(connection: sqlite3.Connection, event: LocationTested) -> None:
    """Check that a location test is of cells that were found where it says."""

    def found_of(frame: str) -> Found | None:
        row = connection.execute("SELECT body FROM events WHERE key = ?", (f"outcome:{frame}",)).fetchone()
        outcome = None if row is None else event_from_bytes(row[0])
        return outcome if isinstance(outcome, Found) else None

    flaw = flaw_of_test(event, found_of)
    if flaw is not None:
        raise LedgerRefused(event, flaw)


def _admit_label(connection: sqlite3.Connection, event: Labelled) -> None:
    """Check that a label has the next number, and that what it says of the machine stands."""
    if not _follows(connection, event):
        raise LedgerRefused(event, f"that cell has no label number {event.ordinal - 1} before it")
    if is_extra(event.label) and event.label not in _extra_labels(connection):
        raise LedgerRefused(event, f"the session knows no extra class {event.label}")
    if event.machine is None:
        return
    best = _best_judged_view(connection, CellName(event.frame, event.index))
    stood = _verdict_on(connection, best.frame, best.index)
    if stood is None or event.machine != Replaced.of(stood):
        raise LedgerRefused(event, "the machine's verdict that it names is not the one that stands")


def _extra_labels(connection: sqlite3.Connection) -> set[str]:
    """Return the labels of every extra class that a start of the session named."""
    bodies = connection.execute("SELECT body FROM events WHERE key >= 'opened:' AND key < 'opened;'")
    openings = [opened for (body,) in bodies if isinstance(opened := event_from_bytes(body), Opened)]
    return {each.label for opened in openings for each in opened.extra_classes or ()}


def _follows(connection: sqlite3.Connection, event: Labelled) -> bool:
    return event.ordinal == 1 or _is_there(connection, key_of(replace(event, ordinal=event.ordinal - 1)))


def _is_there(connection: sqlite3.Connection, key: str) -> bool:
    return connection.execute("SELECT 1 FROM events WHERE key = ?", (key,)).fetchone() is not None


def derive(connection: sqlite3.Connection, number: int, event: Event) -> None:
    """Bring the derived tables up to an event that was just written as `number`."""
    match event:
        case Seen():
            connection.execute("INSERT INTO frames (frame, seen_number) VALUES (?, ?)", (event.frame, number))
        case Rejected():
            connection.execute("UPDATE frames SET outcome_number = ? WHERE frame = ?", (number, event.frame))
        case Found():
            judged = sum(cell.is_judged for cell in event.cells)
            connection.execute(
                "UPDATE frames SET outcome_number = ?, waiting = ?, um_per_px_estimate = ? WHERE frame = ?",
                (number, judged, event.um_per_px_estimate, event.frame),
            )
            connection.executemany(
                "INSERT INTO cells (frame, cell, at_edge) VALUES (?, ?, ?)",
                [(event.frame, cell.index, cell.left_out) for cell in event.cells],
            )
            if event.placement is not None or any(cell.same_as is not None for cell in event.cells):
                _raise_form(connection, PLACES_FORM)
            _derive_better(connection, event)
            _raise_form(connection, event.form)
        case Counted():
            connection.execute(
                "UPDATE cells SET counted_number = ? WHERE frame = ? AND cell = ?", (number, event.frame, event.index)
            )
            if event.engine is not None:
                _raise_form(connection, ENGINES_FORM)
            if event.anew:
                _raise_form(connection, ANEW_FORM)
                return
            connection.execute("UPDATE frames SET waiting = waiting - 1 WHERE frame = ?", (event.frame,))
            if event.look is not None:
                _raise_form(connection, LOOKS_FORM)
            if event.poisoned:
                _raise_form(connection, POISONED_FORM)
            if event.unfamiliar or (event.instead_of is not None and event.instead_of.unfamiliar):
                _raise_form(connection, UNFAMILIAR_FORM)
            if event.statistics is not None or event.moments is not None:
                _raise_form(connection, STATISTICS_FORM)
            if event.strange:
                _raise_form(connection, STRANGE_FORM)
        case Labelled():
            # Labels are found by their keys; a program that does not know them is to refuse, not to report damage.
            _raise_form(connection, LABELS_FORM)
            if event.machine is not None or event.label not in FIRST_LABELS:
                _raise_form(connection, REVIEW_FORM)
            if event.drawn:
                _raise_form(connection, DRAW_FORM)
            if event.reading is not None:
                _raise_form(connection, SIGNED_FORM)
            if is_extra(event.label):
                _raise_form(connection, EXTRA_FORM)
        case Signed() | Amended() | Tallied() | Analysed() | Described():
            _raise_form(connection, SIGNED_FORM)
            if isinstance(event, Tallied) and any(is_extra(name) for name in event.counts):
                _raise_form(connection, EXTRA_FORM)
            if isinstance(event, Signed) and any(each.gate == "scale" for each in event.overruled):
                _raise_form(connection, SCALE_FORM)
        case LocationTested() | LocationWithdrawn():
            _raise_form(connection, LOCATION_FORM)
        case Ranged():
            _raise_form(connection, LOOKS_FORM)
        case Opened():
            if event.targets is not None:
                _raise_form(connection, TARGETS_FORM)
            if FOLLOWS in event.settings:  # who does not know of it would count the pictures of the specimen before
                _raise_form(connection, FOLLOWED_FORM)
            if event.extra_classes is not None:
                _raise_form(connection, EXTRA_FORM)
        case Followed():
            _raise_form(connection, GROWING_FORM if any(file.begins for file in event.waiting) else FOLLOWED_FORM)
        case Closed():
            if event.left is not None:
                _raise_form(connection, LEFT_FORM)
        case _:
            assert_never(event)


def _derive_better(connection: sqlite3.Connection, event: Found) -> None:
    rows = [
        (event.frame, cell.index, than.frame, than.index, counted_as.frame, counted_as.index)
        for cell in event.cells
        if (than := cell.better_than) is not None and (counted_as := cell.same_as) is not None
    ]
    if rows:
        make_room_for_better_views(connection)
        connection.executemany("INSERT INTO better VALUES (?, ?, ?, ?, ?, ?)", rows)
        _raise_form(connection, VIEWS_FORM)


def _raise_form(connection: sqlite3.Connection, form: int) -> None:
    (now,) = connection.execute("PRAGMA user_version").fetchone()
    if now < form:
        connection.execute(f"PRAGMA user_version = {form}")
