"""Further pictures of a cell by geometry alone: turned, mirrored, moved and sized a little. Nothing is drawn twice."""

import math

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.models.preprocess import CROP_UM

_SHIFT_UM = 1.5
_ZOOM = 0.08


def vary(picture_bgr: Image, cell: int, copy: int, seed: int) -> Image:
    """Make one copy of a cell's picture, always the same for the same numbers.

    Parameters
    ----------
    picture_bgr : uint8 array of shape [side, side, 3]
        A whole crop, at any number of pixels.
    cell, copy
        Number of the cell, and of the copy; copy 0 is the picture itself.
    seed
        Of the run.

    Returns
    -------
    uint8 array of the same shape
        What a turn brings in from beyond the crop is mirrored from within it.
    """
    if copy == 0:
        return picture_bgr
    generator = np.random.default_rng((seed, cell, copy))
    angle = generator.uniform(0.0, 2.0 * math.pi)
    zoom = math.exp(generator.uniform(-_ZOOM, _ZOOM))
    mirror = -1.0 if generator.random() < 0.5 else 1.0
    side = picture_bgr.shape[0]
    shift = generator.uniform(-_SHIFT_UM, _SHIFT_UM, 2) * side / CROP_UM
    cos, sin = math.cos(angle) * zoom, math.sin(angle) * zoom
    turn = np.array([[cos * mirror, -sin], [sin * mirror, cos]])
    middle = (side - 1) / 2.0
    offset = middle + shift - turn @ np.array([middle, middle])
    matrix = np.column_stack([turn, offset])
    moved = cv2.warpAffine(picture_bgr, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, dtype=np.uint8)
