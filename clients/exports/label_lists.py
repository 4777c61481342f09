"""Tables of cells that are to be labelled: the next ones of the random review, and those worth most for training.

The two are kept apart. The first is a random sample and shows how often the machine errs; the second is picked for the
networks' doubt and shows nothing of the kind.
"""

from collections.abc import Generator
from typing import Any, Final

from smearwatch.clients.exports.cell_columns import COLUMNS
from smearwatch.clients.exports.cell_rows import cell_rows
from smearwatch.clients.exports.columns import Column
from smearwatch.daemon.record.classes import WITHDRAWN
from smearwatch.daemon.record.draw import DrawFold
from smearwatch.daemon.record.events import Counted, Labelled
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.seal import SessionSigned
from smearwatch.daemon.record.views import CellKey
from smearwatch.daemon.record.worth import worth_labelling

_WHERE: Final = ("session", "frame", "name", "index", "x_px", "y_px", "width_px", "height_px", "um_per_px")

BLIND: Final = (
    *(column for column in COLUMNS if column.name in _WHERE),
    Column("drawn", "text", "`yes`: the cell is of the random review, and its label counts for it"),
    Column("label", "text", "empty; write here what the cell is"),
)
"""The columns of cells that are to be named without the machine's word."""

Rows = Generator[dict[str, Any], None, None]


def random_rows(ledger: LedgerReader, count: int) -> Rows:
    """Yield the next cells of the random review, in its order and without the machine's names.

    The column ``drawn`` says yes, so that `sessions label` takes their labels as those of the review.

    Raises
    ------
    SessionSigned
        It takes no labels, so nothing is asked for.
    """
    if (signed := ledger.signature()) is not None:
        raise SessionSigned(ledger.folder.name, signed)
    fold = DrawFold()
    for recorded in ledger.events():
        fold.apply(recorded)
    asked = [cell.key for cell in fold.sample().asked[:count]]
    for row in _in_order(ledger, asked):
        yield {name: row[name] for name in _WHERE} | {"drawn": "yes", "label": ""}


def worth_rows(ledger: LedgerReader, count: int) -> Rows:
    """Yield the cells without a label whose labels would teach new weights most, as `cell_rows` has them."""
    stands: dict[CellKey, Counted] = {}
    counted_as: dict[CellKey, CellKey] = {}
    named: dict[CellKey, bool] = {}
    for recorded in ledger.events():
        event = recorded.event
        if isinstance(event, Counted):
            view, before = (event.frame, event.index), event.instead_of
            key = view if before is None else counted_as[before.frame, before.index]
            counted_as[view], stands[key] = key, event
        elif isinstance(event, Labelled) and event.reading is None:
            named[event.frame, event.index] = event.label != WITHDRAWN
    order = worth_labelling({key: verdict for key, verdict in stands.items() if not named.get(key)})
    yield from _in_order(ledger, order[:count])


def _in_order(ledger: LedgerReader, wanted: list[CellKey]) -> Rows:
    among = set(wanted)
    rows = {key: row for row in cell_rows(ledger) if (key := (row["frame"], row["index"])) in among}
    yield from (rows[key] for key in wanted)
