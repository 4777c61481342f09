"""The statistics of each strange session among the labelled cells, as a count with the present weights uses them."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.models.appearance import appearance_features
from smearwatch.models.checkpoint import Networks
from smearwatch.models.session_statistics import FirstStages, looks_strange, pooled
from smearwatch.train.adapting.folds import Indices
from smearwatch.train.adapting.logits import network_input
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.stains import stain_source

_BATCH = 32


class SourceMoments:
    """Measured over the leukocytes of each source in the network as it was trained; see `evaluation.outputs` too.

    Attributes
    ----------
    strange
        The cells of each source whose statistics are used, and these; empty where weights ask for none, or every source
        looks like what they were trained on.
    """

    def __init__(self, networks: Networks, cells: CellSet) -> None:
        self.strange: list[tuple[Indices, NDArray[np.float32]]] = []
        manifest = networks.manifest
        if manifest.session_statistics is None:
            return
        self._stages = FirstStages(networks.resnet, manifest.session_statistics)
        identity = manifest.weights_id()
        by_source: dict[str, list[int]] = defaultdict(list)
        for index, sample in enumerate(cells.samples):
            by_source[stain_source(sample)].append(index)
        for every in by_source.values():
            known = [index for index in every if cells.samples[index].target.kind != "reject"]
            if not known:
                continue
            views = network_input(cells.fields[known], manifest.preprocessing)
            with torch.inference_mode():
                parts = [views[start : start + _BATCH] for start in range(0, len(views), _BATCH)]
                measured = np.concatenate([self._stages.measure(part) for part in parts])
            um_per_px = manifest.preprocessing.um_per_px
            looks = [appearance_features(np.asarray(cells.fields[index]), um_per_px) for index in known]
            moments = pooled(measured, identity, sum(looks_strange(look, manifest) for look in looks))
            if self._stages.is_used(moments, identity):
                self.strange.append((np.array(every, dtype=np.int64), moments.values))

    def using(self, values: NDArray[np.float32]) -> AbstractContextManager[None]:
        """Give the network a session's statistics for a while."""
        return self._stages.using(values)

    def compute(self, run: Callable[[Indices], torch.Tensor], plain: torch.Tensor) -> torch.Tensor:
        """Return what a network gives for each cell as a count would run it.

        Parameters
        ----------
        run
            Runs the network on the cells of these indices.
        plain
            What it gives for all of them as it was trained, in their order.
        """
        found = plain.clone()
        for indices, values in self.strange:
            with self.using(values):
                found[torch.from_numpy(indices)] = run(indices)
        return found
