"""Training of one stage: nothing is chosen by scores, the last epoch's network is the result."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from smearwatch.capture.arrays import Flags
from smearwatch.models.classes import CLASSES
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.preprocess import normalise, to_tensor
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.paper.config import whole_crop
from smearwatch.train.paper.geometry import vary
from smearwatch.train.paper.protocol import Pictures
from smearwatch.train.paper.results import Epoch
from smearwatch.train.training.device import in_bfloat16

_SCORED_AT_ONCE = 64
_WARMUP_SHARE = 0.08


@dataclass(frozen=True, slots=True)
class AugmentedCrops:
    """A database's crops, uint8 [cells, side, side, 3], and the run's seed, from which copies are made."""

    fields: NDArray[np.uint8]
    seed: int

    def views(self, pictures: Pictures, device: torch.device) -> torch.Tensor:
        """Make the networks' input of some pictures: float32 [n, 3, side, side], normalised."""
        rows = zip(pictures.cells.tolist(), pictures.copies.tolist(), strict=True)
        copies = np.stack([vary(self.fields[cell], cell, copy, self.seed) for cell, copy in rows])
        views = normalise(to_tensor(copies).to(device), whole_crop(self.fields.shape[1]))
        return views.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True, slots=True)
class StageSettings:
    """How a stage is trained: AdamW, the rate rising shortly and then falling along half a cosine."""

    name: str
    epochs: int
    rate: float
    weight_decay: float
    batch: int
    seed: int
    bf16: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """Logits float32 [n, 6] for n pictures."""

    logits: torch.Tensor
    pictures: Pictures

    def cost(self) -> float:
        """Return the mean cross-entropy (nats) of the six-class answers."""
        return float(functional.cross_entropy(self.logits, torch.from_numpy(self.pictures.classes)))

    def right(self) -> Flags:
        """Return whether each six-class answer is the label."""
        predicted: NDArray[np.int64] = self.logits.argmax(dim=1).numpy()
        return np.asarray(predicted == self.pictures.classes)


def class_logits(network: torch.nn.Module, views: torch.Tensor) -> torch.Tensor:
    """Return six logits for each view, of either kind of network."""
    if isinstance(network, LeukocyteResNet):
        return network(views).class_logits.float()  # type: ignore[no-any-return]
    return network(views).float()  # type: ignore[no-any-return]


def answer(network: torch.nn.Module, crops: AugmentedCrops, pictures: Pictures, *, bf16: bool) -> Answers:
    """Let a network answer for pictures, in evaluation mode."""
    device = next(network.parameters()).device
    network.eval()
    parts = [torch.zeros((0, len(CLASSES)))]
    for start in range(0, len(pictures), _SCORED_AT_ONCE):
        chosen = pictures.at(np.arange(start, min(start + _SCORED_AT_ONCE, len(pictures))))
        with torch.no_grad(), in_bfloat16(device, wanted=bf16):
            logits = class_logits(network, crops.views(chosen, device))
        parts.append(logits.cpu())
    return Answers(torch.cat(parts), pictures)


def train_six(
    network: LeukocyteResNet,
    crops: AugmentedCrops,
    train: Pictures,
    watched: Pictures,
    settings: StageSettings,
    progress: Progress,
) -> list[Epoch]:
    """Train the six-class network; the curve has the errors on both sides and the cost in training, by epoch."""

    def loss_of(logits: torch.Tensor, rows: NDArray[np.int64]) -> tuple[torch.Tensor, float]:
        wanted = torch.from_numpy(train.classes[rows]).to(logits.device)
        return functional.cross_entropy(logits, wanted), float((logits.argmax(dim=1) != wanted).float().mean())

    def check() -> tuple[float, float]:
        answers = answer(network, crops, watched, bf16=settings.bf16)
        return 1 - float(answers.right().mean()), answers.cost()

    return _train(network, crops, train, settings, loss_of, check, progress)


def train_two_class(
    bank: LeNetBank,
    crops: AugmentedCrops,
    pictures: Pictures,
    trains: Flags,
    settings: StageSettings,
    progress: Progress,
) -> list[Epoch]:
    """Train the six two-class networks side by side, each on its own pictures alone."""
    used = np.flatnonzero(trains.any(axis=1))
    train, members = pictures.at(used), torch.from_numpy(trains[used])

    def loss_of(logits: torch.Tensor, rows: NDArray[np.int64]) -> tuple[torch.Tensor, float]:
        own = members[rows].to(logits.device)
        wanted = functional.one_hot(torch.from_numpy(train.classes[rows]), len(CLASSES)).float().to(logits.device)
        each = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        wrong = ((logits > 0) != (wanted > 0)) & own
        return each[own].mean() * len(CLASSES), float(wrong.sum() / own.sum().clamp(min=1))

    return _train(bank, crops, train, settings, loss_of, lambda: (None, None), progress)


def _train(
    network: torch.nn.Module,
    crops: AugmentedCrops,
    train: Pictures,
    settings: StageSettings,
    loss_of: Callable[[torch.Tensor, NDArray[np.int64]], tuple[torch.Tensor, float]],
    check: Callable[[], tuple[float, float] | tuple[None, None]],
    progress: Progress,
) -> list[Epoch]:
    device = next(network.parameters()).device
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.0, weight_decay=settings.weight_decay)
    generator = np.random.default_rng((settings.seed, 7))
    torch.manual_seed(settings.seed)  # dropout
    curve: list[Epoch] = []
    steps = math.ceil(len(train) / settings.batch)
    for epoch in range(settings.epochs):
        network.train()
        order = generator.permutation(len(train))
        costs, errors = 0.0, 0.0
        for step in range(steps):
            rows = order[step * settings.batch : (step + 1) * settings.batch]
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * _rate_share((epoch + step / steps) / settings.epochs)
            views = crops.views(train.at(rows), device)
            with in_bfloat16(device, wanted=settings.bf16):
                logits = class_logits(network, views)
            loss, wrong = loss_of(logits, rows)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            costs, errors = costs + float(loss.detach()) * len(rows), errors + wrong * len(rows)
            progress(f"{settings.name} epoch {epoch + 1}/{settings.epochs}", step + 1, steps)
        curve.append(Epoch(epoch + 1, errors / len(train), costs / len(train), *check()))
    network.eval()
    return curve


def _rate_share(done: float) -> float:
    if done < _WARMUP_SHARE:
        return (done + 1e-3) / _WARMUP_SHARE
    return 0.5 * (1 + math.cos(math.pi * (done - _WARMUP_SHARE) / (1 - _WARMUP_SHARE)))
