"""Adapting the networks themselves, not their last layers alone: what these strategies have in common."""

import copy
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.checkpoint import Networks
from smearwatch.models.memory import Memory, short
from smearwatch.train.adapting.folds import Indices
from smearwatch.train.adapting.logits import Logits, network_input, run_networks
from smearwatch.train.adapting.old_cells import OldCells
from smearwatch.train.adapting.source_moments import SourceMoments
from smearwatch.train.adapting.strategy import Weights
from smearwatch.train.data.cells import CellSet
from smearwatch.train.training.remembering import body_features, make_remembered


class NetworkStrategy(ABC):
    """Base of the strategies that change the body: both networks, and pictures of old cells beside the new."""

    name: str
    by_statistics = False  # the first layers change, so that the new cells are strange to them no more

    def __init__(self, networks: Networks, memory: Memory | None, cells: CellSet, old: OldCells) -> None:
        self._networks = copy.deepcopy(networks)
        self._preprocessing = networks.manifest.preprocessing
        self._memory, self._cells, self._old = memory, cells, old
        self.present = self._state()
        self._moments = SourceMoments(self._networks, cells)
        self.chosen_by, self.checked_by = old.chosen_by.samples, old.checked_by.samples

    @abstractmethod
    def fit(self, indices: Indices) -> Weights:
        """Learn from some of the new cells."""

    def predict_new(self, weights: Weights, indices: Indices) -> Logits:
        """Return the logits of new cells; by the present weights as a count has them, with a session's statistics."""
        found = self._run(weights, self._cells.fields[indices])
        if weights is not self.present:
            return found
        for strange, values in self._moments.strange:
            at = np.flatnonzero(np.isin(indices, strange))
            fields = self._cells.fields[indices[at]]
            with self._moments.using(values):
                found.put(at, run_networks(self._networks.resnet, self._networks.bank, fields, self._preprocessing))
        return found

    def predict_chosen_by(self, weights: Weights) -> Logits:
        """Return the logits of the old validation cells."""
        return self._run(weights, self._old.chosen_by.fields)

    def predict_checked_by(self, weights: Weights) -> Logits:
        """Return the logits of the old test cells."""
        return self._run(weights, self._old.checked_by.fields)

    def of_networks(self, weights: Weights) -> Weights:
        """Return the tensors, whose names are those already."""
        return weights

    def remember(self, weights: Weights) -> Memory:
        """Make the memory anew from the old pictures at hand and the new cells, for the body has changed."""
        self._load(weights)
        again, held = self._old.again, self._old.chosen_by
        fitted_samples = again.samples + self._cells.samples
        fields = np.concatenate([again.fields, self._cells.fields])
        trained = {short(sample.digest) for sample in fitted_samples}
        chosen = {short(sample.digest) for sample in held.samples}
        if self._memory is not None:
            trained |= self._memory.train_digests
            chosen |= self._memory.validation_digests
        return Memory(
            frozenset(trained),
            frozenset(chosen),
            make_remembered(self._features(fields), fitted_samples),
            make_remembered(self._features(held.fields), held.samples),
        )

    def _run(self, weights: Weights, fields_bgr: NDArray[np.uint8]) -> Logits:
        self._load(weights)
        return run_networks(self._networks.resnet, self._networks.bank, fields_bgr, self._preprocessing)

    def _features(self, fields_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        batch = network_input(fields_bgr, self._preprocessing)
        return np.asarray(body_features(self._networks.resnet, batch).numpy(), dtype=np.float32)

    def _load(self, weights: Weights) -> None:
        put_into(self._networks, weights)

    def _state(self) -> Weights:
        both = {"resnet": self._networks.resnet, "bank": self._networks.bank}
        return {
            f"{name}.{key}": value.clone()
            for name, module in both.items()
            for key, value in module.state_dict().items()
            if value.is_floating_point()
        }


def put_into(networks: Networks, weights: Weights) -> None:
    """Load tensors named "resnet.KEY" or "bank.KEY" into the networks."""
    for name, module in (("resnet.", networks.resnet), ("bank.", networks.bank)):
        part = {key.removeprefix(name): value for key, value in weights.items() if key.startswith(name)}
        module.load_state_dict(part, strict=False)
