"""AdaBN: batch norm's means and variances, half way to those of the new cells; no label is learnt from."""

import numpy as np
import torch

from smearwatch.models.checkpoint import Networks
from smearwatch.models.memory import Memory
from smearwatch.train.adapting.folds import Indices
from smearwatch.train.adapting.labelled_cells import family, sampling_weights
from smearwatch.train.adapting.logits import network_input
from smearwatch.train.adapting.network import NetworkStrategy
from smearwatch.train.adapting.old_cells import OldCells
from smearwatch.train.adapting.strategy import Weights, average_weights
from smearwatch.train.data.cells import CellSet
from smearwatch.train.training.batch_statistics import adapt_batch_norm

_SHARE = 0.5  # the new cells' statistics alone cost more on other cells than they gain
_BATCH, _BATCHES = 48, 8


class AdaBN(NetworkStrategy):
    """The ResNet with the statistics of its batch norm half way to those of the new cells; no weight learns.

    The labels decide only how often each cell is drawn, so that a class that is frequent on these slides does not pass
    for the appearance of the microscope. After Li et al. (ICLR workshop 2017) and Schneider et al. (NeurIPS 2020).
    """

    name = "statistics"

    def __init__(self, networks: Networks, memory: Memory | None, cells: CellSet, old: OldCells, *, seed: int) -> None:
        super().__init__(networks, memory, cells, old)
        self._seed = seed

    def fit(self, indices: Indices) -> Weights:
        """Estimate the statistics on some of the new cells, each turned and mirrored by lot."""
        self._load(self.present)
        rng = np.random.default_rng(self._seed)
        weights = sampling_weights([family(self._cells.samples[int(index)]) for index in indices])
        batches = []
        for _ in range(_BATCHES):
            seen = network_input(self._cells.fields[rng.choice(indices, _BATCH, p=weights)], self._preprocessing)
            turned = torch.rot90(seen, int(rng.integers(4)), (2, 3))
            batches.append(turned.flip(3) if rng.integers(2) else turned)
        new = adapt_batch_norm(self._networks.resnet, batches).state_dict()
        theirs = {f"resnet.{key}": value for key, value in new.items() if value.is_floating_point()}
        return average_weights(self.present, {**self.present, **theirs}, _SHARE)
