"""Decide whether a field is worth searching: lit, not empty, in focus. Every refusal carries its number."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, Flags, Image, Plane
from smearwatch.capture.vision.light import WHITE, WORK_UM_PER_PX, to_work_scale

QualityReason = Literal["underexposed", "overexposed", "empty", "not_a_smear", "out_of_focus", "moving"]

_FINE_UM, _COARSE_UM, _SEEN_UM = 0.16, 0.5, 0.64
_DARKEST_BACKGROUND = 30.0  # of 255, bright end of green; below, eight bits hold too few steps of stain
_DIM = 100.0  # darker, a camera's noise may be more than what it sees; beyond, it never is
_GRAIN_PX = 8  # so many pixels across are averaged, to see how bright it is beneath the noise
_FINE_PX, _STRUCTURE_PX, _LIGHT_PX = 1.0, 3.0, 20.0
_LEAST_STRUCTURE = 0.35  # by noise; noise alone has 0.1, stored as JPEG up to 0.2
_SATURATED = 253
_GREATEST_SATURATED_SHARE = 0.6
_ABSORBING = 14.0  # grey steps below white: pale red cells reach them, camera noise does not
_LEAST_ABSORBING_SHARE = 0.002
_AROUND_UM = 1.0
_EDGE_PERCENT = 98
_DIRECTIONS = 6
_BLURRED, _SHARP = 1.0, 2.5
_LEAST_SHARPNESS = 1.2
_SAME_ALL_ROUND = 0.75
_SURELY_MOVING = 0.62
_STAINED_PERCENT = 80
_LEAST_STAINED = 0.04
_PALEST = 0.05  # optical density, all colours together
_FLATTEST_EDGE = 1e-3  # grey steps per pixel


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
        0 (nothing is finer than half a um) to 1 (as sharp as a good objective draws).
    value
        The number that decided: a grey level (`underexposed`), a share of pixels (`overexposed`, `empty`), the
        share of green beyond an equal one in what absorbs light (`not_a_smear`), the steepness of edges in the worst
        direction by that in the best (`moving`), or how much steeper edges are seen finely than seen coarsely
        (`out_of_focus` and accepted fields).
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
        uint8 [height, width, 3], its light taken out (`smearwatch.capture.vision.light`).
    um_per_px
        Its scale.
    raw_bgr
        The same field as photographed, uint8 [height, width, 3]; exposure is judged only where it is given.

    Returns
    -------
    Quality
        Focus is how much steeper edges are seen finely than seen coarsely, at fixed physical scales, so that neither a
        pale stain nor a fine camera changes it.
    """
    if raw_bgr is not None:
        exposure = _judge_exposure(raw_bgr)
        if exposure is not None:
            return exposure
    work = to_work_scale(flat_bgr, um_per_px)
    grey = cv2.cvtColor(work, cv2.COLOR_BGR2GRAY).astype(np.float32)
    absorbing = _blur(grey, _SEEN_UM) < WHITE - _ABSORBING
    share = float(absorbing.mean())
    if share < _LEAST_ABSORBING_SHARE:
        return Quality(accepted=False, reason="empty", focus=0.0, value=round(share, 6))
    stained = _measure_stained(work, absorbing)
    if stained < _LEAST_STAINED:
        return Quality(accepted=False, reason="not_a_smear", focus=0.0, value=round(stained, 4))
    sharpness, evenness = _measure_edges(grey, absorbing)
    focus = round(float(np.clip((sharpness - _BLURRED) / (_SHARP - _BLURRED), 0.0, 1.0)), 4)
    if evenness < _SURELY_MOVING or (sharpness < _LEAST_SHARPNESS and evenness < _SAME_ALL_ROUND):
        return Quality(accepted=False, reason="moving", focus=focus, value=round(evenness, 4))
    sharp = sharpness >= _LEAST_SHARPNESS
    return Quality(accepted=sharp, reason=None if sharp else "out_of_focus", focus=focus, value=round(sharpness, 4))


def _judge_exposure(raw_bgr: Image) -> Quality | None:
    green = raw_bgr[::8, ::4, 1]
    counts = np.bincount(green.ravel(), minlength=256)
    bright = float(np.searchsorted(np.cumsum(counts), 0.95 * green.size))
    if bright < _DIM:
        bright = min(bright, _measure_brightness(raw_bgr))
    if bright < _DARKEST_BACKGROUND:
        return Quality(accepted=False, reason="underexposed", focus=0.0, value=round(bright, 2))
    if bright < _DIM and (structure := _measure_structure(raw_bgr)) < _LEAST_STRUCTURE:
        return Quality(accepted=False, reason="empty", focus=0.0, value=round(structure, 4))
    saturated = float(counts[_SATURATED:].sum()) / green.size
    if saturated > _GREATEST_SATURATED_SHARE:
        return Quality(accepted=False, reason="overexposed", focus=0.0, value=round(saturated, 4))
    return None


