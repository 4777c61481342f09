"""What `smearwatch segment` reports about a picture: as a JSON object, and as a line for a person."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from smearwatch.daemon.in_part_text import part_text

if TYPE_CHECKING:
    from smearwatch.capture.finder.field import FieldFound, FieldRejected

NOTHING_KNOWN: dict[str, Any] = {
    "file": None,
    "width": None,
    "height": None,
    "um_per_px": None,
    "um_per_px_source": None,
    "accepted": False,
    "reason": None,
    "focus": None,
    "cells": [],
}
"""All that a record holds, for a picture that was not searched."""


def found_record(file: Path, found: "FieldFound") -> dict[str, Any]:
    """Return the record of a picture that was searched."""
    return {
        "file": str(file),
        "width": found.width_px,
        "height": found.height_px,
        "um_per_px": round(found.um_per_px, 6),
        "um_per_px_source": found.um_per_px_source,
        "accepted": True,
        "reason": None,
        "focus": found.focus,
        "cells": [
            {
                "box": list(cell.leukocyte.box),
                "area_um2": cell.leukocyte.area_um2,
                "at_edge": cell.leukocyte.at_edge,
                "score": cell.leukocyte.score,
            }
            for cell in found.cells
        ],
    }


def poor_record(file: Path, rejected: "FieldRejected") -> dict[str, Any]:
    """Return the record of a picture whose quality was too poor to be searched."""
    return {
        **NOTHING_KNOWN,
        "file": str(file),
        "width": rejected.width_px,
        "height": rejected.height_px,
        "um_per_px": rejected.um_per_px,
        "reason": rejected.reason,
        "value": rejected.value,
    }


def plain_line(record: dict[str, Any], *, short: bool = False) -> str:
    """Return a record as a line of text, without the file and its size where it is to be short."""
    size = f"{record['width']}x{record['height']}"
    note = f", {record['note']}" if "note" in record else ""
    if not record["accepted"]:
        reason = f"{record['reason'].replace('_', ' ')} ({record['value']:g})"
        return f"{record['file']}: {size}, not searched: {reason}{note}"
    cells = record["cells"]
    at_edge = sum(cell["at_edge"] for cell in cells)
    scale = f"{record['um_per_px']:.3g} um/px ({record['um_per_px_source'].replace('_', ' ')})"
    found = f"{len(cells)} leukocyte{'' if len(cells) == 1 else 's'}"
    cut = f", {at_edge} of them at the edge" if at_edge else ""
    if "unsearched_percent" in record:
        note = f", {part_text(record['unsearched_percent'])}{note}"
    summary = f"{scale}, focus {record['focus']:.2f}, {found}{cut}"
    return summary if short else f"{record['file']}: {size}, {summary}{note}"
