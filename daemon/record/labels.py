"""A person's word on a cell as the next event of its kind."""

from collections.abc import Collection, Iterable

from smearwatch.daemon.record.classes import WITHDRAWN, LabelName
from smearwatch.daemon.record.events import Labelled, Replaced
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.views import CellKey


def make_labels(
    ledger: LedgerReader,
    wanted: Iterable[tuple[CellKey, LabelName]],
    *,
    by: str,
    labelled_at_ns: int,
    drawn: Collection[CellKey] = (),
) -> list[Labelled]:
    """Make the events of a person's labels on counted cells, in their order; see `next_label`.

    ``drawn`` are those of the cells that were named out of the random review.
    """
    last: dict[CellKey, Labelled | None] = {}
    events = []
    for cell, label in wanted:
        if cell not in last:
            last[cell] = ledger.last_labels(cell[0]).get(cell[1])
        event = next_label(
            ledger, *cell, label, by=by, labelled_at_ns=labelled_at_ns, last=last[cell], drawn=cell in drawn
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
        The last label event of the cell, a withdrawal too, None where there is none.
    drawn
        Whether it is given out of the random review. A withdrawal is not.
    """
    drawn = drawn and label != WITHDRAWN
    if last is not None and (last.label, last.by) == (label, by) and (last.drawn or not drawn):
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
        True if drawn else None,
    )
