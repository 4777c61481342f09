"""Whether a field is of another magnification than the session's first ones: an objective that was changed.

The size of the pictures tells nothing of it, nor does what the camera's software states where nobody told it. The red
cells do: in every field they are measured once more, small, which is quick, and in its middle first; where that is not
sure, as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.scale.red_cells import ScaleEstimate, estimate_um_per_px, find_flat_agreement
from smearwatch.daemon.record.scale_check import CHANGED, differ

_FAR, _FARTHEST = 0.5, 3.0
"""How far few red cells, that are not sure, have to differ: at least and at most, for objectives differ by less.

Of 687 fields none did so through its own objective, and of those magnified by 1.6 and 2.5 that were not sure 62 of 90.
"""
_LEAST_NUCLEUS_UM: Final = 4.0
FEWEST_FIELDS: Final = 3
"""So many of a session's fields say what its scale is."""
_FEWEST_RED_CELLS: Final = 4
_QUICK_UM_PER_PX: Final = 0.4
_ALIKE: Final = 0.2
"""As near as this to the session's scale, the red cells in the middle of a field are believed without the others.

Of 161 fields of three laboratories, as they are and through objectives 0.4 to 2.5 times as strong, none differed by all
of its red cells where its middle said so.
"""
_WIDE_UM: Final = 100.0  # a field that is less wide has too few red cells in its middle to be sure


@dataclass(frozen=True, slots=True)
class OwnScale:
    """What a field's red cells say of the scale that it is to be searched at.

    Attributes
    ----------
    um_per_px
        Their own scale; None where nothing round is seen.
    is_sure
        Whether they are enough to say so.
    contradicts
        Whether the field is not to be searched at it.
    """

    um_per_px: float | None
    is_sure: bool
    contradicts: bool

    @property
    def agrees(self) -> bool:
        """Whether they surely say that it is right."""
        return self.is_sure and not self.contradicts


def compare_scale(
    bgr: Image,
    work: Image,
    work_um_per_px: float,
    *,
    session: Sequence[float],
    given: float | None,
    two_objectives: bool = False,
) -> OwnScale:
    """Compare a field's own red cells with both the session's scale and the one it was given.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3], as decoded.
    work, work_um_per_px
        The same field with its light divided out, and its scale as it is taken to be.
    session
        What the red cells of the session's first fields of this kind said, um/px, or the scale that is made of it.
    given
        The scale that came with the picture; one that changes with the objective is right.
    two_objectives
        Whether an earlier field of the session was surely of another magnification. Then a field has to speak for its
        scale, be it unsurely; else it is enough that it does not speak against it, surely or as one that is magnified.
    """
    known = [float(np.median(session)), *([] if given is None else [given])]
    small = _shrunken(work, work_um_per_px)
    small_um_per_px = small.shape[1] / bgr.shape[1]
    if work.shape[1] * work_um_per_px >= _WIDE_UM:
        in_the_middle = _sure_um_per_px(_middle(small), small_um_per_px)
        if in_the_middle is not None and min(differ(in_the_middle, each) for each in known) <= _ALIKE:
            return OwnScale(in_the_middle, is_sure=True, contradicts=False)
    own, is_sure, seems_magnified = _sure_um_per_px(small, small_um_per_px), True, False
    if own is None:
        estimate = estimate_um_per_px(bgr)
        own = None if estimate is None else estimate.um_per_px
        is_sure = estimate is not None and _counts(estimate)
        seems_magnified = estimate is not None and _is_magnified(estimate, known)
    agrees = own is not None and min(differ(own, each) for each in known) <= CHANGED
    return OwnScale(own, is_sure, (is_sure or seems_magnified or two_objectives) and not agrees)


def _shrunken(work: Image, work_um_per_px: float) -> Image:
    shrink = min(1.0, work_um_per_px / _QUICK_UM_PER_PX)
    return np.asarray(cv2.resize(work, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _middle(small: Image) -> Image:
    """Return the middle of a picture, a quarter of its area: where most fields show red cells enough."""
    height, width = small.shape[:2]
    return np.ascontiguousarray(small[height // 4 : height - height // 4, width // 4 : width - width // 4])


def _sure_um_per_px(small: Image, by_original: float) -> float | None:
    """Return the scale of the original by the red cells of the small picture, None where these are not sure of it."""
    found = find_flat_agreement(small)
    if found is None or not found.is_sure or found.red_cells < _FEWEST_RED_CELLS:
        return None
    return float(found.um_per_px * by_original)


def _is_magnified(estimate: ScaleEstimate, known: Sequence[float]) -> bool:
    """Return whether few red cells, but at least one, are far larger than they would be at each known scale.

    Where the field's nuclei would be smaller than any at the scale that they say, they are none.
    """
    if estimate.nucleus_um is not None and estimate.nucleus_um < _LEAST_NUCLEUS_UM:
        return False
    return estimate.red_cells > 0 and all(_FAR < each / estimate.um_per_px - 1.0 < _FARTHEST for each in known)


def _counts(estimate: ScaleEstimate) -> bool:
    return estimate.is_sure and estimate.red_cells >= _FEWEST_RED_CELLS
