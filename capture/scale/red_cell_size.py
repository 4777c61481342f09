"""The size of the red cells around a leukocyte: what a session's scale is checked and corrected by."""

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.scale.agreement import RED_CELL_UM
from smearwatch.capture.scale.red_cells import find_flat_agreement
from smearwatch.capture.vision.crop import FIELD_UM

DECIMALS = 3
"""Of each diameter in micrometres."""

_SIDE_PX = 132  # a red cell is 30 px wide then; a finer picture says no more and takes longer
_LEAST_UM, _GREATEST_UM = 4.0, 14.0  # beyond these something else was measured


def measure_red_cell_um(crop_bgr: Image) -> float | None:
    """Measure the red cells in a leukocyte's crop.

    Parameters
    ----------
    crop_bgr
        uint8 [side, side, 3], a crop of 33 um, or the same shrunken; light flattened.

    Returns
    -------
    float or None
        Their diameter in um by the scale at which the crop was cut, three decimals. None where too few are seen that
        agree, by themselves or with the nucleus.
    """
    small = crop_bgr
    if crop_bgr.shape[0] != _SIDE_PX:
        small = np.asarray(cv2.resize(crop_bgr, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    agreement = find_flat_agreement(small)
    if agreement is None or not agreement.is_sure:
        return None
    red_cell_um = round(RED_CELL_UM * FIELD_UM / _SIDE_PX / agreement.um_per_px, DECIMALS)
    return red_cell_um if _LEAST_UM <= red_cell_um <= _GREATEST_UM else None
