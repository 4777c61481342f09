"""Tiles of a picture that were never written: black to the last pixel, amid pixels that are not."""

from typing import Final

import cv2
import numpy as np

from smearwatch.capture.arrays import Flags, Image

_BLACK: Final = 3
_HALF: Final = 0.5
_SURROUND: Final = 0.05
"""A black surround does not end at the tiles' edges: more than this share of the pixels beside it is black."""


def flaw_of_tiles(bgr: Image, tile_width_px: int, tile_height_px: int) -> str | None:
    """Return which part of a tiled picture was never written; None where nothing speaks for it.

    Bars over the whole width are of the picture, or found as rows (see `damage.flaw_of_rows`); of those over the whole
    height, frames with black on both sides are of the picture.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3], not turned, so that its tiles begin in its first corner.
    """
    black = bgr.max(axis=2) <= _BLACK
    empty = _all_in_tiles(black, tile_width_px, tile_height_px)
    if not empty.any():
        return None
    count, labels = cv2.connectedComponents(empty.astype(np.uint8), connectivity=4)
    for label in range(1, count):
        hole = labels == label
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        across, down = columns[-1] - columns[0] + 1 == hole.shape[1], rows[-1] - rows[0] + 1 == hole.shape[0]
        if across or (down and _is_framed(black)):
            continue
        whole = np.kron(hole, np.ones((tile_height_px, tile_width_px), np.bool_))[: black.shape[0], : black.shape[1]]
        beside = cv2.dilate(whole.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_) & ~whole
        if float(black[beside].mean()) < _SURROUND:
            x, y = int(columns[0]) * tile_width_px, int(rows[0]) * tile_height_px
            return f"{int(hole.sum())} of {hole.size} tiles are empty, from x {x}, y {y} on"
    return None


def _is_framed(black: Flags) -> bool:
    return bool(black[:, 0].mean() > _HALF and black[:, -1].mean() > _HALF)


def _all_in_tiles(flags: Flags, tile_width_px: int, tile_height_px: int) -> Flags:
    """Return for each tile whether all its pixels are so: bool [tiles down, tiles across]."""
    by_rows = np.logical_and.reduceat(flags, np.arange(0, flags.shape[0], tile_height_px), axis=0)
    return np.asarray(np.logical_and.reduceat(by_rows, np.arange(0, flags.shape[1], tile_width_px), axis=1))
