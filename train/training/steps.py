"""One step of training and one pass over the validation cells, on any device and among any number of processes."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from smearwatch.models.classes import CLASSES
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.preprocess import normalise, to_tensor, view
from smearwatch.models.resnet import LeukocyteResNet, ResNetAnswer
from smearwatch.train.data.cells import CellSet, Targets
from smearwatch.train.training.augment import augment
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.device import in_bfloat16
from smearwatch.train.training.distributed import Ranks
from smearwatch.train.training.losses import bank_loss, resnet_loss
from smearwatch.train.training.prefetch import Fed, Wanted, move_targets
from smearwatch.train.training.recolour import Colours
from smearwatch.train.training.schedule import parts_of
from smearwatch.train.training.seeds import derive_seed

_VALIDATION_BATCH: Final = 64


class Both(nn.Module):
    """ResNet and verifiers as one module, so that their gradients are gathered together."""

    def __init__(self, resnet: LeukocyteResNet, bank: LeNetBank) -> None:
        super().__init__()
        self.resnet = resnet
        self.bank = bank

    def forward(self, seen: torch.Tensor, views: torch.Tensor) -> torch.Tensor:
        """Return all answers in one table [n, 13]: class logits, reject logit, verifiers' logits."""
        answer = self.resnet(seen)
        return torch.cat([answer.class_logits, answer.reject_logits[:, None], self.bank(views)], dim=1).float()


class Steps:
    """What is done to the two networks, this process doing its share.

    Attributes
    ----------
    sums : float64 tensor [3], on the device
        Over the steps since it was last set: losses, cells named rightly, cells of one class.
    """

    def __init__(
        self, config: TrainConfig, both: Both, optimiser: torch.optim.Optimizer, ranks: Ranks, device: torch.device
    ) -> None:
        self._config = config
        self._both = both
        self._wrapped = ranks.wrap(both)
        self._optimiser = optimiser
        self._ranks = ranks
        self._device = device
        self.sums = torch.zeros(3, dtype=torch.float64, device=device)

    def wanted(self, batch: NDArray[np.int64], colours: Colours) -> Wanted:
        """Return which pixels this process needs for a step: those of the parts in which its share lies."""
        parts = parts_of(len(batch), *self._ranks.slice_of(len(batch)))
        start, stop = parts[0].start, parts[-1].stop
        return Wanted(batch[start:stop], batch, colours.at(start, stop))

    def learn(self, fed: Fed, epoch: int, step: int, rate: float) -> None:
        """Take one step on a batch, of which `wanted` lists what is needed."""
        config = self._config
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._both.train()
        views = self._views(fed, epoch, step)
        # Dropout draws from torch's own generator.
        torch.manual_seed(derive_seed(config.seed, epoch, step, -1 - self._ranks.rank))
        own = self._table(views, small=epoch < config.small_epochs)
        # Every process has the whole batch's answers and so its loss; the gradient of the own ones times the number of
        # processes is, in the mean over them, that of the whole batch.
        table = self._ranks.gather_rows(own)
        answer, verifiers = _parted(table)
        loss = resnet_loss(answer, fed.targets, config.label_smoothing) + bank_loss(verifiers, fed.targets)
        self._optimiser.zero_grad(set_to_none=True)
        (loss * self._ranks.count).backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self.sums += torch.stack([loss.detach().double(), *_hits(answer, fed.targets)])

    def validate(self, cells: CellSet) -> tuple[float, float, float]:
        """Measure loss and accuracy of the ResNet and mean accuracy of the verifiers, without augmentation."""
        self._ranks.broadcast_buffers(self._both)
        self._both.eval()
        sums = torch.zeros(4, dtype=torch.float64, device=self._device)
        indices = np.arange(len(cells.samples))[self._ranks.rank :: self._ranks.count]
        for start in range(0, len(indices), _VALIDATION_BATCH):
            chosen = indices[start : start + _VALIDATION_BATCH]
            targets = move_targets(cells.targets(chosen), self._device)
            pictures = to_tensor(view(cells.fields[chosen], self._config.preprocessing)).to(self._device)
            with torch.no_grad():
                answer, verifiers = _parted(self._table(pictures, small=False, wrapped=False))
            certain = ~targets.either & ~targets.reject
            agreed = ((verifiers > 0) == (targets.shares > 0.5)) & certain[:, None]
            loss = resnet_loss(answer, targets, 0.0).double() * len(chosen)
            sums += torch.stack([loss, *_hits(answer, targets), agreed.sum().double()])
        losses, right, known, agreed_count = self._ranks.total(sums).tolist()
        count, known = max(len(cells.samples), 1), max(known, 1.0)
        return losses / count, right / known, agreed_count / (len(CLASSES) * known)

    def _views(self, fed: Fed, epoch: int, step: int) -> torch.Tensor:
        """Augment the views of this process's share of the batch: each part from its own seed."""
        config = self._config
        count = len(fed.targets.reject)
        start, stop = self._ranks.slice_of(count)
        parts = parts_of(count, start, stop)
        first = parts[0].start
        views = []
        for part in parts:
            generator = torch.Generator().manual_seed(derive_seed(config.seed, epoch, step, part.number))
            fields = fed.fields[part.start - first : part.stop - first]
            views.append(augment(fields, config.preprocessing, config.strength, generator, config.far_share))
        return torch.cat(views)[start - first : stop - first]

    def _table(self, pictures: torch.Tensor, *, small: bool, wrapped: bool = True) -> torch.Tensor:
        config = self._config
        batch = normalise(pictures, config.preprocessing).contiguous(memory_format=torch.channels_last)
        seen = batch
        if small:
            size = (config.small_px, config.small_px)
            seen = functional.interpolate(batch, size, mode="bilinear", antialias=True)
        with in_bfloat16(self._device, wanted=config.bf16):
            table: torch.Tensor = (self._wrapped if wrapped else self._both)(seen, batch)
        return table


def _parted(table: torch.Tensor) -> tuple[ResNetAnswer, torch.Tensor]:
    count = len(CLASSES)
    return ResNetAnswer(table[:, :count], table[:, count]), table[:, count + 1 :]


def _hits(answer: ResNetAnswer, targets: Targets) -> tuple[torch.Tensor, torch.Tensor]:
    """Count cells named rightly, and cells of one class, on the device, so that a GPU is not waited for."""
    certain = ~targets.either & ~targets.reject
    right = (answer.class_logits.argmax(dim=1) == targets.shares.argmax(dim=1)) & certain
    return right.sum().double(), certain.sum().double()
