"""What weights keep of the cells that they were made from: features and digests, never a picture."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.models.checkpoint import Networks
from smearwatch.models.classes import CLASSES
from smearwatch.models.memory import FEATURES, KINDS, Memory, Remembered, short
from smearwatch.models.preprocess import normalise, to_tensor, view
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.samples import Sample
from smearwatch.train.data.split import number_of

# Of each label of each data set. Enough to hold the old decision in place; 1.1 kB a cell.
_FITTED_OF_EACH, _HELD_OF_EACH = 150, 60
_BATCH = 64


def remember(networks: Networks, train: CellSet, validation: CellSet, before: Memory | None) -> Memory:
    """Make the memory of networks that were trained on `train` and chosen by `validation`.

    Parameters
    ----------
    networks
        As they are served: in evaluation mode, on the CPU.
    before
        Memory of the weights that the training began from, None where it began from nothing: the cells that
        those have seen, these have seen too.
    """
    trained = frozenset(short(sample.digest) for sample in train.samples)
    chosen = frozenset(short(sample.digest) for sample in validation.samples)
    return Memory(
        trained if before is None else trained | before.train_digests,
        chosen if before is None else chosen | before.validation_digests,
        _of_set(networks, train, _FITTED_OF_EACH),
        _of_set(networks, validation, _HELD_OF_EACH),
    )


def body_features(resnet: LeukocyteResNet, batch: torch.Tensor) -> torch.Tensor:
    """Compute the features float32 [n, 512] of normalised views [n, 3, view_px, view_px]."""
    parts = [torch.empty(0, FEATURES)]
    with torch.no_grad():
        parts += [resnet.body(batch[start : start + _BATCH]).float() for start in range(0, len(batch), _BATCH)]
    return torch.cat(parts)


def make_remembered(features: NDArray[np.float32], samples: Sequence[Sample]) -> Remembered:
    """Put features and labels together as a memory keeps them."""
    shares = np.array([sample.target.shares for sample in samples], dtype=np.float32).reshape(-1, len(CLASSES))
    kinds = np.array([KINDS.index(sample.target.kind) for sample in samples], dtype=np.uint8)
    return Remembered(features, shares, kinds)


def _of_set(networks: Networks, cells: CellSet, most: int) -> Remembered:
    indices = _some_of_each(cells.samples, most)
    preprocessing = networks.manifest.preprocessing
    views = normalise(to_tensor(view(cells.fields[indices], preprocessing)), preprocessing)
    features = body_features(networks.resnet, views.contiguous(memory_format=torch.channels_last))
    return make_remembered(features.numpy(), [cells.samples[index] for index in indices])


def _some_of_each(samples: Sequence[Sample], most: int) -> list[int]:
    """Choose up to `most` cells of each label of each set by a hash of their names; return their indices in order."""
    of_each: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index in sorted(range(len(samples)), key=lambda index: number_of(samples[index].sample_id)):
        chosen = of_each[samples[index].source, samples[index].label]
        if len(chosen) < most:
            chosen.append(index)
    return sorted(index for chosen in of_each.values() for index in chosen)
