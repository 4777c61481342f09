"""Clusters of near-duplicate pictures, which must not stand on both sides of a split."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from smearwatch.train.samples import read_picture

_HASH_SIDE = 16
_NEAR_BITS = 40  # of 256; unrelated cells differ in about 100, copies in fewer than 20
_BLOCK = 256


def near_duplicate_groups(paths: Sequence[Path]) -> list[str]:
    """Name a group for each picture; pictures that nearly equal each other share it.

    Two pictures are near where their difference hashes (sign of the horizontal gradient of a 17x16 thumbnail) differ
    in at most 40 of 256 bits; nearness is carried on from picture to picture.

    Returns
    -------
    list of str
        "folder/file" of the first picture of the cluster, for each path.

    Raises
    ------
    DataUnusable
        Where a picture cannot be read.
    """
    hashes = np.stack([difference_hash(cv2.cvtColor(read_picture(p), cv2.COLOR_BGR2GRAY)) for p in paths])
    return [f"{paths[first].parent.name}/{paths[first].name}" for first in clusters(hashes)]


def difference_hash(grey: NDArray[np.generic]) -> NDArray[np.uint64]:
    """256 bits of a grey picture [h, w], as four uint64."""
    small = cv2.resize(np.asarray(grey, np.uint8), (_HASH_SIDE + 1, _HASH_SIDE), interpolation=cv2.INTER_AREA)
    bits = np.asarray(small)[:, 1:] > np.asarray(small)[:, :-1]
    return np.packbits(bits.reshape(-1)).view(np.uint64)


def clusters(hashes: NDArray[np.uint64]) -> list[int]:
    """Place of the first member of each picture's cluster, for hashes [n, 4]."""
    parent = list(range(len(hashes)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for start in range(0, len(hashes), _BLOCK):
        block = hashes[start : start + _BLOCK]
        distance = np.zeros((len(block), len(hashes)), dtype=np.uint16)
        for word in range(hashes.shape[1]):
            distance += np.bitwise_count(block[:, word, None] ^ hashes[None, :, word])
        for one, two in zip(*np.nonzero(distance <= _NEAR_BITS), strict=True):
            first, second = sorted((root(start + int(one)), root(int(two))))
            parent[second] = first
    return [root(place) for place in range(len(hashes))]
