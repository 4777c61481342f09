"""Drawn pictures of one cell each, and which of a session's cells is the one in the middle."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.models.classes import CLASSES

UM = 0.09
SIDE_PX = 400


def write_cells(folder: Path, of_each: int) -> list[Path]:
    """Draw so many cells of each class, most of them beside the middle; return the files in their order."""
    folder.mkdir()
    for number, cls in enumerate(CLASSES * of_each):
        rng = np.random.default_rng(number)
        drawn = render_cell_picture(cls, rng, um_per_px=UM, size_px=SIDE_PX, jitter_um=2.0)
        assert cv2.imwrite(str(folder / f"{number:02d}_{cls}.png"), drawn)
    return sorted(folder.iterdir())


def middle_row(rows: Iterable[Mapping[str, Any]], file: Path | str) -> Mapping[str, Any]:
    """Return the exported row of the cell nearest to the middle of a picture."""
    return min(
        (row for row in rows if row["name"] == Path(file).name),
        key=lambda row: abs(row["centre_x_px"] - SIDE_PX / 2) + abs(row["centre_y_px"] - SIDE_PX / 2),
    )
