"""Cells in the colours of another microscope, so that classes it shows few of are met in its colours too."""

import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.light import WHITE

_LEAST = 2.0
_LEAST_CHANGE = 0.5  # of the way to the new colours; the rest is drawn for each cell
_MIDDLE = 0.15  # left out at each side, where neighbours stand
_LEAST_SPREAD = 1e-3


def change_of(count: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Draw for each of `count` cells how far it goes towards new colours, from half the way to all of it."""
    return generator.uniform(_LEAST_CHANGE, 1.0, count).astype(np.float32)


def restyled(old_bgr: NDArray[np.uint8], new_bgr: NDArray[np.uint8], change: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Give each old field the mean and the spread of optical density, channel by channel, of a new one.

    After Reinhard et al., IEEE Computer Graphics and Applications 21 (2001), in optical density, where stains add up.

    Parameters
    ----------
    old_bgr, new_bgr : uint8 arrays of shape [n, h, w, 3]
    change : float32 array of shape [n]
        How far each goes towards the new colours: 1 for all of the way.

    Returns
    -------
    uint8 array of shape [n, h, w, 3]
    """
    old, new = _density(old_bgr), _density(new_bgr)
    old_mean, old_spread = _moments(old)
    new_mean, new_spread = _moments(new)
    share = change.reshape(-1, 1, 1, 1)
    mean = old_mean + (new_mean - old_mean) * share
    spread = old_spread * (new_spread / old_spread) ** share
    density = (old - old_mean) / old_spread * spread + mean
    return np.asarray(np.clip(np.rint(np.exp(-density) * WHITE), 0, 255), dtype=np.uint8)


def _density(fields_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
    return -np.log(np.maximum(fields_bgr.astype(np.float32), _LEAST) / np.float32(WHITE))


def _moments(density: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    edge = int(density.shape[1] * _MIDDLE)
    middle = density[:, edge : density.shape[1] - edge, edge : density.shape[2] - edge]
    spread = middle.std(axis=(1, 2), keepdims=True)
    return middle.mean(axis=(1, 2), keepdims=True), np.maximum(spread, _LEAST_SPREAD)
