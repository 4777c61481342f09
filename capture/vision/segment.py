"""Find the leukocytes of a field: their boxes, outlines and nuclei."""

from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Flags, Image, Labels
from smearwatch.capture.vision.cytoplasm import grow_cells
from smearwatch.capture.vision.nuclei import Nuclei, find_nuclei
from smearwatch.capture.vision.nucleus_shape import NucleusShape, measure_nucleus
from smearwatch.capture.vision.platelets import are_platelets
from smearwatch.capture.vision.stain import StainMaps, stain_maps

CYTOPLASM = 128
NUCLEUS = 255

_TYPICAL_STRENGTH = 0.35
_TYPICAL_NUCLEUS_UM2 = 22.0
_SEEN_AT_BORDER_UM = 0.25


@dataclass(frozen=True, slots=True)
class Leukocyte:
    """One leukocyte in a field, in pixels of the picture.

    Attributes
    ----------
    box
        x, y, width, height of the whole cell.
    centre_xy_px
        Middle of the box.
    area_um2
        Area of the whole cell, as far as it is seen.
    at_edge
        True where the cell touches the picture's border and may be cut by it.
    score
        0-1, how surely this is a leukocyte, by the size and stain of its nucleus.
    nucleus
        Shape of its nucleus; None at the edge, where it may be cut.
    """

    box: tuple[int, int, int, int]
    centre_xy_px: tuple[float, float]
    area_um2: float
    at_edge: bool
    score: float
    nucleus: NucleusShape | None = None


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What was found in a field.

    Attributes
    ----------
    cells
        From the top of the picture downwards.
    whole, nuclei
        int32 [h, w] at the working scale: 0, or the number of the cell that a pixel belongs to.
    size_px
        Width and height of the picture.
    """

    cells: tuple[Leukocyte, ...]
    whole: Labels
    nuclei: Labels
    size_px: tuple[int, int]

    def mask(self) -> Image:
        """Draw what was found, at the picture's size.

        Returns
        -------
        numpy.ndarray
            uint8 [height, width]: 0 background, 128 cytoplasm, 255 nucleus. Smooth edges come from interpolating the
            small label pictures before the cut.
        """
        full = np.zeros(self.size_px[::-1], dtype=np.uint8)
        for labels, value in ((self.whole, CYTOPLASM), (self.nuclei, NUCLEUS)):
            if labels.any():
                soft = cv2.resize((labels > 0).astype(np.uint8) * 255, self.size_px, interpolation=cv2.INTER_LINEAR)
                full[soft > 127] = value
        return full


def segment(
    flat_bgr: Image, um_per_px: float, *, size_px: tuple[int, int] | None = None, seen: Flags | None = None
) -> Segmentation:
    """Find every leukocyte in a flattened field.

    Parameters
    ----------
    flat_bgr
        uint8 [height, width, 3], from `smearwatch.capture.vision.light`.
    um_per_px
        Scale of `flat_bgr`.
    size_px
        Width and height of the picture that `flat_bgr` is a smaller copy of; boxes, centres and mask are in its
        pixels. None for its own size.
    seen
        bool [height, width], where of `flat_bgr` the field is seen; None: everywhere.

    Returns
    -------
    Segmentation
    """
    size = size_px or (flat_bgr.shape[1], flat_bgr.shape[0])
    maps = stain_maps(flat_bgr, um_per_px, seen=seen)
    nuclei = find_nuclei(maps)
    whole = grow_cells(maps, nuclei)
    cells, left_out = [], []
    for label in range(1, len(nuclei.areas_um2) + 1):
        cell = _measure_leukocyte(whole, nuclei, label, maps, size)
        if not cell.at_edge and are_platelets(maps, nuclei, label, cell.area_um2):
            left_out.append(label)
        else:
            cells.append(cell)
    return Segmentation(
        cells=tuple(sorted(cells, key=lambda cell: (cell.box[1], cell.box[0]))),
        whole=_remove(whole, left_out),
        nuclei=_remove(nuclei.labels, left_out),
        size_px=size,
    )


def _remove(labels: Labels, left_out: list[int]) -> Labels:
    return np.where(np.isin(labels, left_out), 0, labels).astype(np.int32) if left_out else labels


def _measure_leukocyte(
    whole: Labels, nuclei: Nuclei, label: int, maps: StainMaps, size_px: tuple[int, int]
) -> Leukocyte:
    own = whole == label
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    width, height = size_px
    to_x, to_y = width / whole.shape[1], height / whole.shape[0]
    left, top = int(columns[0] * to_x), int(rows[0] * to_y)
    right = min(width, int(np.ceil((columns[-1] + 1) * to_x)))
    bottom = min(height, int(np.ceil((rows[-1] + 1) * to_y)))
    margin = max(0, round(_SEEN_AT_BORDER_UM / maps.um_per_px))
    at_edge = bool(
        rows[0] <= margin
        or columns[0] <= margin
        or rows[-1] >= whole.shape[0] - 1 - margin
        or columns[-1] >= whole.shape[1] - 1 - margin
    )
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return Leukocyte(
        box=(left, top, right - left, bottom - top),
        centre_xy_px=((left + right) / 2.0, (top + bottom) / 2.0),
        area_um2=round(float(own.sum()) * maps.um_per_px**2, 2),
        at_edge=at_edge,
        score=_score(nuclei.areas_um2[label - 1], nuclei.strengths[label - 1]),
        nucleus=None if at_edge else measure_nucleus(nuclei.labels[window] == label, maps.um_per_px),
    )


def _score(nucleus_um2: float, strength: float) -> float:
    """Rate a nucleus by two soft steps: of a leukocyte's size, and stained like one."""
    size = 1.0 / (1.0 + np.exp(-(nucleus_um2 - _TYPICAL_NUCLEUS_UM2) / 4.0))
    stain = 1.0 / (1.0 + np.exp(-(strength - _TYPICAL_STRENGTH) / 0.05))
    return round(float(size * stain), 4)
