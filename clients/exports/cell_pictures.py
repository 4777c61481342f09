"""The leukocytes of a session with their pictures: one each, on the view that its verdict stands on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from smearwatch.clients.exports.cell_rows import cell_rows
from smearwatch.clients.exports.format import Export
from smearwatch.daemon.record.found import Found

if TYPE_CHECKING:
    from PIL import Image

REJECTED: Final = "rejected"
"""Where the cells are that the machine rejected, and nobody has labelled."""


@dataclass(frozen=True, slots=True)
class PicturedCell:
    """A leukocyte.

    Attributes
    ----------
    row
        Its row in the table of cells.
    name
        What it is called in the result that stands: a class, a label, or `REJECTED`; an extra class by its own name.
    """

    row: dict[str, Any]
    name: str


def pictured_cells(export: Export, *, flagged: bool = False) -> list[PicturedCell]:
    """Return the judged leukocytes in the order of their numbers, or those alone that the machine flagged."""
    judged = (row for row in cell_rows(export.ledger) if row["verdict"] is not None)
    cells = [
        PicturedCell(row, str(row["reviewed_as"] or REJECTED).rpartition(":")[2])
        for row in judged
        if not flagged or row["verdict"] == "flagged"
    ]
    return sorted(cells, key=lambda cell: cell.row["number"])


def pictures(
    export: Export, cells: list[PicturedCell], side_um: float, side_px: int
) -> "Iterator[tuple[PicturedCell, Image.Image | None]]":
    """Yield each cell with its picture, a square cut out of the recorded frame; frame by frame, so in another order.

    Parameters
    ----------
    side_um
        How wide the square is on the slide.
    side_px
        How wide the picture is. What lies beyond the frame is grey. Where the frame's own pixels are so many they
        are taken as they are.

    Yields
    ------
    tuple
        The picture is None where the frame is damaged or gone: a small one in the record is none of this sharpness.
    """
    from PIL import Image

    from smearwatch.clients.reviewing.gallery import View
    from smearwatch.clients.reviewing.pictures import NoPicture, cut_cell

    found: dict[str, Found] = {}
    in_frames = sorted(cells, key=lambda cell: (cell.row["best_frame"], cell.row["number"]))
    with export.progress("pictures", len(cells)) as advance:
        for done, cell in enumerate(in_frames, start=1):
            frame, index = cell.row["best_frame"], cell.row["best_index"]
            if frame not in found:
                found = {frame: _found(export, frame)}
            of, shown = found[frame], next(each for each in found[frame].cells if each.index == index)
            size_px = (of.width_px, of.height_px)
            view = View(frame, index, shown.box, shown.centre_xy_px, of.um_per_px, size_px, shown.nucleus)
            try:
                picture = cut_cell(export.ledger.folder / "frames", view, side_um)
            except NoPicture:
                yield cell, None
            else:
                same = picture.size == (side_px, side_px)
                yield cell, picture if same else picture.resize((side_px, side_px), Image.Resampling.LANCZOS)
            advance(done)


def _found(export: Export, frame: str) -> Found:
    found = export.ledger.found(frame)
    assert found is not None  # it holds a cell
    return found


def without_picture(missing: int) -> tuple[str, ...]:
    """Return in a sentence how many cells have no picture; nothing where all have one."""
    if not missing:
        return ()
    cells = "cell has" if missing == 1 else "cells have"
    return (f"{missing} {cells} no picture: the recorded frame is damaged or gone (see `smearwatch sessions verify`).",)
