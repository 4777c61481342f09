"""Decide whether a field is worth searching: lit, not empty, in focus. Every refusal carries its number."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.light import WHITE

QualityReason = Literal["underexposed", "overexposed", "empty", "out_of_focus"]

_WORK_UM_PER_PX = 0.2
_FINE_UM, _COARSE_UM = 0.16, 0.64
_DARKEST_BACKGROUND = 30.0  # of 255, bright end of green; below, eight bits hold too few steps of stain
_SATURATED = 253
_GREATEST_SATURATED_SHARE = 0.6
_ABSORBING = 14.0  # grey steps below white: pale red cells reach them, camera noise does not
_LEAST_ABSORBING_SHARE = 0.002
_AROUND_UM = 1.0
_EDGE_PERCENTILE = 98.0
_BLURRED, _SHARP = 0.04, 0.34
_LEAST_SHARPNESS = 0.115

Image = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Quality:
    """A judgement of one field.

    Attributes
    ----------
    accepted
        Whether it is searched for leukocytes.
    reason
        None where accepted.
    focus
        0 (smeared out over more than 2 um) to 1 (as sharp as a good objective draws).
    value
        The number that decided: a grey level (`underexposed`), a share of pixels (`overexposed`, `empty`), or
        the steepest edges per um of contrast (`out_of_focus` and accepted fields).
    """

    accepted: bool
    reason: QualityReason | None
    focus: float
    value: float


def judge(flat_bgr: Image, um_per_px: float, *, raw_bgr: Image | None = None) -> Quality:
    """Judge one field.

    Parameters
    ----------
    flat_bgr
        uint8 [height, width, 3], from `smearwatch.capture.light.flatten_field`.
    um_per_px
        Its scale.
    raw_bgr
        The same field as photographed, uint8 [height, width, 3]; exposure is judged only where it is given.

    Returns
    -------
    Quality
        Focus is the gradient of edges relative to the contrast of what is seen, at a fixed physical scale, so
        that neither a pale stain nor a fine camera changes it.
    """
    if raw_bgr is not None:
        exposure = _exposure(raw_bgr)
        if exposure is not None:
            return exposure
    grey = _at_work_scale(flat_bgr, um_per_px)
    coarse = cv2.GaussianBlur(grey, (0, 0), _COARSE_UM / _WORK_UM_PER_PX)
    absorbing = coarse < WHITE - _ABSORBING
    share = float(absorbing.mean())
    if share < _LEAST_ABSORBING_SHARE:
        return Quality(accepted=False, reason="empty", focus=0.0, value=round(share, 6))
    sharpness = _sharpness(grey, coarse, absorbing)
    focus = round(float(np.clip((sharpness - _BLURRED) / (_SHARP - _BLURRED), 0.0, 1.0)), 4)
    sharp = sharpness >= _LEAST_SHARPNESS
    return Quality(accepted=sharp, reason=None if sharp else "out_of_focus", focus=focus, value=round(sharpness, 4))


def _exposure(raw_bgr: Image) -> Quality | None:
    green = raw_bgr[::4, ::4, 1]
    bright = float(np.percentile(green, 95))
    if bright < _DARKEST_BACKGROUND:
        return Quality(accepted=False, reason="underexposed", focus=0.0, value=round(bright, 2))
    saturated = float((green >= _SATURATED).mean())
    if saturated > _GREATEST_SATURATED_SHARE:
        return Quality(accepted=False, reason="overexposed", focus=0.0, value=round(saturated, 4))
    return None


def _at_work_scale(flat_bgr: Image, um_per_px: float) -> Plane:
    height, width = flat_bgr.shape[:2]
    factor = um_per_px / _WORK_UM_PER_PX
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR
    grey = cv2.cvtColor(flat_bgr, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, size, interpolation=how), dtype=np.float32)


def _sharpness(grey: Plane, coarse: npt.NDArray[np.generic], absorbing: npt.NDArray[np.bool_]) -> float:
    """Steep edges around what absorbs light, per step of its contrast: 1/px of the working scale."""
    fine = cv2.GaussianBlur(grey, (0, 0), _FINE_UM / _WORK_UM_PER_PX)
    across = cv2.Sobel(fine, cv2.CV_32F, 1, 0) / 8.0
    down = cv2.Sobel(fine, cv2.CV_32F, 0, 1) / 8.0
    size = 2 * round(_AROUND_UM / _WORK_UM_PER_PX) + 1
    around = cv2.dilate(absorbing.astype(np.uint8), np.ones((size, size), dtype=np.uint8)) > 0
    contrast = WHITE - float(np.percentile(np.asarray(coarse)[absorbing], 10))
    edges = float(np.percentile(np.hypot(across, down)[around], _EDGE_PERCENTILE))
    return edges / max(contrast, _ABSORBING)
