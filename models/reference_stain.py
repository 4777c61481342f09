"""Bring a cell from its session's stain to the one that the weights learnt, in optical density (Beer-Lambert).

Nucleus, red cells and the direction across both span the three channels. The matrix that takes the session's three
vectors to the reference's takes every mixture of the dyes along, and leaves the empty background as it is.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from smearwatch.models.preprocess import WHITE, Bgr, Stain

LEAST_ANGLE_DEG = 5.0
"""Between nucleus and red cells: where they are nearly of one hue, noise would decide what lies between them."""

GREATEST_ENTRY = 8.0
"""Of the matrix: a larger one would make colours out of noise."""

_LEAST_SINE = math.sin(math.radians(LEAST_ANGLE_DEG))
_FAINTEST = 1e-3  # length of a vector below which it has no direction
_DENSITY = (-np.log(np.maximum(np.arange(256), 2) / WHITE)).astype(np.float32)


def reference_matrix(stain: Stain, reference: Stain) -> NDArray[np.float64] | None:
    """Return the matrix that takes optical densities of one stain to those of another.

    Returns
    -------
    float64 array of shape [3, 3] or None
        For column vectors in blue, green and red. None where it cannot be trusted: nucleus and red cells less than
        5 degrees apart, or an entry beyond 8. The picture is then to be left as it is.
    """
    ours, theirs = _basis(stain), _basis(reference)
    if ours is None or theirs is None:
        return None
    matrix = np.asarray(theirs @ np.linalg.inv(ours), dtype=np.float64)
    return matrix if bool(np.isfinite(matrix).all()) and float(np.abs(matrix).max()) <= GREATEST_ENTRY else None


def to_reference(field_bgr: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Apply the matrix of `reference_matrix` to a picture's optical densities.

    Parameters
    ----------
    field_bgr : uint8 array of shape [h, w, 3]
        Light flattened, background at `smearwatch.models.preprocess.WHITE`.
    matrix : float64 array of shape [3, 3]

    Returns
    -------
    uint8 array of the same shape
    """
    density = cv2.transform(cv2.LUT(field_bgr, _DENSITY), matrix.astype(np.float32))
    grey = WHITE * np.exp(-np.clip(density, -1.0, 8.0))  # beyond these all is white or black
    return np.asarray(np.clip(np.rint(grey), 0, 255), dtype=np.uint8)


def _basis(stain: Stain) -> NDArray[np.float64] | None:
    """Return nucleus, red cells and the unit vector across both as columns; None where they are nearly parallel."""
    nucleus, red_cells = _vector(stain.nucleus_bgr), _vector(stain.red_cells_bgr)
    lengths = float(np.linalg.norm(nucleus)), float(np.linalg.norm(red_cells))
    across = np.cross(nucleus, red_cells)
    area = float(np.linalg.norm(across))
    if min(lengths) < _FAINTEST or not area >= _LEAST_SINE * lengths[0] * lengths[1]:
        return None
    return np.stack([nucleus, red_cells, across / area], axis=1)


def _vector(density_bgr: Bgr) -> NDArray[np.float64]:
    return np.array(density_bgr, dtype=np.float64)
