"""The real fields and their labels, in two halves by slide: one that constants were chosen on, one that is reported."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

CHULA_UM_PER_PX, BCCD_UM_PER_PX, PBC_UM_PER_PX = 0.094, 0.07, 0.095
HALVES = ("chosen on", "reported")
_LEAST_HAND_PX = 400  # smaller specks of a hand mask are slips of the pen
_LEAST_BOX_SIDE_PX = 10

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class HandCell:
    """One leukocyte of a hand mask: where it is, and where its nucleus is."""

    whole: np.ndarray
    nucleus: np.ndarray
    at_edge: bool


def halves(folder: Path) -> dict[str, list[Path]]:
    """Share out frames by slide: the name before the last ``_``, every other one; without slides, by number."""
    frames = sorted(folder.glob("*.jpg"))
    slides = sorted({frame.stem.rpartition("_")[0] for frame in frames})
    if len(slides) > 1:
        first = set(slides[::2])
        return {
            half: [f for f in frames if (f.stem.rpartition("_")[0] in first) == (half == HALVES[0])] for half in HALVES
        }
    middle = len(frames) // 2
    return {HALVES[0]: frames[:middle], HALVES[1]: frames[middle:]}


def read(frame: Path) -> np.ndarray:
    """A frame as photographed."""
    picture = cv2.imread(str(frame))
    assert picture is not None, frame
    return np.asarray(picture, np.uint8)


def boxes(frame: Path, width_px: int, height_px: int) -> Iterator[Box]:
    """The labelled boxes of a frame, x, y, width, height in pixels; one of a few pixels is no cell."""
    with (frame.parents[1] / "boxes" / f"{frame.stem}.csv").open() as file:
        for row in csv.DictReader(file):
            width, height = float(row["width"]) * width_px, float(row["height"]) * height_px
            if min(width, height) >= _LEAST_BOX_SIDE_PX:
                yield (
                    float(row["x_center"]) * width_px - width / 2,
                    float(row["y_center"]) * height_px - height / 2,
                    width,
                    height,
                )


def hand_cells(frame: Path) -> tuple[np.ndarray, list[HandCell]]:
    """The hand mask of a frame (0, 128, 255), and its leukocytes; those that touch are one."""
    mask = cv2.imread(str(frame.parents[1] / "masks" / f"{frame.stem}.png"), cv2.IMREAD_GRAYSCALE)
    assert mask is not None, frame
    height, width = mask.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
    cells = []
    for label in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[label])
        if area >= _LEAST_HAND_PX:
            whole = labels == label
            at_edge = x <= 1 or y <= 1 or x + w >= width - 1 or y + h >= height - 1
            cells.append(HandCell(whole, whole & (mask == 255), at_edge))
    return np.asarray(mask, np.uint8), cells
