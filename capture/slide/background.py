"""What lies between the leukocytes: red cells and platelets, as optical density."""

import numpy as np

from smearwatch.capture.arrays import Floats
from smearwatch.capture.slide.stain import Stain
from smearwatch.capture.slide.texture import granules, smooth_noise, soft_step

RED_CELL_DIAMETER_UM = 7.5
"""Mean diameter; in a healthy adult's smear it lies between 7.2 and 7.8."""

_SHARE_OF_THINNER = 0.4


def render_red_cell(
    rng: np.random.Generator, *, um_per_px: float, stain: Stain, diameter_um: float, rim: float
) -> Floats:
    """Draw one red cell: a disc, nearly round, with a pale centre.

    Parameters
    ----------
    rng
        Source of randomness.
    um_per_px
        Scale.
    stain
        Densities of the substances.
    diameter_um
        Mean diameter of the cell.
    rim
        0-1: how much of the density stands as a dark line at the edge, as in a slightly defocused or thin smear.

    Returns
    -------
    numpy.ndarray
        float32 [side, side, 3], optical density.
    """
    side = int(np.ceil(diameter_um * 1.35 / um_per_px)) | 1
    axis = (np.arange(side, dtype=np.float32) - side // 2) * np.float32(um_per_px)
    x, y = axis[None, :], axis[:, None]
    angle = np.arctan2(y, x) - np.float32(rng.uniform(0.0, 2.0 * np.pi))
    radius = 0.5 * diameter_um * (1.0 + abs(rng.normal(0.0, 0.05)) * np.cos(2.0 * angle))
    for order in (3, 4, 5):
        radius = radius + 0.5 * diameter_um * rng.normal(0.0, 0.012) * np.cos(order * angle + rng.uniform(0.0, 6.3))
    rho = (np.hypot(x, y) / radius).astype(np.float32)
    edge = um_per_px / (0.5 * diameter_um)
    inside = soft_step(rho, 1.0 + 0.8 * edge, 1.0 - 1.2 * edge - 0.03)
    pallor = rng.beta(1.6, 1.6) * 0.95 * soft_step(rho, rng.uniform(0.55, 0.8), rng.uniform(0.05, 0.25))
    bowl = 0.86 + 0.14 * soft_step(rho, 0.3, 0.85)
    line = np.exp(-(((rho - 0.93) / 0.07) ** 2))
    thickness = (1.0 - 0.55 * rim) * bowl * (1.0 - pallor) + (0.10 + 1.1 * rim) * line
    thickness = thickness * (1.0 + 0.03 * smooth_noise(rng, (side, side), 2.0, um_per_px))
    strength = (inside * thickness * rng.normal(1.0, 0.07)).astype(np.float32)
    od: Floats = strength[:, :, None] * np.asarray(stain.haemoglobin, np.float32)
    return od


def render_platelet(rng: np.random.Generator, *, um_per_px: float, stain: Stain) -> Floats:
    """Draw one platelet: an irregular purple speck of 2-3 um with granules in its middle.

    Returns
    -------
    numpy.ndarray
        float32 [side, side, 3], optical density.
    """
    radius_um = rng.uniform(0.9, 1.6)
    side = int(np.ceil(3.4 * radius_um / um_per_px)) | 1
    axis = (np.arange(side, dtype=np.float32) - side // 2) * np.float32(um_per_px)
    x, y = axis[None, :], axis[:, None]
    stretch = rng.uniform(1.0, 1.35)
    rho = np.hypot(x * stretch, y / stretch) / radius_um
    if rng.random() < 0.5:
        rho = rho.T
    rho = (rho + 0.13 * smooth_noise(rng, (side, side), 0.8, um_per_px)).astype(np.float32)
    body = soft_step(rho, 1.1, 0.7)
    core = soft_step(rho, 0.9, 0.2) * granules(rng, (side, side), 6.0, (0.3, 0.45), um_per_px)
    strength = (body * rng.uniform(0.35, 0.8) + core * rng.uniform(0.6, 1.2)).astype(np.float32)
    return strength[:, :, None] * np.asarray(stain.platelet, np.float32)


def add_patch(field: Floats, patch: Floats, x_px: int, y_px: int) -> None:
    """Lay a patch's optical density over a field's, its middle at a pixel; what lies outside is cut off.

    Flattened cells that lie on each other are thinner there, so that the thinner one adds only a part of its density.
    """
    target, source = overlap(field.shape, patch.shape, x_px, y_px)
    below, above = field[target], patch[source]
    below += above - np.float32(1.0 - _SHARE_OF_THINNER) * np.minimum(below, above)


def overlap(
    field_shape: tuple[int, ...], patch_shape: tuple[int, ...], x_px: int, y_px: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return where a patch with its middle at (x, y) lies in a field, and which of its own pixels lie there."""
    top, left = y_px - patch_shape[0] // 2, x_px - patch_shape[1] // 2
    y0, x0 = max(top, 0), max(left, 0)
    y1 = max(min(top + patch_shape[0], field_shape[0]), y0)
    x1 = max(min(left + patch_shape[1], field_shape[1]), x0)
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
