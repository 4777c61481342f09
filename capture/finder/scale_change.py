"""Whether a field is of another magnification than the session's first ones: an objective that was changed.

The size of the pictures tells nothing of it, nor does what the camera's software states where nobody told it. The red
cells do: in every field they are measured once more, small, which is quick; where that is not sure, as they are.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.scale.red_cells import ScaleEstimate, estimate_um_per_px, find_flat_agreement
from smearwatch.daemon.record.scale_check import differ

CHANGED: Final = 0.35
"""How far a field's scale has to differ from the session's, larger / smaller - 1, to be another magnification's.

Objectives are 1.5 times one another and more. Of 540 fields of three laboratories one field's red cells differed by
more than 0.3 from the median of its slide.
"""
FEWEST_FIELDS: Final = 3
"""So many of a session's fields say what its scale is."""
_FEWEST_RED_CELLS: Final = 4
_QUICK_UM_PER_PX: Final = 0.4


def changed_scale(
    bgr: Image, work: Image, work_um_per_px: float, *, session: Sequence[float], given: float | None
) -> float | None:
    """Return the scale of a field that its own red cells say is neither the session's nor the one it was given.

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

    Returns
    -------
    float or None
        um/px; None where nothing speaks surely against the scale.
    """
    own = _quickly(bgr, work, work_um_per_px)
    if own is None:
        estimate = estimate_um_per_px(bgr)
        own = None if estimate is None or not _counts(estimate) else estimate.um_per_px
    known = [float(np.median(session)), *([] if given is None else [given])]
    return None if own is None or min(differ(own, each) for each in known) <= CHANGED else own


def _quickly(bgr: Image, work: Image, work_um_per_px: float) -> float | None:
    shrink = min(1.0, work_um_per_px / _QUICK_UM_PER_PX)
    small = np.asarray(cv2.resize(work, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    found = find_flat_agreement(small)
    if found is None or not found.is_sure or found.red_cells < _FEWEST_RED_CELLS:
        return None
    return float(found.um_per_px * small.shape[1] / bgr.shape[1])


def _counts(estimate: ScaleEstimate) -> bool:
    return estimate.is_sure and estimate.red_cells >= _FEWEST_RED_CELLS
