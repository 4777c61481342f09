"""Whose colours a cell to train on is given: drawn anew in each epoch, the same whoever draws it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smearwatch.train.restyle import change_of
from smearwatch.train.samples import Sample
from smearwatch.train.simulated import SOURCE as SIMULATED

NONE: Final = -1


@dataclass(frozen=True, slots=True)
class Colours:
    """For each of n cells the place of the cell whose colours it gets, or NONE, and how far it goes to them.

    int64 and float32 arrays of shape [n].
    """

    places: NDArray[np.int64]
    change: NDArray[np.float32]

    def at(self, start: int, stop: int) -> "Colours":
        """Those of some of the cells."""
        return Colours(self.places[start:stop], self.change[start:stop])


class Recolouring:
    """Draws colours from the sources of `shares`, for photographed cells that are of none of these."""

    def __init__(self, shares: dict[str, float], samples: Sequence[Sample]) -> None:
        sources = np.array([sample.source for sample in samples])
        real = {name: np.flatnonzero(sources == name) for name, share in shares.items() if share > 0}
        self._models = {name: places for name, places in real.items() if len(places)}
        self._shares = shares
        self._open = ~np.isin(sources, [*self._models, SIMULATED])

    def colours(self, batch: NDArray[np.int64], seed: int) -> Colours:
        """Draw the colours of a batch of cells."""
        places = np.full(len(batch), NONE, dtype=np.int64)
        if not self._models:
            return Colours(places, np.zeros(len(batch), dtype=np.float32))
        generator = np.random.default_rng(seed)
        lot, low = generator.random(len(batch)), 0.0
        for name, models in self._models.items():
            high = low + self._shares[name]
            chosen = (lot >= low) & (lot < high) & self._open[batch]
            places[chosen] = generator.choice(models, len(batch))[chosen]
            low = high
        return Colours(places, change_of(len(batch), generator))
