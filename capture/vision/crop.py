"""Cut the picture of one cell: always the same physical field, always the same number of pixels."""

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.vision.light import WHITE, FieldLight

FIELD_UM = 33.0
"""Width of a crop on the slide: 750 px of an Axiocam ERc5s behind a 100x objective and a 0.5x adapter."""

SIZE_PX = 750

_SAMPLED_BEYOND_PX = 4  # cubic sampling and the shift by whole pixels reach a little beyond the square


def cut_crop(
    bgr: Image,
    centre_xy_px: tuple[float, float],
    um_per_px: float,
    *,
    field_um: float = FIELD_UM,
    size_px: int = SIZE_PX,
) -> Image:
    """Cut a square of fixed physical width around a point and resample it to a fixed size.

    Shrinking averages areas, so that fine texture does not alias; growing is cubic. What lies outside the
    picture becomes background white.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3], with background at `smearwatch.capture.vision.light.WHITE`.
    centre_xy_px
        Centre of the cell, x to the right and y down, in pixels of `bgr` (the first pixel's centre is 0.5).
    um_per_px
        Scale of `bgr`.
    field_um
        Width of the crop on the slide.
    size_px
        Width of the crop in pixels.

    Returns
    -------
    numpy.ndarray
        uint8 [size_px, size_px, 3].

    Raises
    ------
    ValueError
        If `um_per_px`, `field_um` or `size_px` is not a positive number.
    """
    if not (um_per_px > 0.0 and field_um > 0.0 and size_px > 0):
        raise ValueError(f"crop of {field_um} um in {size_px} px at {um_per_px} um/px is not possible")
    side_px = field_um / um_per_px
    scale = size_px / side_px
    left, top = centre_xy_px[0] - side_px / 2.0, centre_xy_px[1] - side_px / 2.0
    if scale >= 1.0:
        return _sample(bgr, left, top, scale, size_px, cv2.INTER_CUBIC)
    # First average areas down to the wanted scale, over whole source pixels; then shift by the remainder.
    x0, y0 = int(np.floor(left)) - 1, int(np.floor(top)) - 1
    span = int(np.ceil(side_px)) + 3
    patch = _pad(bgr, x0, y0, span)
    small = max(1, round(span * scale))
    shrunk = np.asarray(cv2.resize(patch, (small, small), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    kept = small / span
    return _sample(shrunk, (left - x0) * kept, (top - y0) * kept, scale / kept, size_px, cv2.INTER_LINEAR)


def cut_flat_crop(
    bgr: Image,
    light: FieldLight,
    centre_xy_px: tuple[float, float],
    um_per_px: float,
    *,
    field_um: float = FIELD_UM,
    size_px: int = SIZE_PX,
) -> Image:
    """Cut a square as `cut_crop` does out of a picture as photographed, and take the light out of that part alone.

    Parameters
    ----------
    bgr
        uint8 [height, width, 3], as photographed.
    light
        The picture's light.
    centre_xy_px, um_per_px, field_um, size_px
        See `cut_crop`.

    Returns
    -------
    numpy.ndarray
        uint8 [size_px, size_px, 3].

    Raises
    ------
    ValueError
        See `cut_crop`.
    """
    rows, columns = _window(bgr, centre_xy_px, um_per_px, field_um)
    flat = light.flat_window(bgr, rows, columns)
    inside = (centre_xy_px[0] - columns.start, centre_xy_px[1] - rows.start)
    return cut_crop(flat, inside, um_per_px, field_um=field_um, size_px=size_px)


def _window(bgr: Image, centre_xy_px: tuple[float, float], um_per_px: float, field_um: float) -> tuple[slice, slice]:
    """Return the rows and columns of a picture that a square takes its pixels from."""
    reach = field_um / um_per_px / 2.0 + _SAMPLED_BEYOND_PX if um_per_px > 0.0 else 0.0
    columns, rows = (
        slice(min(max(int(middle - reach), 0), size), min(max(int(middle + reach) + 1, 0), size))
        for middle, size in zip(centre_xy_px, (bgr.shape[1], bgr.shape[0]), strict=True)
    )
    return rows, columns


def _sample(bgr: Image, left: float, top: float, scale: float, size_px: int, interpolation: int) -> Image:
    """Map output pixel centres back onto the picture: source = left + (output + 0.5) / scale - 0.5."""
    step = 1.0 / scale
    matrix = np.array([[step, 0.0, left + 0.5 * step - 0.5], [0.0, step, top + 0.5 * step - 0.5]], dtype=np.float64)
    warped = cv2.warpAffine(
        bgr,
        matrix,
        (size_px, size_px),
        flags=interpolation | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(WHITE, WHITE, WHITE),
    )
    return np.asarray(warped, dtype=np.uint8)


def _pad(bgr: Image, x0: int, y0: int, span: int) -> Image:
    """Copy the square [y0, y0 + span) x [x0, x0 + span), white where it leaves the picture."""
    height, width = bgr.shape[:2]
    patch = np.full((span, span, 3), WHITE, dtype=np.uint8)
    ax, ay = min(max(x0, 0), width), min(max(y0, 0), height)
    bx, by = min(max(x0 + span, 0), width), min(max(y0 + span, 0), height)
    if bx > ax and by > ay:
        patch[ay - y0 : by - y0, ax - x0 : bx - x0] = bgr[ay:by, ax:bx]
    return patch
