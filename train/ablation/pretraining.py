"""Pretraining that needs no pictures from elsewhere: classifying all groups of cells, those to reject too."""

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from smearwatch.models.preprocess import normalise
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import Sample
from smearwatch.train.training.augment import augment
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.device import in_bfloat16
from smearwatch.train.training.schedule import epoch_batches, learning_rate
from smearwatch.train.training.seeds import derive_seed

_STAGE = 9  # keeps its random numbers apart from those of the training that follows


def pretrain(resnet: LeukocyteResNet, cells: CellSet, config: TrainConfig, progress: Progress) -> float:
    """Train the body below a head with one output for each label in the cells, which is thrown away.

    Parameters
    ----------
    config
        Gives epochs, rate, batch, augmentation and seed.

    Returns
    -------
    float
        The seconds that it took.
    """
    started_s = time.monotonic()
    names, indices = label_indices(cells.samples)
    torch.manual_seed(derive_seed(config.seed, _STAGE))
    head = nn.Linear(resnet.classify.in_features, len(names))
    parameters = [*resnet.body.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=0.0, weight_decay=config.weight_decay)
    resnet.train()
    for epoch in range(config.epochs):
        batches = epoch_batches(config, cells.samples, epoch)
        for step, batch in enumerate(batches):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(config, epoch + step / len(batches))
            generator = torch.Generator().manual_seed(derive_seed(config.seed, _STAGE, epoch, step))
            fields = torch.from_numpy(np.array(cells.fields[batch]))
            views = augment(fields, config.preprocessing, config.strength, generator, config.far_share)
            seen = normalise(views, config.preprocessing).contiguous(memory_format=torch.channels_last)
            with in_bfloat16(seen.device, wanted=config.bf16):
                logits = head(resnet.body(seen))
            loss = functional.cross_entropy(logits.float(), indices[batch], label_smoothing=config.label_smoothing)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            progress(f"all groups, epoch {epoch + 1}/{config.epochs}", step + 1, len(batches))
    resnet.eval()
    return time.monotonic() - started_s


def label_indices(samples: Sequence[Sample]) -> tuple[list[str], torch.Tensor]:
    """Return the labels that occur, in order, and the index of each sample's among them, int64 [n]."""
    names = sorted({sample.label for sample in samples})
    return names, torch.tensor([names.index(sample.label) for sample in samples])
