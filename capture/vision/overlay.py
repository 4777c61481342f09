"""Draw what was found into the picture, for a person to see."""

from math import floor, log10

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.vision.segment import CYTOPLASM, NUCLEUS, Leukocyte

_CELL_BGR, _NUCLEUS_BGR = (0, 160, 0), (200, 60, 0)
_BOX_BGR, _EDGE_BGR = (0, 200, 255), (60, 60, 255)
_INK_BGR, _RIM_BGR = (20, 20, 20), (255, 255, 255)
_BAR_SHARE = 0.2  # of the picture's width, at most
_STEPS = (1.0, 2.0, 5.0)


def draw_overlay(bgr: Image, cells: tuple[Leukocyte, ...], mask: Image, um_per_px: float, caption: str) -> Image:
    """Draw boxes, outlines and a scale bar.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3], as photographed.
    cells
        What was found; those at the edge are drawn in red.
    mask
        uint8 [height, width]: 0 background, 128 cytoplasm, 255 nucleus.
    um_per_px
        Scale.
    caption
        A line for the upper left corner.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 3], a new picture.
    """
    drawn = np.array(bgr, dtype=np.uint8)
    thick = max(1, round(max(bgr.shape[:2]) / 900))
    for least, colour in ((CYTOPLASM, _CELL_BGR), (NUCLEUS, _NUCLEUS_BGR)):
        outlines, _ = cv2.findContours((mask >= least).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outlines, -1, colour, thick, cv2.LINE_AA)
    for number, cell in enumerate(cells):
        x, y, width, height = cell.box
        colour = _EDGE_BGR if cell.at_edge else _BOX_BGR
        cv2.rectangle(drawn, (x, y), (x + width - 1, y + height - 1), colour, thick)
        _write(drawn, f"{number}", (x + 3 * thick, y + 16 * thick), thick)
    _write(drawn, caption, (10 * thick, 22 * thick), thick)
    _draw_bar(drawn, um_per_px, thick)
    return drawn


def choose_bar_um(width_um: float) -> float:
    """Return a round length for a scale bar: 1, 2 or 5 times a power of ten, at most a fifth of the width.

    Parameters
    ----------
    width_um
        Width of the picture on the slide.
    """
    most = _BAR_SHARE * width_um
    power = 10.0 ** floor(log10(most))
    return power * max(step for step in _STEPS if step * power <= most * 1.0000001)


def _draw_bar(drawn: Image, um_per_px: float, thick: int) -> None:
    height, width = drawn.shape[:2]
    length_um = choose_bar_um(width * um_per_px)
    length_px = round(length_um / um_per_px)
    right, bottom = width - 12 * thick, height - 12 * thick
    cv2.rectangle(drawn, (right - length_px, bottom - 5 * thick), (right, bottom), _INK_BGR, cv2.FILLED)
    _write(drawn, f"{length_um:g} um", (right - length_px, bottom - 10 * thick), thick)


def _write(drawn: Image, text: str, at: tuple[int, int], thick: int) -> None:
    """Write dark letters with a bright rim, to be read on any ground."""
    # The rim is the same letters moved about: heavier ones would be wider, too.
    around = [(x, y) for x in (-thick, 0, thick) for y in (-thick, 0, thick) if (x, y) != (0, 0)]
    for (x, y), colour in [*((position, _RIM_BGR) for position in around), ((0, 0), _INK_BGR)]:
        position = (at[0] + x, at[1] + y)
        cv2.putText(drawn, text, position, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * thick, colour, thick, cv2.LINE_AA)
