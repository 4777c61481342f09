"""Whole fields without a leukocyte: what the finder finds there all the same, and red cells; all of it to reject."""

import hashlib
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.arrays import Image
from smearwatch.capture.vision.light import at_work_scale
from smearwatch.train.data.class_tree import PICTURES
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import REJECT, DataUnusable, Sample, field_crop, read_file, read_picture
from smearwatch.train.data.searched_frames import search_frames

RED_CELLS_PER_FIELD = 4

_LEAST_RADIUS_UM, _MOST_RADIUS_UM = 2.0, 5.0
_APART_UM = 3.0  # of two middles
_FROM_BORDER_UM = 5.0  # the cell itself is whole


def read_empty_fields(
    root: Path, um_per_px: float, *, source: str, left_out: Collection[str], cache: Path, progress: Progress
) -> list[Sample]:
    """List what is to be rejected in fields without a leukocyte.

    Parameters
    ----------
    root
        Folder with the fields, or with a folder `frames/` that holds them.
    um_per_px
        Scale of all fields.
    source
        Name of the data set in reports.
    left_out
        Names of fields that hold a leukocyte after all.
    cache
        Keeps what was found, so that a second run need not search.

    Raises
    ------
    DataUnusable
        Where there is no picture, or none of a name that is to be left out.
    """
    folder = root / "frames" if (root / "frames").is_dir() else root
    if not folder.is_dir():
        raise DataUnusable(root, "there is no such folder", "name the folder of the fields without leukocytes")
    frames = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    for name in left_out:
        if name not in {path.name for path in frames}:
            raise DataUnusable(folder, f"no {name} in it, which is to be left out", "correct the list `except`")
    frames = [path for path in frames if path.name not in left_out]
    if not frames:
        raise DataUnusable(folder, "no pictures in it", "name the folder of the fields without leukocytes")
    samples = []
    searched = search_frames(frames, um_per_px, cache, progress, what="empty fields searched")
    for frame, seen in zip(frames, searched, strict=True):
        found = [centre for centre, at_edge in zip(seen.centres, seen.at_edge, strict=True) if not at_edge]
        samples += _rejects(source, frame, um_per_px, "found_no_leukocyte", found)
        samples += _rejects(source, frame, um_per_px, "red_cell", _some_red_cells(frame, um_per_px))
    return samples


def _rejects(
    source: str, frame: Path, um_per_px: float, label: str, centres_xy_share: Sequence[tuple[float, float]]
) -> list[Sample]:
    digest = hashlib.sha256(read_file(frame)).hexdigest()
    return [
        Sample(
            sample_id=f"{source}/{frame.name}/{label}/{x:.6f},{y:.6f}",
            source=source,
            label=label,
            target=REJECT,
            group=f"{source}/{frame.stem}",
            agreed=None,
            draw=partial(field_crop, frame, um_per_px, (x, y)),
            digest=digest,
        )
        for x, y in centres_xy_share
    ]


def _some_red_cells(frame: Path, um_per_px: float) -> list[tuple[float, float]]:
    """Choose a few red cells by a seed from the frame's name; their middles in shares of width and height."""
    work, work_um_per_px, _ = at_work_scale(read_picture(frame), um_per_px)
    middles = _red_cell_middles(work, work_um_per_px)
    seed = int.from_bytes(hashlib.sha256(frame.name.encode()).digest()[:8])
    chosen = np.random.default_rng(seed).permutation(len(middles))[:RED_CELLS_PER_FIELD]
    height, width = work.shape[:2]
    return [(float(x + 0.5) / width, float(y + 0.5) / height) for x, y in middles[np.sort(chosen)]]


def _red_cell_middles(flat_bgr: Image, um_per_px: float) -> NDArray[np.int64]:
    """Find where discs as large as red cells fit into what is dark in green: int64 [n, 2], x and y in px."""
    green = cv2.GaussianBlur(np.ascontiguousarray(flat_bgr[..., 1]), (0, 0), 1.0)
    _, dark = cv2.threshold(green, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    outlines, _ = cv2.findContours(dark, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(dark), outlines, -1, 255, cv2.FILLED)  # pale centres too
    radius_um = cv2.distanceTransform(filled, cv2.DIST_L2, 5) * um_per_px
    side = 2 * max(1, round(_APART_UM / um_per_px)) + 1
    highest = cv2.dilate(radius_um, np.ones((side, side), dtype=np.uint8))
    fits = (radius_um >= highest) & (radius_um >= _LEAST_RADIUS_UM) & (radius_um <= _MOST_RADIUS_UM)
    margin = round(_FROM_BORDER_UM / um_per_px)
    inner = np.zeros_like(fits)
    inner[margin : fits.shape[0] - margin, margin : fits.shape[1] - margin] = True
    y, x = np.nonzero(fits & inner)
    return np.stack([x, y], axis=1).astype(np.int64)
