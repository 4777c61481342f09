"""How two pictures from one camera differ: by a small movement, by a larger one, or altogether. Pure.

Pictures are compared small (160 pixels wide: averaging takes most of the sensor's noise away), without the slow
unevenness of light, and up to brightness and contrast (exposure flickers).
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Floats, Image

SIDE_PX = 160
_DETAIL_PX = 640  # at which nuclei and rims of cells have their finest detail
_LIGHT_SHARE = 1 / 8  # of the longer side; what varies over more than that is light, not cells
_ROUNDING = 0.3  # grey levels: smaller differences mean nothing


@dataclass(frozen=True, slots=True)
class ReducedPicture:
    """A picture as it is compared.

    Attributes
    ----------
    grey : ndarray
        float32 [height, width], the longer side `SIDE_PX`; grey levels about zero.
    slope_x, slope_y : ndarray
        Its slopes, grey levels per pixel, of the same shape.
    sharpness : float
        Fine detail as a share of all contrast; to be compared between pictures of one field only.
    """

    grey: Floats
    slope_x: Floats
    slope_y: Floats
    sharpness: float


@dataclass(frozen=True, slots=True)
class Change:
    """How a picture differs from an earlier one, taken for a small movement and another exposure.

    Attributes
    ----------
    moved_px, doubt_px : float
        Movement, and its standard error, in pixels of the reduced pictures.
    left : float
        What neither explains, standard deviation in grey levels.
    likeness : float
        Share of the picture's variance that is explained, 0 to 1.
    """

    moved_px: float
    doubt_px: float
    left: float
    likeness: float


def reduce_picture(bgr: Image) -> ReducedPicture:
    """Reduce a picture to what is compared.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3].
    """
    fine = cv2.cvtColor(_resized(bgr, _DETAIL_PX), cv2.COLOR_BGR2GRAY).astype(np.float32)
    detail = cv2.Laplacian(cv2.GaussianBlur(fine, (0, 0), 1.0), cv2.CV_32F)
    sharpness = float(detail.std() / (fine.std() + 1.0))
    grey = cv2.GaussianBlur(_resized(fine, SIDE_PX), (0, 0), 1.0)
    light = cv2.GaussianBlur(grey, (0, 0), SIDE_PX * _LIGHT_SHARE, borderType=cv2.BORDER_REPLICATE)
    flat = np.asarray(grey - light, dtype=np.float32)
    slope_y, slope_x = (np.asarray(slope, dtype=np.float32) for slope in np.gradient(flat))
    return ReducedPicture(flat, slope_x, slope_y, sharpness)


def explain_change(before: ReducedPicture, now: ReducedPicture) -> Change:
    """Explain a picture by an earlier one: ``now = a·before + b - slope·movement``, least squares.

    Parameters
    ----------
    before, now
        Of the same shape.
    """
    slope_x, slope_y = (before.slope_x + now.slope_x) / 2.0, (before.slope_y + now.slope_y) / 2.0
    columns = [before.grey, np.ones_like(before.grey), slope_x, slope_y]
    design = np.stack([column.ravel() for column in columns]).astype(np.float64)
    observed = now.grey.ravel().astype(np.float64)
    square = design @ design.T + np.diag([1e-3 * observed.size] * 4)  # so that a blank picture has an answer, too
    solved = np.linalg.solve(square, design @ observed)
    left = observed - solved @ design
    left_variance, variance = float(left.var()), float(observed.var())
    doubt = np.sqrt(left_variance * np.diag(np.linalg.inv(square))[2:])
    return Change(
        moved_px=float(np.hypot(*solved[2:])),
        doubt_px=float(np.hypot(*doubt)),
        left=max(float(np.sqrt(left_variance)), _ROUNDING),
        likeness=1.0 - left_variance / variance if variance > 0.0 else 1.0,
    )


def find_shift(before: ReducedPicture, now: ReducedPicture, *, reach_share: float) -> tuple[float, float]:
    """Search for an earlier picture in a later one, moved by at most a share of the field.

    Parameters
    ----------
    before, now
        Of the same shape.
    reach_share
        How far is searched, share of width and of height, below 0.5.

    Returns
    -------
    tuple of float
        How far it moved (the larger of its shares of width and height), and the correlation there, -1 to 1.
    """
    height, width = now.grey.shape
    reach_y, reach_x = max(2, round(reach_share * height)), max(2, round(reach_share * width))
    inner = now.grey[reach_y : height - reach_y, reach_x : width - reach_x]
    found = cv2.matchTemplate(before.grey, np.ascontiguousarray(inner), cv2.TM_CCOEFF_NORMED)
    match = np.nan_to_num(np.asarray(found, dtype=np.float32))
    y, x = np.unravel_index(int(np.argmax(match)), match.shape)
    moved_x = x + _vertex(match[y], int(x)) - reach_x
    moved_y = y + _vertex(match[:, x], int(y)) - reach_y
    return float(max(abs(moved_x) / width, abs(moved_y) / height)), float(match[y, x])


def _resized(picture: npt.NDArray[Any], side_px: int) -> npt.NDArray[Any]:
    """Resize a picture to so many pixels along its longer side; a smaller one is enlarged."""
    height, width = picture.shape[:2]
    scale = side_px / max(height, width)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _vertex(values: Floats, index: int) -> float:
    """Return where between its neighbours a largest value lies, -0.5 to 0.5, by the parabola through the three."""
    if not 0 < index < len(values) - 1:
        return 0.0
    left, middle, right = (float(value) for value in values[index - 1 : index + 2])
    bend = left - 2.0 * middle + right
    return float(np.clip((left - right) / (2.0 * bend), -0.5, 0.5)) if bend < 0.0 else 0.0