def _measure_brightness(raw_bgr: Image) -> float:
    """Measure the bright end of green where noise is averaged out: with the lens covered, only noise is bright."""
    shrunk = [max(1, side // _GRAIN_PX) for side in raw_bgr.shape[1::-1]]
    green = np.ascontiguousarray(raw_bgr[..., 1])
    return float(np.percentile(cv2.resize(green, shrunk, interpolation=cv2.INTER_AREA), 95))


def _measure_structure(raw_bgr: Image) -> float:
    """Measure how much of green varies over some pixels, by how much it varies from one to the next."""
    green = raw_bgr[..., 1].astype(np.float32)
    seen, light = (cv2.GaussianBlur(green, (0, 0), sigma) for sigma in (_STRUCTURE_PX, _LIGHT_PX))
    noise = float((green - cv2.GaussianBlur(green, (0, 0), _FINE_PX)).std())
    return float((seen - light).std()) / max(noise, _FLATTEST_EDGE)


def _blur(grey: Plane, sigma_um: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma_um / WORK_UM_PER_PX), dtype=np.float32)


def _measure_stained(work: Image, absorbing: Flags) -> float:
    """Measure the share of green in what absorbs light, beyond an equal one, in the most stained fifth of it.

    Haemoglobin, eosin and azure all absorb green most; shadows, dirt, ink and the slide's edge absorb all colours
    alike. Grey rims of defocused cells may be most of a field, but not all of it.
    """
    levels = np.log((WHITE + 4.0) / (np.arange(256, dtype=np.float32) + 4.0))
    blue, green, red = (levels[work[::2, ::2, channel][absorbing[::2, ::2]]] for channel in range(3))
    if len(green) == 0:
        return 0.0
    beyond = (green - 0.5 * (blue + red)) / np.maximum(blue + green + red, _PALEST)
    rank = len(beyond) * _STAINED_PERCENT // 100
    return float(np.partition(beyond, rank)[rank])


def _measure_edges(grey: Plane, absorbing: Flags) -> tuple[float, float]:
    """Measure sharpness and evenness of the steepest edges around what absorbs light.

    An edge that the microscope drew sharply is far steeper seen finely than seen coarsely; one that was blurred
    already is not. The quotient knows neither stain nor camera. It is taken direction by direction, for movement blurs
    the edges that it crosses and leaves those along it; evenness is the steepness of the worst direction by that of
    the best.
    """
    size = 2 * round(_AROUND_UM / WORK_UM_PER_PX) + 1
    around = cv2.dilate(absorbing.astype(np.uint8), np.ones((size, size), dtype=np.uint8)) > 0
    fine = _measure_steepest(_blur(grey, _FINE_UM), around)
    coarse = _measure_steepest(_blur(grey, _COARSE_UM), around)
    return float((fine / coarse).min()), float(fine.min() / fine.max())


def _measure_steepest(grey: Plane, around: Flags) -> Doubles:
    """Measure how steep the steepest edges across each direction are: grey steps per pixel, float64 [directions]."""
    # Every other row is as good a sample as all of them.
    across: Plane = np.asarray(cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.125), dtype=np.float32)[::2][around[::2]]
    down: Plane = np.asarray(cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.125), dtype=np.float32)[::2][around[::2]]
    steepness: Plane = np.maximum(np.sqrt(across * across + down * down), _FLATTEST_EDGE)
    rank = len(steepness) * _EDGE_PERCENT // 100
    # No edge is steeper across a direction than it is at all, so the many flat places are left out, unless
    # what is found among the others turns out to be flatter than these.
    limit = float(np.partition(steepness, rank * 7 // 10)[rank * 7 // 10])
    steep = steepness >= limit
    chosen = (across[steep], down[steep], steepness[steep])
    left_out = len(steepness) - len(chosen[0])
    steepest = []
    for angle in np.arange(_DIRECTIONS) * (np.pi / _DIRECTIONS):
        found = _value_at(*chosen, angle, rank - left_out)
        steepest.append(found if found >= limit else _value_at(across, down, steepness, angle, rank))
    return np.array(steepest) + _FLATTEST_EDGE


def _value_at(across: Plane, down: Plane, steepness: Plane, angle: float, rank: int) -> float:
    """Return how steep edges are across a direction: the value at a rank, the flattest first."""
    along = across * np.float32(np.cos(angle)) + down * np.float32(np.sin(angle))
    along *= along
    along /= steepness
    return float(np.partition(along, rank)[rank])
