"""Clusters of near-duplicate pictures, which must not stand on both sides of a split."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from smearwatch.capture.arrays import Image
from smearwatch.train.data.samples import read_picture

_SIDE_PX = 44
_MARGIN_PX = 10  # of the thumbnail, a quarter of it: so far may the same cell have moved
_WAVES = 12
_FLOOR = 50.0  # amplitude of a wave, in grey levels summed over the thumbnail, below which it is noise
_ALIKE = 0.42  # spectra of strangers correlate by 0.0 with a deviation of 0.1; copies moved by a fifth by 0.5
_SAME = 0.97  # strangers of one class reach 0.965, copies begin at 0.98
_BLOCK = 256


def near_duplicate_groups(paths: Sequence[Path]) -> list[str]:
    """Name a group for each picture; pictures that show the same cell share it.

    Returns
    -------
    list of str
        "folder/file" of the first picture of the cluster, for each path.

    Raises
    ------
    DataUnusable
        Where a picture cannot be read.
    """
    thumbnails = np.stack([thumbnail(read_picture(path)) for path in paths])
    return [f"{paths[first].parent.name}/{paths[first].name}" for first in clusters(thumbnails)]


def thumbnail(bgr: Image) -> NDArray[np.float32]:
    """Shrink a picture [h, w, 3] to grey float32 [44, 44]."""
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32)


def clusters(thumbnails: NDArray[np.float32]) -> list[int]:
    """Return the index of the first member of each picture's cluster, for thumbnails [n, 44, 44].

    Two pictures show the same cell where the middle of one is found again in the other, moved by up to a quarter of
    the picture, with a correlation above 0.97; sameness is carried on from picture to picture. Only pairs are compared
    whose amplitude spectra, which no shift changes, are alike.
    """
    count = len(thumbnails)
    pairs = [(one, two) for one, two in _candidates(_spectra(thumbnails)) if _same(thumbnails[one], thumbnails[two])]
    ones, twos = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    links = coo_array((np.ones(len(pairs)), (ones, twos)), shape=(count, count))
    _, labels = connected_components(links, directed=False)
    _, first = np.unique(labels, return_index=True)
    return [int(first[label]) for label in labels]


def _spectra(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return unit vectors [n, features]: how each picture's low waves differ from all pictures' mean."""
    window = np.outer(np.hanning(_SIDE_PX), np.hanning(_SIDE_PX))
    waves = np.abs(np.fft.rfft2((thumbnails - thumbnails.mean(axis=(1, 2), keepdims=True)) * window))
    low = np.concatenate([waves[:, :_WAVES, :_WAVES], waves[:, 1 - _WAVES :, :_WAVES]], axis=1)
    spectra = np.log1p(low.reshape(len(thumbnails), -1) / _FLOOR)
    spectra -= spectra.mean(axis=0)
    spectra /= spectra.std(axis=0) + 1e-6
    lengths = np.linalg.norm(spectra, axis=1, keepdims=True)
    return np.asarray(spectra / np.maximum(lengths, 1e-6), dtype=np.float32)


def _candidates(spectra: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    # A mean over few pictures is mostly the pair itself, so few pictures are all compared with each other.
    least = _ALIKE if len(spectra) > _BLOCK else -1.0
    for start in range(0, len(spectra), _BLOCK):
        alike = spectra[start : start + _BLOCK] @ spectra.T
        for one, two in zip(*np.nonzero(alike >= least), strict=True):
            if start + one < two:
                yield start + int(one), int(two)


def _same(one: NDArray[np.float32], two: NDArray[np.float32]) -> bool:
    inner = slice(_MARGIN_PX, -_MARGIN_PX)
    found = cv2.matchTemplate(two, np.ascontiguousarray(one[inner, inner]), cv2.TM_CCOEFF_NORMED)
    return bool(np.max(found) >= _SAME)
