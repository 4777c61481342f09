"""Check that the scale that somebody typed is one at which these cells are leukocytes, before hours are spent on it."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.vision.light import flatten_cell
from smearwatch.capture.vision.segment import segment
from smearwatch.daemon.regular_file import read_text
from smearwatch.train.data.class_tree import LABELS, PICTURES
from smearwatch.train.data.samples import DataUnusable, read_picture

_Thing = TypeVar("_Thing")

LEAST_UM, MOST_UM = 9.0, 20.0
"""Between these lies the median diameter of a smear's leukocytes: a small lymphocyte to a large monocyte."""

_USUAL_UM = 12.5
_MEASURED_PICTURES = 30
_FEWEST_MEASURED = 0.6
_LADDER_STEPS, _LADDER_PICTURES = 8, 12
_SMALLEST_SHARE = 1 / 8  # of the picture's side, for a cell that somebody cut a picture around


def check_tree_scale(root: Path, um_per_px: float, *, force: bool = False) -> float | None:
    """Check a scale against the cells of a class tree.

    Some thirty pictures, evenly from the folders of true classes, are segmented at that scale; where their middle
    cells do not come out as large as leukocytes, other scales are tried, and the one at which they do is named.

    Parameters
    ----------
    root
        Folder of class folders.
    um_per_px
        The scale in question.
    force
        Measure, and refuse nothing.

    Returns
    -------
    float or None
        Median diameter in um; None where too few cells could be measured.

    Raises
    ------
    DataUnusable
        Where the cells are too small or too large at that scale.
    """
    pictures = [flatten_cell(read_picture(path)) for path in _spread(root)]
    if not pictures:
        return None
    diameter_um, share = _measured(pictures, um_per_px)
    if share < _FEWEST_MEASURED or not LEAST_UM <= diameter_um <= MOST_UM:
        diameter_px = _diameter_px(pictures)
        if diameter_px is None:
            return None
        diameter_um = diameter_px * um_per_px
    return _checked(root, um_per_px, diameter_um, force)


def check_boxes_scale(root: Path, um_per_px: float, *, force: bool = False) -> float | None:
    """Check a scale against the boxes of whole fields (`frames/` and `boxes/`), as `check_tree_scale` does.

    Raises
    ------
    DataUnusable
        Where the boxes are too small or too large at that scale.
    """
    sides = [side for path in _some(sorted((root / "boxes").glob("*.csv"))) for side in _box_sides_px(root, path)]
    return _checked(root, um_per_px, float(np.median(sides)) * um_per_px, force) if sides else None


def _checked(root: Path, um_per_px: float, diameter_um: float, force: bool) -> float:
    if not force and not LEAST_UM <= diameter_um <= MOST_UM:
        fitting = um_per_px * _USUAL_UM / diameter_um
        matter = (
            f"at {um_per_px:g} um/px its cells measure {diameter_um:.1f} um; leukocytes measure "
            f"{LEAST_UM:g} to {MOST_UM:g} um, which about {fitting:.2g} um/px would give"
        )
        raise DataUnusable(root, matter, "correct the scale, or give --force-scale")
    return round(diameter_um, 2)


def _spread(root: Path) -> list[Path]:
    folders = [root / name for name in LABELS if (root / name).is_dir()]
    each = -(-_MEASURED_PICTURES // max(len(folders), 1))
    found = []
    for folder in folders:
        found += _some(sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES), each)
    return found


def _some(things: Sequence[_Thing], most: int = _MEASURED_PICTURES) -> list[_Thing]:
    """Pick at most so many, spread evenly."""
    return [things[index * len(things) // most] for index in range(most)] if len(things) > most else list(things)


def _measured(pictures: Sequence[Image], um_per_px: float) -> tuple[float, float]:
    """Measure the median diameter in um of the cells in the middle, and the share of pictures that show one."""
    diameters = []
    for picture in pictures:
        y, x = picture.shape[0] / 2, picture.shape[1] / 2
        areas = [
            cell.area_um2
            for cell in segment(picture, um_per_px).cells
            if abs(cell.centre_xy_px[0] - x) <= cell.box[2] / 2 and abs(cell.centre_xy_px[1] - y) <= cell.box[3] / 2
        ]
        if areas:
            diameters.append(2.0 * float(np.sqrt(max(areas) / np.pi)))
    return (float(np.median(diameters)) if diameters else 0.0), len(diameters) / len(pictures)


def _diameter_px(pictures: Sequence[Image]) -> float | None:
    """Find the diameter in px, by the scale at which the cells are most like leukocytes; None where they never are."""
    best: tuple[float, float] | None = None
    few = _some(pictures, _LADDER_PICTURES)
    whole = _USUAL_UM / float(np.median([min(picture.shape[:2]) for picture in few]))
    for um_per_px in np.geomspace(whole, whole / _SMALLEST_SHARE, _LADDER_STEPS):
        diameter_um, share = _measured(few, float(um_per_px))
        if share < _FEWEST_MEASURED:
            continue
        away = abs(float(np.log(diameter_um / _USUAL_UM)))
        if best is None or away < best[0]:
            best = (away, diameter_um / float(um_per_px))
    return None if best is None else best[1]


def _box_sides_px(root: Path, table: Path) -> list[float]:
    """Return the mean side of each box in pixels; none of boxes that cannot be read, which their reader reports."""
    frames = [path for path in (root / "frames").glob(f"{table.stem}.*") if path.suffix.lower() in PICTURES]
    if not frames:
        return []
    height, width = read_picture(frames[0]).shape[:2]
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(table), newline="")))
        return [float(np.sqrt(float(row["width"]) * width * float(row["height"]) * height)) for row in rows]
    except (OSError, KeyError, TypeError, ValueError):
        return []
