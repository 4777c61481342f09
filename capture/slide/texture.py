"""Random textures that cells are drawn with: smooth noise, specks and granules, all in micrometres."""

import cv2
import numpy as np

from smearwatch.capture.arrays import Floats


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], length_um: float, um_per_px: float) -> Floats:
    """Draw noise that varies over a given length: a coarse random grid, grown with cubic interpolation.

    Parameters
    ----------
    rng
        Source of randomness.
    shape
        Height and width in pixels.
    length_um
        Distance between neighbouring grid points.
    um_per_px
        Scale of the picture.

    Returns
    -------
    numpy.ndarray
        float32 [height, width], mean about 0, standard deviation about 1.
    """
    step_px = max(length_um / um_per_px, 1.0)
    rows, cols = int(shape[0] / step_px) + 2, int(shape[1] / step_px) + 2
    grid = rng.standard_normal((rows, cols), dtype=np.float32)
    size = (max(int(cols * step_px), shape[1]), max(int(rows * step_px), shape[0]))
    grown = cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)
    # Interpolation between independent points lowers the spread; 1.4 brings it back to about 1.
    return np.asarray(grown[: shape[0], : shape[1]] * np.float32(1.4), dtype=np.float32)


def granules(
    rng: np.random.Generator,
    shape: tuple[int, int],
    per_um2: float,
    diameter_um: tuple[float, float],
    um_per_px: float,
) -> Floats:
    """Draw round granules strewn at random, of two sizes, each with a soft edge and its own strength.

    Parameters
    ----------
    rng
        Source of randomness.
    shape
        Height and width in pixels.
    per_um2
        Mean number of granules per square micrometre.
    diameter_um
        The smaller and the larger diameter.
    um_per_px
        Scale of the picture.

    Returns
    -------
    numpy.ndarray
        float32 [height, width] from 0 (none) to 1 (a full granule); overlapping ones do not add up beyond 1.
    """
    total = np.zeros(shape, np.float32)
    area_um2 = shape[0] * shape[1] * um_per_px**2
    for diameter in diameter_um:
        count = int(rng.poisson(per_um2 * area_um2 / len(diameter_um)))
        seeds = np.zeros(shape, np.float32)
        rows, cols = rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)
        seeds[rows, cols] = rng.uniform(0.5, 1.0, count).astype(np.float32)
        np.maximum(total, _grow_discs(seeds, diameter / um_per_px), out=total)
    return total


def _grow_discs(seeds: Floats, diameter_px: float) -> Floats:
    """Turn single pixels into discs (the strongest wins where they overlap), with edges of one pixel."""
    if diameter_px < 2.0:
        blurred = cv2.GaussianBlur(seeds, (0, 0), max(diameter_px / 2.5, 0.4))
        return np.asarray(np.minimum(blurred * 2.2, 1.0), dtype=np.float32)
    side = int(diameter_px) | 1
    disc = cv2.dilate(seeds, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return np.asarray(cv2.GaussianBlur(disc, (0, 0), max(0.18 * diameter_px, 0.6)), dtype=np.float32)


def soft_step(values: Floats, low: float, high: float) -> Floats:
    """Return 0 below `low`, 1 above `high`, a smooth cubic between (either may be the larger; the step then falls)."""
    ramp = np.clip((values - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    return np.asarray(ramp * ramp * (3.0 - 2.0 * ramp), dtype=np.float32)
