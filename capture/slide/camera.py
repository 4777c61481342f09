"""Photograph a field quickly, also one whose slide moves meanwhile or whose stain is another one there.

The same physics as `smearwatch.capture.slide.optics.expose`, with noise from a table, wide blurs at half the size and a
movement's smear besides; for long series of fields.
"""

import cv2
import numpy as np
from scipy.special import ndtri

from smearwatch.capture.arrays import Floats, Image
from smearwatch.capture.slide.optics import Optics

_HALO_UM = 0.35
_LAMP_GRID = 24


def photograph(
    od_bgr: Floats,
    optics: Optics,
    rng: np.random.Generator,
    *,
    um_per_px: float,
    moved_um: tuple[float, float] = (0.0, 0.0),
    stain_bgr: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Image:
    """Photograph a field.

    Parameters
    ----------
    od_bgr
        float32 [height, width, 3], optical density (natural logarithm).
    optics
        Light, focus and camera.
    rng
        Source of the camera's noise.
    um_per_px
        Scale.
    moved_um
        How far (x, y in the picture) the slide moves at even speed while the shutter is open.
    stain_bgr
        What the density is multiplied by, for each colour.

    Returns
    -------
    numpy.ndarray
        uint8 [height, width, 3], BGR.
    """
    light = np.asarray(cv2.exp(cv2.transform(od_bgr, -np.diag(stain_bgr))), np.float32)
    if optics.blur_um > 0.3 * um_per_px:
        light = _blur(light, optics.blur_um / um_per_px)
    if moved_um != (0.0, 0.0):
        kernel = motion_kernel(moved_um[0] / um_per_px, moved_um[1] / um_per_px)
        light = np.asarray(cv2.filter2D(light, -1, kernel), np.float32)
    if optics.halo > 0.02:
        wide = _blur(light, _HALO_UM / um_per_px)
        light = np.asarray(cv2.addWeighted(light, 1.0 + optics.halo, wide, -optics.halo, 0.0), np.float32)
    # light * (1 - flare) + flare, the factor (1 - flare) being in the lamp's.
    shone = cv2.add(light, np.full(4, optics.flare / (1.0 - optics.flare)))
    shone = cv2.multiply(shone, _lamp(light.shape[1], light.shape[0], optics))
    # Rounds and saturates in the same pass.
    return np.asarray(cv2.add(shone, _noise(rng, light.shape, optics.noise), dtype=cv2.CV_8U), dtype=np.uint8)


def motion_kernel(x_px: float, y_px: float) -> Floats:
    """Return the kernel, float32 [side, side] with an odd side and the sum 1, of a movement at even speed."""
    reach = int(np.ceil(max(abs(x_px), abs(y_px)) / 2.0)) + 1
    side = 2 * reach + 1
    kernel = np.zeros((side, side), np.float32)
    for share in np.linspace(-0.5, 0.5, 8 * side):
        x, y = share * x_px + reach, share * y_px + reach
        column, row = int(x), int(y)
        right, down = x - column, y - row
        # Each moment's weight goes to the four pixels around its position.
        kernel[row : row + 2, column : column + 2] += np.outer((1.0 - down, down), (1.0 - right, right))
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def _blur(light: Floats, sigma_px: float) -> Floats:
    """Blur a picture; wide blurs are computed at half the size, where nothing is lost that they leave."""
    if sigma_px < 2.5:
        return np.asarray(cv2.GaussianBlur(light, (0, 0), sigma_px), dtype=np.float32)
    height, width = light.shape[:2]
    half = cv2.resize(light, (max(width // 2, 1), max(height // 2, 1)), interpolation=cv2.INTER_AREA)
    half = cv2.GaussianBlur(half, (0, 0), sigma_px / 2.0)
    return np.asarray(cv2.resize(half, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _lamp(width_px: int, height_px: int, optics: Optics) -> Floats:
    """Draw the light over the empty field less the flare's share, float32 [height, width, 3], drawn small and grown."""
    x, y = (np.linspace(0.0, 1.0, _LAMP_GRID) - middle for middle in optics.centre_xy)
    bowl = 1.0 - optics.vignetting * np.minimum((x[None, :] ** 2 + y[:, None] ** 2) / 0.5, 1.6)
    slope = 1.0 + (x[None, :] + 0.5 * y[:, None])[:, :, None] * np.array(optics.cast_bgr)
    small = bowl[:, :, None] * slope * np.array(optics.background_bgr) * (1.0 - optics.flare)
    grown = cv2.resize(small.astype(np.float32), (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown, dtype=np.float32)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], spread: float) -> Floats:
    """Draw normal noise in 256 steps: a byte of randomness a value, through the normal distribution's quantiles."""
    quantiles = ndtri((np.arange(256) + 0.5) / 256.0)
    table = (quantiles / quantiles.std() * spread).astype(np.float32)
    drawn = np.frombuffer(rng.bytes(int(np.prod(shape))), np.uint8).reshape(shape)
    return np.asarray(cv2.LUT(drawn, table), dtype=np.float32)
