"""Adapting all of both networks on pictures: needs the old ones beside the new, and finds what the heads cannot."""

import math

import numpy as np
import torch
from torch.nn import functional

from smearwatch.models.checkpoint import Networks
from smearwatch.models.memory import Memory
from smearwatch.models.preprocess import normalise
from smearwatch.train.adapting.folds import Indices
from smearwatch.train.adapting.labelled_cells import family, sampling_weights
from smearwatch.train.adapting.network import NetworkStrategy
from smearwatch.train.adapting.old_cells import OldCells
from smearwatch.train.adapting.strategy import Weights, mask_absent_classes
from smearwatch.train.data.cells import CellSet, Targets
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.training.augment import augment
from smearwatch.train.training.device import in_bfloat16
from smearwatch.train.training.losses import bank_loss, resnet_loss
from smearwatch.train.training.recolour import draw_change, restyle

_NEW, _OLD = 24, 24  # cells of each in a batch
_RATE = 3e-4
_WEIGHT_DECAY = 0.05
_WARMUP_STEPS = 10
_STRENGTH = 0.7
_SMOOTHING = 0.03
_RESTYLED = 0.5  # of the old cells
_KEEP = 1.0  # weight of staying near the present answers on old cells


class FineTuning(NetworkStrategy):
    """Both networks trained on at a low rate, with old cells in every batch, some of them in the new colours.

    Batch norm keeps its statistics and learns its scales. The old cells are held to their labels and to the present
    answers (learning without forgetting; Li and Hoiem, ECCV 2016).
    """

    name = "networks"

    def __init__(
        self,
        networks: Networks,
        memory: Memory | None,
        cells: CellSet,
        old: OldCells,
        *,
        steps: int,
        seed: int,
        progress: Progress,
    ) -> None:
        super().__init__(networks, memory, cells, old)
        self._steps, self._seed, self._progress = steps, seed, progress
        self._taught = torch.from_numpy(self._run(self.present, old.again.fields).classes).float().softmax(dim=1)

    def fit(self, indices: Indices) -> Weights:
        """Train on these new cells and the old ones for the given number of steps."""
        self._load(self.present)
        resnet, bank = self._networks.resnet, self._networks.bank
        optimiser = torch.optim.AdamW([*resnet.parameters(), *bank.parameters()], lr=0.0, weight_decay=_WEIGHT_DECAY)
        generator = torch.Generator().manual_seed(self._seed)
        rng = np.random.default_rng(self._seed)
        known = self._cells.targets(indices)
        weights = sampling_weights([family(self._cells.samples[int(index)]) for index in indices])
        for step in range(self._steps):
            for group in optimiser.param_groups:
                group["lr"] = _rate(step, self._steps)
            new = rng.choice(indices, _NEW, p=weights)
            old = rng.integers(0, len(self._old.again.samples), _OLD)
            loss = self._loss(new, old, known, generator, rng)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            self._progress(f"learning from {len(indices)} cells", step + 1, self._steps)
        return self._state()

    def _loss(
        self, new: Indices, old: Indices, known: Targets, generator: torch.Generator, rng: np.random.Generator
    ) -> torch.Tensor:
        new_fields = np.asarray(self._cells.fields[new])
        old_fields = np.array(self._old.again.fields[old])
        count = round(_RESTYLED * len(old))
        old_fields[:count] = restyle(old_fields[:count], new_fields[:count], draw_change(count, rng))
        # Fields of other microscopes are varied on their own: parts of a batch share some of the drawn amounts.
        views = torch.cat(
            [
                augment(torch.from_numpy(fields), self._preprocessing, _STRENGTH, generator)
                for fields in (new_fields, old_fields)
            ]
        )
        batch = normalise(views, self._preprocessing).contiguous(memory_format=torch.channels_last)
        with in_bfloat16(batch.device):
            answer = self._networks.resnet(batch)
            verifiers = self._networks.bank(batch)
        targets = _both(self._cells.targets(new), self._old.again.targets(old))
        count = len(new)
        classes, verifiers = (
            torch.cat([mask_absent_classes(each[:count], known), each[count:]])
            for each in (answer.class_logits, verifiers)
        )
        logs = answer.class_logits[len(new) :].float().log_softmax(dim=1)
        kept = functional.kl_div(logs, self._taught[torch.from_numpy(old)], reduction="batchmean")
        answer = answer._replace(class_logits=classes)
        return resnet_loss(answer, targets, _SMOOTHING) + bank_loss(verifiers, targets) + 0.5 * _KEEP * kept


def _rate(step: int, steps: int) -> float:
    return _RATE * min((step + 1) / _WARMUP_STEPS, 1.0) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _both(one: Targets, two: Targets) -> Targets:
    return Targets(
        torch.cat([one.shares, two.shares]), torch.cat([one.either, two.either]), torch.cat([one.reject, two.reject])
    )
