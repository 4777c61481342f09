"""How clearly a view shows its leukocyte, and when another view of the same one is so much clearer that it is judged.

It is measured on the thumbnail, which the ledger keeps, so a session that is continued decides as it would have.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, Flags, Plane
from smearwatch.capture.registration.atlas import CellKey
from smearwatch.capture.registration.signatures import Thumbnail
from smearwatch.capture.vision.crop import FIELD_UM

_FINE_UM, _COARSE_UM = 0.16, 1.0
_AROUND_UM = 8.0  # of the cell's middle: the cell itself and the red cells that touch it
_FILLED_UM = 0.7  # what lies beyond the field is filled in, and so is the edge of what does not
_STEEPEST_PERCENT = 95
_DIRECTIONS = 6
_FLATTEST_EDGE = 1e-3  # grey steps per pixel

# Chula's neighbouring views of one cell differ by 4 % in the median, by more than 10 % in a tenth of the pairs; a blur
# of 0.3 um makes a view 0.76 times as sharp in the median.
_CLEARLY_SHARPER, _AS_SHARP = 1.2, 0.95
_CLEARLY_MORE_INSIDE, _AS_MUCH_INSIDE = 0.25, 0.02


@dataclass(frozen=True, slots=True)
class Clearness:
    """How clearly a view shows its leukocyte.

    Attributes
    ----------
    sharpness
        How many times steeper edges at the cell are seen finely than seen coarsely, the mean over directions, for
        movement blurs some of them; with three digits, for more would differ from one processor to another.
    inside
        Share of a crop's usual field (`smearwatch.capture.vision.crop.FIELD_UM`) around the cell that
        the picture shows: 0-1.
    """

    sharpness: float
    inside: float

    def beats(self, other: "Clearness") -> bool:
        """Return whether another view of the same cell is clearly worse: blurred beside this one, or more cut off."""
        sharper = self.sharpness >= _CLEARLY_SHARPER * other.sharpness and self.inside >= other.inside - _AS_MUCH_INSIDE
        more = self.inside >= other.inside + _CLEARLY_MORE_INSIDE and self.sharpness >= _AS_SHARP * other.sharpness
        return sharper or more


class BestViews:
    """The best view of each leukocyte until now, by the frame and index under which it is counted."""

    def __init__(self) -> None:
        self._best: dict[CellKey, tuple[CellKey, Clearness]] = {}

    def beaten(self, same_as: Mapping[int, CellKey], clear: Mapping[int, Clearness]) -> dict[int, CellKey]:
        """Return the views that cells of a field beat, by the cells' indices.

        Parameters
        ----------
        same_as
            For the index of each cell seen before, under which frame and index it is counted.
        clear
            How clearly the field shows its cells, by index.
        """
        known = {index: self._best[counted] for index, counted in same_as.items() if counted in self._best}
        return {index: view for index, (view, other) in known.items() if clear[index].beats(other)}

    def take(
        self,
        frame: str,
        same_as: Mapping[int, CellKey],
        better_than: Mapping[int, CellKey],
        clear: Mapping[int, Clearness],
    ) -> None:
        """Remember the cells of a field that were seen for the first time, and those that beat another view."""
        for index, seen in clear.items():
            if index not in same_as or index in better_than:
                self._best[same_as.get(index, (frame, index))] = (frame, index), seen
        for index in better_than.keys() - clear.keys():  # a view that is no longer known cannot be compared
            self._best.pop(same_as[index], None)


def measure_clearness(thumbnail: Thumbnail) -> Clearness:
    """Measure how clearly a view shows its leukocyte."""
    return Clearness(_sharpness(thumbnail), round(_inside(thumbnail), 3))


def _sharpness(thumbnail: Thumbnail) -> float:
    grey = cv2.cvtColor(thumbnail.bgr, cv2.COLOR_BGR2GRAY).astype(np.float32)
    at_cell = _at_cell(thumbnail, grey.shape[0])
    if not at_cell.any():
        return 0.0
    fine, coarse = (_steepest(grey, um / thumbnail.um_per_px, at_cell) for um in (_FINE_UM, _COARSE_UM))
    return round(float((fine / coarse).mean()), 3)


def _at_cell(thumbnail: Thumbnail, side: int) -> Flags:
    along = (np.arange(side) - (side - 1) / 2) * thumbnail.um_per_px
    x, y = thumbnail.centre_um.real + along, thumbnail.centre_um.imag + along
    across = (x >= _FILLED_UM) & (x <= thumbnail.field_um.real - _FILLED_UM)
    down = (y >= _FILLED_UM) & (y <= thumbnail.field_um.imag - _FILLED_UM)
    near = np.hypot(along[:, None], along[None, :]) <= _AROUND_UM
    return np.asarray(near & down[:, None] & across[None, :], np.bool_)


def _steepest(grey: Plane, sigma_px: float, at_cell: Flags) -> Doubles:
    """Measure how steep the steepest edges across each direction are: float64 [directions]."""
    seen = cv2.GaussianBlur(grey, (0, 0), sigma_px)
    across, down = (cv2.Sobel(seen, cv2.CV_32F, x, 1 - x, scale=0.125)[at_cell] for x in (1, 0))
    angles = np.arange(_DIRECTIONS) * (np.pi / _DIRECTIONS)
    steepness = np.abs(np.outer(np.cos(angles), across) + np.outer(np.sin(angles), down))
    rank = steepness.shape[1] * _STEEPEST_PERCENT // 100
    return np.asarray(np.partition(steepness, rank, axis=1)[:, rank] + _FLATTEST_EDGE, np.float64)


def _inside(thumbnail: Thumbnail) -> float:
    def shown(middle_um: float, length_um: float) -> float:
        reach = FIELD_UM / 2
        return max(0.0, min(middle_um + reach, length_um) - max(middle_um - reach, 0.0)) / FIELD_UM

    centre, field = thumbnail.centre_um, thumbnail.field_um
    return shown(centre.real, field.real) * shown(centre.imag, field.imag)
