"""A leukocyte that several frames show: where it is counted, and where it is seen best."""

import pytest

from smearwatch.clients.exporting import cell_rows
from smearwatch.daemon.record.events import Found, FoundCell, Opened, Seen
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.placement import CellName, Placement
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.views import views_by_cell

pytestmark = pytest.mark.integration


def cell(index: int, *, at_edge: bool = False, same_as: tuple[str, int] | None = None) -> FoundCell:
    named = None if same_as is None else CellName(*same_as)
    return FoundCell(index, (1, 2, 30, 40), (16.0, 22.0), 90.0, at_edge, 0.9, named)


def test_the_sharpest_view_is_told_and_the_first_is_counted(tmp_path):
    with Ledger.open(tmp_path, session="s") as ledger:
        ledger.append([Opened(ledger.epoch, 1, "t", "s", 100, 33.0, "rule", {})])
        a, b, c = (ledger.frames.put(data) for data in (b"aaaa", b"bbbb", b"cccc"))
        for frame, focus, cells in (
            (a, 0.5, (cell(0), cell(1))),
            (b, 0.9, (cell(0, same_as=(a, 1)), cell(1, at_edge=True))),
            (c, 0.7, (cell(0, same_as=(a, 1)), cell(1))),
        ):
            place = Placement("placed" if frame != a else "first", 0, 1.0, 2.0, 0.0, 1.0, () if frame == a else (a,))
            ledger.append([Seen(frame, "f.jpg", 4, 1, None, None, True, "folder")])
            ledger.append([Found(frame, 640, 480, 0.07, "configured", None, focus, cells, place)])
    with LedgerReader.read(tmp_path) as reader:
        views = views_by_cell(reader)
        rows = {(row["frame"], row["index"]): row for row in cell_rows(reader)}
    assert {key: (len(seen.all), seen.best) for key, seen in views.items()} == {
        (a, 0): (1, (a, 0)),
        (a, 1): (3, (b, 0)),
        (c, 1): (1, (c, 1)),
    }
    again = rows[c, 0]
    assert (again["state"], again["counted_frame"], again["counted_index"]) == ("seen_again", a, 1)
    assert (again["views"], again["best_frame"], again["best_index"]) == (3, b, 0)
    cut = rows[b, 1]
    assert (cut["state"], cut["views"], cut["best_frame"]) == ("at_edge", None, None)
