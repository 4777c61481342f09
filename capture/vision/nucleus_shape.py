"""The shape of one nucleus: its widest and narrowest place, its length along its axis, its lobes.

That is what the rules between band and segmented neutrophils speak of. All is measured on the outline that the finder
drew, along the nucleus's middle line, and says nothing about the class by itself.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Flags, Floats, Labels, Mask
from smearwatch.capture.vision.lobes import label_components
from smearwatch.capture.vision.thinning import Line, middle_line

DECIMALS = 2
"""Of each length in µm."""

_UM_PER_PX = 0.15  # every nucleus is measured at this scale, so that its own scale does not matter
_SMOOTHED_UM = 0.15  # standard deviation; it takes out the stairs of an outline drawn at 0.22 um/px
_MARGIN_PX = 6
_LEAST_LOBE_UM2 = 3.0  # less on one side of a narrow place is the tip of a nucleus or a drumstick, no lobe
_LARGEST_HOLE_UM2 = 3.0
_STEP_UM = 1.2 * _UM_PER_PX  # between two points of a middle line, on average over its directions
_THREE_BY_THREE = np.ones((3, 3), dtype=np.uint8)
_LEAST_LENGTH = 0.25  # of a lobe's middle line, by its width
_NARROW = 0.75  # of the lesser lobe's width: where a nucleus narrows to it, there is a lobe on either side


@dataclass(frozen=True, slots=True)
class NucleusShape:
    """Lengths of one nucleus in µm, two decimals.

    Attributes
    ----------
    widest_um
        Width of its widest place.
    narrowest_um
        Width of the narrowest place that has wider ones on both sides: as wide as the widest where the nucleus only
        tapers, 0 where its lobes are apart.
    length_um
        Length along its middle line, from tip to tip; of lobes that are apart all together, without the gaps.
    lobes
        How many: 1 without a place that is clearly narrower than both its sides.
    """

    widest_um: float
    narrowest_um: float
    length_um: float
    lobes: int


def measure_nucleus(nucleus: Flags | Mask, um_per_px: float) -> NucleusShape | None:
    """Measure the shape of a nucleus.

    Parameters
    ----------
    nucleus
        [h, w], not 0 inside; it may reach the border, which is taken for its outline.
    um_per_px
        Scale.

    Returns
    -------
    NucleusShape or None
        None where no part is as large as a lobe.
    """
    smooth = _fill_holes(_smoothed(nucleus, um_per_px))
    labels, stats = label_components(smooth)
    large = np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] * _UM_PER_PX**2 >= _LEAST_LOBE_UM2) + 1
    if not len(large):
        return None
    widths_um = _distances_px(smooth) * np.float32(2.0 * _UM_PER_PX)
    parts = [_measure_part(labels, stats[index], int(index), widths_um) for index in large]
    narrowest_um = 0.0 if len(parts) > 1 else parts[0].narrowest_um
    return NucleusShape(
        widest_um=round(max(part.widest_um for part in parts), DECIMALS),
        narrowest_um=round(narrowest_um, DECIMALS),
        length_um=round(sum(part.length_um for part in parts), DECIMALS),
        lobes=sum(part.lobes for part in parts),
    )


def _smoothed(nucleus: Flags | Mask, um_per_px: float) -> Mask:
    """Draw a nucleus at the scale of the measure, its outline smooth, with a margin around it."""
    margin = 2
    padded = cv2.copyMakeBorder((nucleus > 0).astype(np.float32), *(margin,) * 4, cv2.BORDER_CONSTANT, value=0.0)
    to = um_per_px / _UM_PER_PX
    size = (max(1, round(padded.shape[1] * to)), max(1, round(padded.shape[0] * to)))
    drawn = cv2.resize(padded, size, interpolation=cv2.INTER_LINEAR if to > 1.0 else cv2.INTER_AREA)
    drawn = cv2.copyMakeBorder(drawn, *(_MARGIN_PX,) * 4, cv2.BORDER_CONSTANT, value=0.0)
    soft = cv2.GaussianBlur(drawn, (0, 0), _SMOOTHED_UM / _UM_PER_PX)
    return (soft > 0.5).astype(np.uint8)


def _distances_px(inside: Mask) -> Floats:
    """Return each pixel's distance to the outline; the same bytes wherever the mask lies in memory.

    OpenCV's exact distances differ in the last digit by where their rows begin in memory, and a narrow place that is as
    wide as another is then another one. Their squares are whole numbers.
    """
    distance_px = np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), dtype=np.float32)
    return np.asarray(np.sqrt(np.rint(distance_px * distance_px)), dtype=np.float32)


def _fill_holes(smooth: Mask) -> Mask:
    """Fill small holes, where the chromatin is pale."""
    outside, stats = label_components(1 - smooth)
    holes = stats[:, cv2.CC_STAT_AREA] * _UM_PER_PX**2 <= _LARGEST_HOLE_UM2
    holes[0] = False
    return smooth | holes[outside].astype(np.uint8) if holes.any() else smooth


def _measure_part(labels: Labels, box: Labels, index: int, widths_um: Floats) -> NucleusShape:
    x, y, width, height = (int(value) for value in box[:4])
    window = (slice(y - 1, y + height + 1), slice(x - 1, x + width + 1))
    own = (labels[window] == index).astype(np.uint8)
    line = middle_line(own)
    columns, rows = line.xy.T
    # A line of whole pixels runs up to half a pixel beside the true one, on which the width is greatest.
    near_um = cv2.dilate(widths_um[window] * own, _THREE_BY_THREE)
    along_um = near_um[rows, columns].tolist()
    widest_um = float(near_um.max())
    narrowest_um, lobes = _narrow_places(line, along_um)
    way = line.longest_way()
    tips_um = (along_um[way[0]] + along_um[way[-1]]) / 2.0
    return NucleusShape(
        widest_um=widest_um,
        narrowest_um=widest_um if narrowest_um is None else narrowest_um,
        length_um=line.length_px(way) * _UM_PER_PX + tips_um,
        lobes=lobes,
    )


def _narrow_places(line: Line, widths_um: list[float]) -> tuple[float | None, int]:
    """Return the width of the narrowest place between two parts, None without one, and the number of lobes.

    The points of the line are taken from the widest to the narrowest, so that each part grows around its widest place.
    Where two parts meet is the narrow place between them, the last of these is the narrowest.
    """
    part_of: dict[int, _Part] = {}
    narrowest_um, lobes = None, 1
    for point in sorted(range(len(widths_um)), key=widths_um.__getitem__, reverse=True):
        width_um = widths_um[point]
        parts: list[_Part] = []
        for other in line.neighbours[point]:
            if (part := part_of.get(other)) is not None and part not in parts:
                parts.append(part)
        if len(parts) > 1:
            parts.sort(key=lambda part: -part.widest_um)
        own = parts[0] if parts else _Part(width_um)
        for lesser in parts[1:]:
            if own.is_lobe and lesser.is_lobe:
                narrowest_um = width_um
                lobes += width_um <= _NARROW * lesser.widest_um
            own.take(lesser, part_of)
        own.add(point, width_um)
        part_of[point] = own
    return narrowest_um, lobes


class _Part:
    """Points of the line that are joined by places wider than all that is joined later."""

    def __init__(self, widest_um: float) -> None:
        self.widest_um = widest_um
        # Half a disc where the nucleus ends; the points of the line add the ribbon that leads to it.
        self.area_um2 = math.pi / 8.0 * widest_um**2
        self.points: list[int] = []

    @property
    def is_lobe(self) -> bool:
        """Whether it is more than a ripple of the outline or a tip."""
        return self.area_um2 >= _LEAST_LOBE_UM2 and len(self.points) * _STEP_UM >= _LEAST_LENGTH * self.widest_um

    def add(self, point: int, width_um: float) -> None:
        """Add the next point of the line."""
        self.points.append(point)
        self.area_um2 += width_um * _STEP_UM

    def take(self, lesser: "_Part", part_of: "dict[int, _Part]") -> None:
        """Take another part in."""
        self.points += lesser.points
        self.area_um2 += lesser.area_um2
        part_of.update(dict.fromkeys(lesser.points, self))
