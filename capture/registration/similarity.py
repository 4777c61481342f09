"""Turns, shifts and changes of size in the plane, as complex numbers."""

import cmath
import math
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from smearwatch.capture.arrays import Points


@dataclass(frozen=True, slots=True)
class Similarity:
    """Maps a point z = x + iy to ``factor * z + shift``; lengths in micrometres.

    Attributes
    ----------
    factor
        Its absolute value is the change of size, its argument the turn (positive from x towards y).
    shift
        Where the origin comes to lie.
    """

    factor: complex
    shift: complex

    @classmethod
    def of(cls, *, scale: float, angle_deg: float, shift: complex) -> Self:
        """Make one from its size, its turn in degrees and where the origin comes to lie."""
        return cls(cmath.rect(scale, math.radians(angle_deg)), shift)

    @classmethod
    def about(cls, point: complex, onto: complex, *, angle_deg: float = 0.0) -> Self:
        """Make one of size 1 that brings one point onto another, turned about it."""
        factor = cmath.rect(1.0, math.radians(angle_deg))
        return cls(factor, onto - factor * point)

    @property
    def scale(self) -> float:
        """The change of size."""
        return abs(self.factor)

    @property
    def angle_deg(self) -> float:
        """The turn in degrees, -180 to 180."""
        return math.degrees(cmath.phase(self.factor))

    def at(self, point: complex) -> complex:
        """Map one point."""
        return self.factor * point + self.shift

    def of_all(self, points: Points) -> Points:
        """Map points float64 [n, 2]."""
        mapped = (points[:, 0] + 1j * points[:, 1]) * self.factor + self.shift
        return np.stack([mapped.real, mapped.imag], axis=1)

    def after(self, first: "Similarity") -> "Similarity":
        """Return the map that does ``first`` and then this one."""
        return Similarity(self.factor * first.factor, self.factor * first.shift + self.shift)

    def inverse(self) -> "Similarity":
        """Return the inverse."""
        return Similarity(1.0 / self.factor, -self.shift / self.factor)

    def pixel_matrix(self, from_um_per_px: float, to_um_per_px: float) -> Points:
        """Return the same map between pixels of two pictures: float64 [2, 3], pixel centres at whole numbers."""
        factor = self.factor * from_um_per_px / to_um_per_px
        half = 0.5 + 0.5j
        shift = self.shift / to_um_per_px + factor * half - half
        return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


def fit_similarity(points: Points, onto: Points, *, within_um: float) -> Similarity | None:
    """Fit a similarity robustly.

    Parameters
    ----------
    points, onto
        float64 [n, 2], micrometres.
    within_um
        How far a point may miss its partner and still count.

    Returns
    -------
    Similarity or None
        None where fewer than two points agree with each other.
    """
    if len(points) < 2:
        return None
    matrix, _ = cv2.estimateAffinePartial2D(
        points, onto, method=cv2.RANSAC, ransacReprojThreshold=within_um, maxIters=2000, confidence=0.999
    )
    if matrix is None or not np.isfinite(matrix).all():
        return None
    factor = complex(matrix[0, 0], matrix[1, 0])
    return Similarity(factor, complex(matrix[0, 2], matrix[1, 2])) if factor else None
