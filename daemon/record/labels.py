"""A person's word on a cell as the next event of its kind."""

from collections.abc import Container, Iterable

from smearwatch.daemon.record.classes import WITHDRAWN, LabelName
from smearwatch.daemon.record.events import Labelled, Reading, Replaced
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.views import CellKey


def make_labels(
    ledger: LedgerReader,
    wanted: Iterable[tuple[CellKey, LabelName]],
    *,
    by: str,
    labelled_at_ns: int,
    reading: Reading | None = None,
    settled: Container[CellKey] = (),
    drawn: Container[CellKey] = (),
) -> list[Labelled]:
    """Make the events of a person's labels on counted cells, in their order; see `next_label`.

    Parameters
    ----------
    settled
        Cells on which the readers disagree: there a label is a decision, even where it is what was said before.
    drawn
        Those of the cells that were named out of the random review.
    """
    last: dict[CellKey, Labelled | None] = {}
    events = []
    for cell, label in wanted:
        if cell not in last:
            last[cell] = ledger.last_labels(cell[0], reading).get(cell[1])
        event = next_label(
            ledger,
            *cell,
            label,
            by=by,
            labelled_at_ns=labelled_at_ns,
            last=last[cell],
            reading=reading,
            again=cell in settled,
            drawn=cell in drawn,
        )
        if event is not None:
            last[cell] = event
            events.append(event)
    return events


def next_label(
    ledger: LedgerReader,
    frame: str,
    index: int,
    label: LabelName,
    *,
    by: str,
    labelled_at_ns: int,
    last: Labelled | None,
    reading: Reading | None = None,
    again: bool = False,
    drawn: bool = False,
) -> Labelled | None:
    """Make the event of a label, None where it changes nothing: the same by the same person, or nothing to withdraw.

    The same label again, given out of the random review for the first time, is a new one.

    Parameters
    ----------
    ledger
        The session, in the hands of its one writer.
    frame, index
        The cell under which the leukocyte is counted.
    by
        The person.
    labelled_at_ns
        When, in nanoseconds since 1970.
    last
        The last label event of the cell in that reading, a withdrawal too, None where there is none.
    reading
        Which reading it is of; None for the first.
    again
        Whether the same label by the same person is said again.
    drawn
        Whether it is given out of the random review. A withdrawal is not.
    """
    drawn = drawn and label != WITHDRAWN
    said = last is not None and (last.label, last.by) == (label, by) and (last.drawn or not drawn)
    if said and not again:
        return None
    if label == WITHDRAWN and (last is None or last.label == WITHDRAWN):
        return None
    stood = ledger.standing(frame, index)
    return Labelled(
        frame,
        index,
        label,
        by,
        1 if last is None else last.ordinal + 1,
        labelled_at_ns,
        None if stood is None else Replaced.of(stood),
        reading,
        True if drawn else None,
    )
