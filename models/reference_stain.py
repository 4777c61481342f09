"""Bring a cell from its session's stain, and scale, to those that the weights learnt.

Nucleus, red cells and the direction across both span the three channels of optical density (Beer-Lambert). The matrix
that takes the session's three vectors to the reference's takes every mixture of the dyes along, and leaves the empty
background as it is. Red cells are of one size everywhere, so that a session's tell how far its scale is off.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from smearwatch.models.preprocess import WHITE, Bgr, Stain

LEAST_ANGLE_DEG = 5.0
"""Between nucleus and red cells: where they are nearly of one hue, noise would decide what lies between them."""

GREATEST_ENTRY = 8.0
"""Of the matrix: a larger one would make colours out of noise."""

ZOOM_LIMITS = (0.7, 1.4)
"""Of the correction of size; red cells that say more were measured wrongly, or are ill."""

_LEAST_SINE = math.sin(math.radians(LEAST_ANGLE_DEG))
_FAINTEST = 1e-3  # length of a vector below which it has no direction
_DENSITY = (-np.log(np.maximum(np.arange(256), 2) / WHITE)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class ReferenceMap:
    """What brings a session's cells to the reference.

    Attributes
    ----------
    matrix : float64 array of shape [3, 3]
        Takes optical densities of the session to those of the reference: column vectors in blue, green and red.
    zoom
        Factor of size, 1 where no size is known.
    """

    matrix: NDArray[np.float64]
    zoom: float = 1.0

    def apply(self, field_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring a picture to the reference.

        Parameters
        ----------
        field_bgr : uint8 array of shape [h, w, 3]
            Light flattened, background at `smearwatch.models.preprocess.WHITE`, the cell in the middle.

        Returns
        -------
        uint8 array of the same shape
        """
        density = cv2.transform(cv2.LUT(_zoomed(field_bgr, self.zoom), _DENSITY), self.matrix.astype(np.float32))
        grey = WHITE * np.exp(-np.clip(density, -1.0, 8.0))  # beyond these all is white or black
        return np.asarray(np.clip(np.rint(grey), 0, 255), dtype=np.uint8)


def reference_map(stain: Stain, reference: Stain) -> ReferenceMap | None:
    """Return what takes one stain to another, and one size of red cells to the other where both are known.

    Returns
    -------
    ReferenceMap or None
        None where it cannot be trusted: nucleus and red cells less than 5 degrees apart, or an entry of the matrix
        beyond 8. The picture is then to be left as it is.
    """
    ours, theirs = _basis(stain), _basis(reference)
    if ours is None or theirs is None:
        return None
    matrix = np.asarray(theirs @ np.linalg.inv(ours), dtype=np.float64)
    if not np.isfinite(matrix).all() or float(np.abs(matrix).max()) > GREATEST_ENTRY:
        return None
    return ReferenceMap(matrix, _zoom(stain, reference))


def _zoom(stain: Stain, reference: Stain) -> float:
    """Return the factor by which the red cells of one become as large as those of the other, within limits."""
    if stain.red_cell_um is None or reference.red_cell_um is None:
        return 1.0
    least, greatest = ZOOM_LIMITS
    return min(greatest, max(least, reference.red_cell_um / stain.red_cell_um))


def _zoomed(field_bgr: NDArray[np.uint8], zoom: float) -> NDArray[np.uint8]:
    """Enlarge or shrink a picture about its middle; what it then lacks at the border is mirrored."""
    if zoom == 1.0:
        return field_bgr
    height, width = field_bgr.shape[:2]
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    about = np.array([[zoom, 0, (1 - zoom) * middle_x], [0, zoom, (1 - zoom) * middle_y]], dtype=np.float64)
    moved = cv2.warpAffine(field_bgr, about, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, dtype=np.uint8)


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
