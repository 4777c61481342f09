"""Guess the registration of two fields from points that look alike."""

from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Floats
from smearwatch.capture.registration.picture import FieldPicture, PackedPicture
from smearwatch.capture.registration.similarity import Similarity, fit_similarity

_MOST_POINTS = 400
_SHRUNK = 2  # SIFT begins by growing what it is given twofold; of finer points than red cells there are none
_LEAST_CONTRAST = 0.03
_RATIO = 0.85
_WITHIN_UM = 1.3
_FEWEST_MATCHES = 4
_SCALES, _GREATEST_ANGLE_DEG = (0.85, 1.18), 25.0


@dataclass(frozen=True, slots=True)
class Keypoints:
    """Points of a field and the descriptors of their surroundings.

    Attributes
    ----------
    places_um
        float32 [n, 2], from the picture's upper left corner.
    descriptors
        float32 [n, 128], square roots of SIFT histograms (Arandjelovic and Zisserman, CVPR 2012).
    """

    places_um: Floats
    descriptors: Floats


def keypoints_of(picture: PackedPicture) -> Keypoints:
    """Find the points of a field whose picture is packed."""
    return find_keypoints(picture.unpack())


def find_keypoints(picture: FieldPicture) -> Keypoints:
    """Find the points of a field."""
    sift = cv2.SIFT.create(nfeatures=_MOST_POINTS, contrastThreshold=_LEAST_CONTRAST)
    height, width = picture.grey.shape
    size = (max(1, width // _SHRUNK), max(1, height // _SHRUNK))
    grey = cv2.resize(picture.grey, size, interpolation=cv2.INTER_AREA)
    found, described = sift.detectAndCompute(grey, None)
    if described is None or len(found) == 0:
        return Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    um_per_px = np.array([picture.um_per_px * width / size[0], picture.um_per_px * height / size[1]], np.float32)
    places = (np.array([point.pt for point in found], np.float32) + np.float32(0.5)) * um_per_px
    descriptors = np.sqrt(described / np.maximum(described.sum(axis=1, keepdims=True), 1e-6))
    return Keypoints(places, np.asarray(descriptors, np.float32))


def guess(new: Keypoints, old: Keypoints) -> Similarity | None:
    """Guess how one field lies in another; it may be wrong and must be checked.

    Returns
    -------
    Similarity or None
        From the first field's micrometres to the second's.
    """
    if min(len(new.descriptors), len(old.descriptors)) < _FEWEST_MATCHES:
        return None
    alike = new.descriptors @ old.descriptors.T  # cosine, for both have length 1
    best, rows = alike.argmax(axis=1), np.arange(len(alike))
    top = alike[rows, best]
    alike[rows, best] = -1.0
    second = alike.max(axis=1)
    alike[rows, best] = top
    # Distances of unit vectors: sqrt(2 - 2 cos).
    clear = np.flatnonzero((1.0 - top) < _RATIO**2 * (1.0 - second))
    mutual = alike[:, best[clear]].argmax(axis=0) == clear
    chosen = clear[mutual]
    if len(chosen) < _FEWEST_MATCHES:
        return None
    found = fit_similarity(
        new.places_um[chosen].astype(np.float64), old.places_um[best[chosen]].astype(np.float64), within_um=_WITHIN_UM
    )
    return found if found is not None and is_plausible(found) else None


def is_plausible(similarity: Similarity) -> bool:
    """Return whether a free-hand stage and an estimated scale may put two fields so."""
    return _SCALES[0] <= similarity.scale <= _SCALES[1] and abs(similarity.angle_deg) <= _GREATEST_ANGLE_DEG
