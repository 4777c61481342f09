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
) -> list[Labelled]:
    """Make the events of a person's labels on counted cells, in their order; see `next_label`.

    Parameters
    ----------
    settled
        Cells on which the readers disagree: there a label is a decision, even where it is what was said before.
    """
    last: dict[CellKey, Labelled | None] = {}
    events = []
    for cell, label in wanted:
        if cell not in last:
            last[cell] = ledger.last_labels(cell[0], reading).get(cell[1])
        at_ns, again = labelled_at_ns, cell in settled
        event = next_label(
            ledger, *cell, label, by=by, labelled_at_ns=at_ns, last=last[cell], reading=reading, again=again
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
) -> Labelled | None:
    """Make the event of a label, None where it changes nothing: the same by the same person, or nothing to withdraw.

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
    """
    if last is not None and (last.label, last.by) == (label, by) and not again:
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
    )
