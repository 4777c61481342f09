"""The cells that a report shows: some of each name, evenly spread over the count, and every flagged one."""

from dataclasses import dataclass
from typing import Any, Final

from smearwatch.clients.exports.cell_pictures import PicturedCell, pictured_cells, pictures
from smearwatch.clients.exports.format import Export
from smearwatch.clients.exports.picture_data import picture_data
from smearwatch.clients.exports.sheet import groups_of
from smearwatch.daemon.record.events import Seen
from smearwatch.daemon.share_text import label_text

SIDE_UM: Final = 22.0
_SIDE_PX: Final = 176
_OF_EACH: Final = 4
_LONGEST_NAME: Final = 16


@dataclass(frozen=True, slots=True)
class ShownCells:
    """What a report shows: groups of some cells, all flagged ones, who has named these, how many have no picture."""

    groups: list[dict[str, Any]]
    flagged: list[dict[str, Any]]
    by: list[str]
    missing: int


def shown_cells(export: Export) -> ShownCells:
    """Return the cells with their pictures."""
    cells = pictured_cells(export)
    flagged = [cell for cell in cells if cell.row["verdict"] == "flagged"]
    named = {name for row in export.result.rows for name in (row.name, row.label)}  # not what was set aside
    groups = [
        (group, _spread([cell for cell in group.cells if cell.row["verdict"] != "flagged"] or group.cells))
        for group in groups_of(export.result, cells, flagged=False)
        if group.name in named
    ]
    wanted = {cell.row["number"]: cell for cell in [*flagged, *(cell for _, some in groups for cell in some)]}
    data = {
        cell.row["number"]: None if picture is None else picture_data(picture)
        for cell, picture in pictures(export, [*wanted.values()], SIDE_UM, _SIDE_PX)
    }
    seen = (recorded.event for recorded in export.ledger.seen_frames())
    frames = {each.frame: (n, each.name) for n, each in enumerate(seen, start=1) if isinstance(each, Seen)}

    def told(cell: PicturedCell) -> dict[str, Any]:
        row = cell.row
        number, name = frames[row["best_frame"]]
        label = label_text(row["label"]).partition(",")[0] if row["label"] else None
        return {
            "number": row["number"],
            "picture": data[row["number"]],
            "frame": number,
            "file": name,
            "short": _shortened(name),
            "machine": row["class"],
            "person": label,
            "by": row["labelled_by"] if label else None,
        }

    return ShownCells(
        [
            {
                "name": group.name,
                "heading": group.heading,
                "of": len(group.cells),
                "cells": [told(each) for each in some],
            }
            for group, some in groups
        ],
        [told(cell) for cell in flagged],
        sorted({cell.row["labelled_by"] for cell in flagged if cell.row["label"]}),
        sum(each is None for each in data.values()),
    )


def _spread(cells: list[PicturedCell]) -> list[PicturedCell]:
    """Return so many of them, from the first to the last at equal steps: chosen by nothing that they look like."""
    if len(cells) <= _OF_EACH:
        return cells
    return [cells[round(place * (len(cells) - 1) / (_OF_EACH - 1))] for place in range(_OF_EACH)]


def _shortened(name: str) -> str:
    """Return a file's name as it fits under a picture: its end, which numbers files, is kept."""
    return name if len(name) <= _LONGEST_NAME else f"\N{HORIZONTAL ELLIPSIS}{name[1 - _LONGEST_NAME :]}"
