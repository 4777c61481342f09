"""Contact sheets: a class's cells as photographed, and below each the same cell alone."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.models.classes import CLASSES
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.paper.databases import Databases

_TILE_PX = 150
_COLUMNS = 10
_CELLS = 40
_GAP_PX = 6


def write_sheets(folder: Path, databases: Databases) -> list[Path]:
    """Write one PNG a class, up to forty of its cells each, the first by lot.

    Raises
    ------
    DataUnusable
        Where a sheet cannot be written.
    """
    written = []
    for name in CLASSES:
        pairs = [
            (photographed, alone)
            for photographed, alone in zip(databases.cells, databases.alone, strict=True)
            if photographed.label == name
        ]
        path = folder / f"databases_{name}.png"
        encoded, png = cv2.imencode(".png", contact_sheet(pairs[:_CELLS]))
        if not encoded:
            raise DataUnusable(path, "the contact sheet cannot be encoded", "use a smaller --per-class")
        path.write_bytes(png.tobytes())
        written.append(path)
    return written


def contact_sheet(pairs: Sequence[tuple[Sample, Sample]]) -> Image:
    """Lay out pairs of DB-2 and DB-1, DB-2 above: uint8 [h, w, 3]; at least one pair."""
    rows = []
    for start in range(0, len(pairs), _COLUMNS):
        chosen = pairs[start : start + _COLUMNS]
        above = np.hstack([_tile(photographed) for photographed, _ in chosen])
        below = np.hstack([_tile(alone) for _, alone in chosen])
        row = np.vstack([above, below])
        rows.append(cv2.copyMakeBorder(row, 0, _GAP_PX, 0, _wide() - row.shape[1], cv2.BORDER_CONSTANT))
    return np.asarray(np.vstack(rows), dtype=np.uint8)


def _wide() -> int:
    return _COLUMNS * _TILE_PX


def _tile(sample: Sample) -> Image:
    return np.asarray(cv2.resize(sample.draw(), (_TILE_PX, _TILE_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)
