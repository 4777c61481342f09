"""Tiles of a picture that were never written: of one colour to the last pixel, amid pixels that are not."""

from typing import Final

import cv2
import numpy as np

from smearwatch.capture.arrays import Flags, Image

_NEAR: Final = 8
"""So little do pixels differ that may belong together: of saturated glass, of a smooth ground that JPEG made even."""
_HALF: Final = 0.5
_SURROUND: Final = 0.05
"""A surround does not end at the tiles' edges: more than this share of the pixels beside it is nearly of its colour."""
_MOST_COLOURS: Final = 16  # of tiles that are looked at; a drawing may have more


def flaw_of_tiles(bgr: Image, tile_width_px: int, tile_height_px: int) -> str | None:
    """Return which part of a tiled picture was never written; None where nothing speaks for it.

    Of what goes over the whole width, bars at the top or the bottom are of the picture; of bars over the whole height,
    those on both sides are.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3], not turned, so that its tiles begin in its first corner.
    """
    least, greatest = (_of_tiles(bgr, each, tile_width_px, tile_height_px) for each in (np.minimum, np.maximum))
    even = (least == greatest).all(axis=2)
    for colour in np.unique(least[even], axis=0)[:_MOST_COLOURS]:
        flaw = _flaw_of_colour(bgr, even & (least == colour).all(axis=2), colour, (tile_width_px, tile_height_px))
        if flaw is not None:
            return flaw
    return None


def _flaw_of_colour(bgr: Image, empty: Flags, colour: Image, tile_px: tuple[int, int]) -> str | None:
    tile_width_px, tile_height_px = tile_px
    alike = np.asarray(cv2.absdiff(bgr, np.broadcast_to(colour, bgr.shape).copy()).max(axis=2) <= _NEAR)
    count, labels = cv2.connectedComponents(empty.astype(np.uint8), connectivity=4)
    for label in range(1, count):
        hole = labels == label
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        across, down = columns[-1] - columns[0] + 1 == hole.shape[1], rows[-1] - rows[0] + 1 == hole.shape[0]
        at_end = rows[0] == 0 or rows[-1] == hole.shape[0] - 1
        if (across and at_end) or (down and _is_framed(alike)):
            continue
        whole = np.kron(hole, np.ones((tile_height_px, tile_width_px), np.bool_))[: bgr.shape[0], : bgr.shape[1]]
        beside = cv2.dilate(whole.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_) & ~whole
        if float(alike[beside].mean()) < _SURROUND:
            x, y = int(columns[0]) * tile_width_px, int(rows[0]) * tile_height_px
            return f"{int(hole.sum())} of {hole.size} tiles are empty, from x {x}, y {y} on"
    return None


def _is_framed(alike: Flags) -> bool:
    return bool(alike[:, 0].mean() > _HALF and alike[:, -1].mean() > _HALF)


def _of_tiles(bgr: Image, take: np.ufunc, tile_width_px: int, tile_height_px: int) -> Image:
    """Return each tile's least or greatest value of each colour: uint8 [tiles down, tiles across, 3]."""
    by_rows = take.reduceat(bgr, np.arange(0, bgr.shape[0], tile_height_px), axis=0)
    return np.asarray(take.reduceat(by_rows, np.arange(0, bgr.shape[1], tile_width_px), axis=1), np.uint8)
