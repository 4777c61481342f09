"""Find the ruled lines of a stage micrometer: parallel, evenly spaced, darker or brighter than the rest, at any angle.

Across its lines a ruling is a comb. The direction is that in which grey levels change most; the picture is averaged
along the lines, so that dust and digits count little; and the teeth of the comb are fitted by an arithmetic
progression in which single lines may be missing.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.signal import find_peaks

from smearwatch.capture.arrays import Doubles, Flags, Image, Plane
from smearwatch.daemon.hinted import Hinted

LEAST_LINES = 4
GREATEST_UNEVENNESS = 0.04
"""Largest standard deviation of the lines from even spacing, as a share of it."""

_LONG_SIDE = 2600
_COARSE_SIDE = 700
_LEAST_DIRECTED = 0.15  # coherence of the gradients; a picture without a direction has less than 0.1
_LEAST_CONTRAST = 6.0  # of the comb by its noise
_INLIER_SHARE = 0.12  # of the spacing
_LEAST_FILLED = 0.7  # of the places between the first and the last line


class RulingNotFound(Hinted, ValueError):
    """A picture in which no even ruling was found; `hint` says how to take a better one."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A ruling as it was found.

    Attributes
    ----------
    spacing_px
        Distance of neighbouring lines.
    standard_error_px
        Of the spacing, from how far the lines lie from even spacing.
    places_px
        float64 [n], where each line crosses the axis, from the picture's middle.
    angle_deg
        Direction across the lines, from the x axis towards the y axis, -90 to 90.
    size_px
        Width and height of the picture.
    """

    spacing_px: float
    standard_error_px: float
    places_px: Doubles
    angle_deg: float
    size_px: tuple[int, int]


def find_ruling(bgr: Image) -> Ruling:
    """Find the finest even ruling of a picture.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].

    Returns
    -------
    Ruling
        In pixels of the picture.

    Raises
    ------
    RulingNotFound
        There is no direction, there are too few lines, or they are not evenly spaced.
    """
    height, width = bgr.shape[:2]
    grey = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), dtype=np.float32)
    shrink = min(1.0, _LONG_SIDE / max(height, width))
    fine = np.asarray(_resize(_even_out(grey), shrink), dtype=np.float32)
    coarse = _resize(fine, min(1.0, _COARSE_SIDE / max(fine.shape)))
    angle = _refine_angle(coarse, _find_direction(coarse))
    comb, seen = _average_along(fine, angle)
    places = _find_teeth(comb, seen)
    spacing, error, kept = _fit_spacing(places)
    middle = len(comb) / 2.0
    return Ruling(
        spacing_px=spacing / shrink,
        standard_error_px=error / shrink,
        places_px=(kept - middle) / shrink,
        angle_deg=float(np.degrees(angle)),
        size_px=(width, height),
    )


def _resize(grey: Plane, factor: float) -> Plane:
    if factor >= 1.0:
        return grey
    size = (max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _even_out(grey: Plane) -> Plane:
    """Take uneven light out: logarithm less its own wide blur, which a comb's many teeth survive."""
    level = np.log(np.maximum(grey, 1.0))
    small = _resize(level, min(1.0, 160.0 / max(level.shape)))
    wide = cv2.GaussianBlur(small, (0, 0), max(small.shape) / 4.0)
    return np.asarray(level - cv2.resize(wide, level.shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _find_direction(grey: Plane) -> float:
    """Find the direction in which grey levels change most, in radians: by the structure tensor of the whole picture."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.5)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    # Strong edges count more than the grain of a bright field.
    xx, yy, xy = (float((a * b).sum()) for a, b in ((across, across), (down, down), (across, down)))
    coherence = np.hypot(xx - yy, 2.0 * xy) / max(xx + yy, 1e-12)
    if coherence < _LEAST_DIRECTED:
        raise RulingNotFound("no ruled lines of one direction", "focus on the ruling and fill the field with it")
    return float(0.5 * np.arctan2(2.0 * xy, xx - yy))


def _refine_angle(grey: Plane, angle: float) -> float:
    """Turn until the comb is sharpest, by ever smaller steps."""
    for step_deg in (0.8, 0.2, 0.05):
        near = angle + np.radians(step_deg) * np.arange(-4, 5)
        angle = float(max(near, key=lambda turned: _sharpness(grey, float(turned))))
    return angle


def _sharpness(grey: Plane, angle: float) -> float:
    comb, seen = _average_along(grey, angle)
    return float((np.diff(comb[seen]) ** 2).sum())


def _average_along(grey: Plane, angle: float) -> tuple[Doubles, Flags]:
    """Average along the lines: float64 [n] along the direction across them, and where enough was averaged."""
    height, width = grey.shape
    side = int(np.ceil(np.hypot(height, width)))
    turn = cv2.getRotationMatrix2D(((width - 1) / 2.0, (height - 1) / 2.0), float(np.degrees(angle)), 1.0)
    turn[:, 2] += ((side - 1) / 2.0 - (width - 1) / 2.0, (side - 1) / 2.0 - (height - 1) / 2.0)
    turned = cv2.warpAffine(grey, turn, (side, side), flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(np.ones_like(grey), turn, (side, side), flags=cv2.INTER_NEAREST)
    weight = inside.sum(axis=0, dtype=np.float64)
    total = (turned * inside).sum(axis=0, dtype=np.float64)
    return np.asarray(total / np.maximum(weight, 1.0)), weight >= 0.25 * weight.max()


def _find_teeth(comb: Doubles, seen: Flags) -> Doubles:
    """Find the middles of the lines along the comb, to parts of a pixel: float64 [n]."""
    where = np.flatnonzero(seen)
    signal = comb[where[0] : where[-1] + 1]
    signal = signal - np.median(signal)
    # Lines cover less than half of the field, so the longer tail of the grey levels is theirs.
    signal = signal if np.percentile(signal, 98) > -np.percentile(signal, 2) else -signal
    noise = 1.4826 * float(np.median(np.abs(np.diff(signal)))) + 1e-4
    height = float(np.percentile(signal, 97))
    if height < _LEAST_CONTRAST * noise and height < 0.02:
        raise RulingNotFound("no ruled lines that stand out", "focus on the ruling, and use a clean micrometer")
    _, found = find_peaks(signal, prominence=0.3 * height, width=1.0, rel_height=0.5)
    # The middle between a line's two flanks, at half its height.
    return np.asarray((found["left_ips"] + found["right_ips"]) / 2.0 + where[0], dtype=np.float64)


def _fit_spacing(places: Doubles) -> tuple[float, float, Doubles]:
    """Fit an arithmetic progression that may miss lines: its step, the step's standard error, its lines."""
    if len(places) < LEAST_LINES:
        raise RulingNotFound(
            f"only {len(places)} ruled lines", f"at least {LEAST_LINES} have to be seen; use a finer ruling"
        )
    best: Doubles = np.zeros(0)
    for step in sorted(np.diff(places), reverse=True):
        number = np.rint((places - places[:, None]) / step)
        away = np.abs(places - places[:, None] - number * step)
        start = int((away < _INLIER_SHARE * step).sum(axis=1).argmax())
        kept = places[away[start] < _INLIER_SHARE * step]
        filled = len(kept) / (np.rint((kept[-1] - kept[0]) / step) + 1.0)
        if filled >= _LEAST_FILLED and len(kept) > len(best):
            best, spacing = kept, float(step)
    if len(best) < max(LEAST_LINES, 0.7 * len(places)):
        raise RulingNotFound(
            "the lines found are not evenly spaced", "use a part of the ruling with one spacing, and clean it"
        )
    for _ in range(3):
        number = np.rint((best - best[0]) / spacing)
        spacing, first = (float(value) for value in np.polyfit(number, best, 1))
    rest = best - (first + spacing * number)
    spread = float(np.sqrt((rest**2).sum() / max(len(best) - 2, 1)))
    if spread > GREATEST_UNEVENNESS * spacing:
        raise RulingNotFound(
            "the lines found are not evenly spaced", "use a part of the ruling with one spacing, and clean it"
        )
    error = spread / float(np.sqrt(((number - number.mean()) ** 2).sum()))
    return spacing, error, best
