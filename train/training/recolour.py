"""Whose colours a cell to train on is given: drawn anew in each epoch, the same whoever draws it.

Classes that a microscope shows few of are so trained on in its colours too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.vision.light import WHITE
from smearwatch.train.data.samples import Sample
from smearwatch.train.data.simulated import SOURCE as SIMULATED

NONE: Final = -1

_LEAST = 2.0
_LEAST_CHANGE = 0.5  # of the way to the new colours; the rest is drawn for each cell
_MIDDLE = 0.15  # left out at each side, where neighbours stand
_LEAST_SPREAD = 1e-3
_DENSITIES = -np.log(np.maximum(np.arange(256.0), _LEAST) / WHITE)  # of each grey level


@dataclass(frozen=True, slots=True)
class Colours:
    """For each of n cells the index of the cell whose colours it gets, or NONE, and how far it goes to them.

    int64 and float32 arrays of shape [n].
    """

    indices: NDArray[np.int64]
    change: NDArray[np.float32]

    def at(self, start: int, stop: int) -> "Colours":
        """Pick those of some of the cells."""
        return Colours(self.indices[start:stop], self.change[start:stop])


class Recolouring:
    """Draws colours from the sources of `shares`, for photographed cells that are of none of these."""

    def __init__(self, shares: dict[str, float], samples: Sequence[Sample]) -> None:
        sources = np.array([sample.source for sample in samples])
        real = {name: np.flatnonzero(sources == name) for name, share in shares.items() if share > 0}
        self._models = {name: indices for name, indices in real.items() if len(indices)}
        self._shares = shares
        self._open = ~np.isin(sources, [*self._models, SIMULATED])

    def colours(self, batch: NDArray[np.int64], seed: int) -> Colours:
        """Draw the colours of a batch of cells."""
        indices = np.full(len(batch), NONE, dtype=np.int64)
        if not self._models:
            return Colours(indices, np.zeros(len(batch), dtype=np.float32))
        generator = np.random.default_rng(seed)
        lot, low = generator.random(len(batch)), 0.0
        for name, models in self._models.items():
            high = low + self._shares[name]
            chosen = (lot >= low) & (lot < high) & self._open[batch]
            indices[chosen] = generator.choice(models, len(batch))[chosen]
            low = high
        return Colours(indices, draw_change(len(batch), generator))


def draw_change(count: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Draw for each of `count` cells how far it goes towards new colours, from half the way to all of it."""
    return generator.uniform(_LEAST_CHANGE, 1.0, count).astype(np.float32)


def restyle(old_bgr: NDArray[np.uint8], new_bgr: NDArray[np.uint8], change: NDArray[np.float32]) -> NDArray[np.uint8]:
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
    old_mean, old_spread = _moments(old_bgr)
    new_mean, new_spread = _moments(new_bgr)
    share = change.reshape(-1, 1, 1)
    mean = old_mean + (new_mean - old_mean) * share
    spread = old_spread * (new_spread / old_spread) ** share
    # What becomes of a grey level is the same all over a field: 256 levels are worked out instead of every pixel.
    density = (_DENSITIES[:, None] - old_mean) / old_spread * spread + mean
    levels = np.asarray(np.clip(np.rint(np.exp(-density) * WHITE), 0, 255), dtype=np.uint8)
    fields = np.empty_like(old_bgr)
    for field, table, coloured in zip(old_bgr, levels, fields, strict=True):
        cv2.LUT(field, table[:, None], coloured)
    return fields


def _moments(fields_bgr: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure mean and spread of optical density in the middle of each field by channel: two arrays [n, 1, 3]."""
    edge = int(fields_bgr.shape[1] * _MIDDLE)
    middle = fields_bgr[:, edge : fields_bgr.shape[1] - edge, edge : fields_bgr.shape[2] - edge]
    channels = np.moveaxis(middle, 3, 1).reshape(-1, middle.shape[1] * middle.shape[2])
    shares = np.stack([np.bincount(channel, minlength=256) for channel in channels]) / channels.shape[1]
    mean = shares @ _DENSITIES
    spread = np.sqrt((shares * (_DENSITIES - mean[:, None]) ** 2).sum(axis=1))
    return mean.reshape(-1, 1, 3), np.maximum(spread, _LEAST_SPREAD).reshape(-1, 1, 3)
