"""Measure red cells in a field whose scale is not known: those that lie alone, or else those in clumps."""

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.light import WHITE

_LEVELS = (0.7, 0.9, 1.15)
_CLUMP_LEVEL = 0.8
_LEAST_CIRCULARITY = 0.80
_LEAST_SOLIDITY = 0.92
_LEAST_AXIS_RATIO = 0.72
_PALE_CENTRE_CIRCULARITY = 0.6
_PALE_CENTRE_SOLIDITY = 0.85
_LEAST_DIAMETER_SHARE = 0.015
_GREATEST_DIAMETER_SHARE = 0.35
_LEUKOCYTE_STAIN = 0.18
_PEAK_WIDTH = 0.18

Image = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Contour = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


class RedCellField:
    """One flattened field, prepared for measuring.

    Parameters
    ----------
    flat
        uint8 [height, width, 3], background at `smearwatch.capture.light.WHITE`.
    """

    def __init__(self, flat: Image) -> None:
        smooth = cv2.GaussianBlur(flat, (0, 0), 1.0)
        density = -np.log((smooth.astype(np.float32) + 4.0) / (WHITE + 4.0))
        self._stain = density[..., 2] + 0.5 * density[..., 1] - density[..., 0]
        # Haemoglobin shows best in green; 400 grey steps to one unit of density use the eight bits well.
        self._grey = np.clip(density[..., 1] * 400.0, 0, 255).astype(np.uint8)
        self._level, _ = cv2.threshold(self._grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        long_side = max(flat.shape[:2])
        self._least_px = _LEAST_DIAMETER_SHARE * long_side
        self._greatest_px = _GREATEST_DIAMETER_SHARE * long_side

    def single_diameters_px(self) -> Floats:
        """Diameters of round, whole, unstained things that lie alone.

        A low cutting level catches whole pale cells, a high one parts cells that touch or whose halos run
        together; the level that gives most cells of one size is taken.

        Returns
        -------
        numpy.ndarray
            float64 [n], those around the most common size.
        """
        tried = (most_common(self._singles(self._cut(share))) for share in _LEVELS)
        return max(tried, key=len)

    def clump_diameters_px(self) -> Floats:
        """Diameters of the largest discs that fit into clumps, where two cells overlap as well.

        Returns
        -------
        numpy.ndarray
            float64 [n], those around the most common size.
        """
        cut = _with_pale_centres(self._cut(_CLUMP_LEVEL))
        padded = cv2.copyMakeBorder(cut, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        radius = cv2.GaussianBlur(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], (0, 0), 1.0)
        reach = 2 * max(3, round(self._least_px / 2.0)) + 1
        highest = cv2.dilate(radius, np.ones((reach, reach), dtype=np.uint8))
        peaks = (radius >= highest) & (2.0 * radius > self._least_px) & (self._stain < _LEUKOCYTE_STAIN)
        return most_common(2.0 * radius[peaks].astype(np.float64))

    def _cut(self, share: float) -> Image:
        return np.asarray(self._grey > share * self._level, dtype=np.uint8)

    def _singles(self, dark: Image) -> Floats:
        height, width = dark.shape
        contours, _ = cv2.findContours(dark, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        found = []
        for contour in contours:
            x, y, w, h = cv2.boundingRect(contour)
            if x <= 0 or y <= 0 or x + w >= width or y + h >= height or max(w, h) < self._least_px:
                continue
            diameter = _round_diameter(np.asarray(contour, dtype=np.int32))
            if diameter is None or not self._least_px <= diameter <= self._greatest_px:
                continue
            inside = np.zeros((h, w), dtype=np.uint8)
            cv2.drawContours(inside, [contour - np.array([x, y])], -1, 1, cv2.FILLED)
            if float(self._stain[y : y + h, x : x + w][inside > 0].mean()) < _LEUKOCYTE_STAIN:
                found.append(diameter)
        return np.array(found, dtype=np.float64)


def most_common(diameters: Floats) -> Floats:
    """Keep the diameters around their strongest peak, each weighted by its area.

    Parameters
    ----------
    diameters
        float64 [n].

    Returns
    -------
    numpy.ndarray
        float64 [m], m <= n. Without the weight, platelets would win by number.
    """
    if len(diameters) == 0:
        return diameters
    logs = np.log(diameters)
    close = np.abs(logs[:, None] - logs[None, :]) < _PEAK_WIDTH
    votes = close @ diameters**2
    return np.asarray(diameters[close[int(np.argmax(votes))]], dtype=np.float64)


def _round_diameter(contour: Contour) -> float | None:
    """Diameter of the disc of equal area where the outline is nearly a disc, else None."""
    if len(contour) < 12:
        return None
    circularity, solidity = _shape(contour)
    if circularity < _LEAST_CIRCULARITY or solidity < _LEAST_SOLIDITY:
        return None
    (_, (first, second), _) = cv2.fitEllipse(contour)
    if min(first, second) < _LEAST_AXIS_RATIO * max(first, second):
        return None
    # A contour runs through pixel centres, half a pixel inside the shape's true edge.
    return float(np.sqrt(4.0 * cv2.contourArea(contour) / np.pi)) + 1.0


def _shape(contour: Contour) -> tuple[float, float]:
    """Circularity 4 pi A / P^2 and solidity A / hull; zeros where there is no area."""
    area, outline = cv2.contourArea(contour), cv2.arcLength(contour, closed=True)
    hull = cv2.contourArea(cv2.convexHull(contour))
    if area <= 0.0 or hull <= 0.0:
        return 0.0, 0.0
    return float(4.0 * np.pi * area / outline**2), float(area / hull)


def _with_pale_centres(cut: Image) -> Image:
    """Fill the pale centres of red cells but not the gaps between them: centres are round, gaps are not."""
    filled = np.array(cut, dtype=np.uint8)
    contours, hierarchy = cv2.findContours(cut, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if hierarchy is None:
        return filled
    for contour, links in zip(contours, hierarchy[0], strict=True):
        is_hole = links[3] >= 0
        if not is_hole:
            continue
        circularity, solidity = _shape(np.asarray(contour, dtype=np.int32))
        is_centre = circularity > _PALE_CENTRE_CIRCULARITY and solidity > _PALE_CENTRE_SOLIDITY
        if len(contour) < 8 or is_centre:
            cv2.drawContours(filled, [contour], -1, 1, cv2.FILLED)
    return filled
