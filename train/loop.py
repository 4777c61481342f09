"""The training loop: epochs over cached fields, a checkpoint after each, the same result after a restart."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from smearwatch.models.bank import LeNetBank
from smearwatch.models.preprocess import normalise, to_tensor, view
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train import state
from smearwatch.train.augment import augment
from smearwatch.train.config import TrainConfig
from smearwatch.train.losses import Targets, bank_loss, resnet_loss
from smearwatch.train.samples import Sample

Progress = Callable[[str, int, int], None]
_VALIDATION_BATCH = 64


@dataclass(frozen=True, slots=True)
class CellSet:
    """Samples and their shrunken crops, uint8 [n, field_px, field_px, 3], in the same order."""

    samples: list[Sample]
    fields: NDArray[np.uint8]

    def targets(self, places: NDArray[np.int64]) -> Targets:
        """Targets of some of the cells."""
        chosen = [self.samples[int(place)].target for place in places]
        return Targets(
            torch.tensor([target.shares for target in chosen]),
            torch.tensor([target.kind == "either" for target in chosen]),
            torch.tensor([target.kind == "reject" for target in chosen]),
        )


@dataclass(frozen=True, slots=True)
class EpochResult:
    """One row of the learning curve; accuracies over cells whose label is one of the six."""

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    verifier_accuracy: float
    seconds: float


class Trainer:
    """Networks, optimiser and curve of one run; `folder` keeps what a restart needs."""

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.folder = folder
        layout = torch.channels_last
        self.resnet = LeukocyteResNet(config.norm, config.init).to(memory_format=layout)
        self.bank = LeNetBank(config.preprocessing.view_px).to(memory_format=layout)
        parameters = [*self.resnet.parameters(), *self.bank.parameters()]
        self._optimiser = torch.optim.AdamW(parameters, lr=0.0, weight_decay=config.weight_decay)
        self.curve: list[EpochResult] = []

    def run(self, train: CellSet, validation: CellSet, progress: Progress) -> None:
        """Train from where the last run stopped to the configured number of epochs.

        Raises
        ------
        DataUnusable
            Where the kept state is damaged or belongs to another configuration.
        """
        kept = state.load(self.folder, self.config, self.resnet, self.bank, self._optimiser)
        self.curve = [EpochResult(**row) for row in kept]
        for epoch in range(len(self.curve), self.config.epochs + self.config.again_epochs):
            started = time.monotonic()
            loss, accuracy = self._epoch(epoch, train, progress)
            checked = self._validate(validation)
            self.curve.append(EpochResult(epoch + 1, loss, accuracy, *checked, time.monotonic() - started))
            rows = [asdict(row) for row in self.curve]
            state.save(self.folder, self.config, self.resnet, self.bank, self._optimiser, rows)
        self.resnet.eval()
        self.bank.eval()

    def _epoch(self, epoch: int, cells: CellSet, progress: Progress) -> tuple[float, float]:
        config = self.config
        # All randomness of an epoch comes from its number, so that a restarted run repeats it exactly.
        generator = torch.Generator().manual_seed(config.seed * 100_003 + epoch)
        torch.manual_seed(config.seed * 100_003 + epoch)
        order = epoch_order(cells.samples, config.repeats, generator)
        batches = [order[start : start + config.batch] for start in range(0, len(order), config.batch)]
        batches = [batch for batch in batches if len(batch) == config.batch] or batches
        self.resnet.train()
        self.bank.train()
        losses, right, known = 0.0, 0, 0
        for place, batch in enumerate(batches):
            self._set_rate(epoch + place / len(batches))
            fields = torch.from_numpy(cells.fields[batch])
            views = augment(fields, config.preprocessing, config.strength, generator)
            loss, logits, targets = self._step(views, cells.targets(batch), small=epoch < config.small_epochs)
            losses += loss
            hits, count = _hits(logits, targets)
            right, known = right + hits, known + count
            progress(
                f"epoch {epoch + 1}/{config.epochs + config.again_epochs} loss {losses / (place + 1):.3f}",
                place + 1,
                len(batches),
            )
        return losses / len(batches), right / max(known, 1)

    def _step(self, views: torch.Tensor, targets: Targets, *, small: bool) -> tuple[float, torch.Tensor, Targets]:
        config = self.config
        batch = normalise(views, config.preprocessing).contiguous(memory_format=torch.channels_last)
        seen = batch
        if small:
            size = (config.small_px, config.small_px)
            seen = functional.interpolate(batch, size, mode="bilinear", antialias=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.bf16):
            answer = self.resnet(seen)
            verifiers = self.bank(batch)
        loss = resnet_loss(answer, targets, config.label_smoothing) + bank_loss(verifiers, targets)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        return float(loss.detach()), answer.class_logits.detach().float(), targets

    def _set_rate(self, epochs_done: float) -> None:
        rate = learning_rate(self.config, epochs_done)
        for group in self._optimiser.param_groups:
            group["lr"] = rate

    def _validate(self, cells: CellSet) -> tuple[float, float, float]:
        """Loss and accuracy of the ResNet and mean accuracy of the verifiers, without augmentation."""
        self.resnet.eval()
        self.bank.eval()
        losses, right, known, agreed = 0.0, 0, 0, 0
        places = np.arange(len(cells.samples))
        for start in range(0, len(places), _VALIDATION_BATCH):
            chosen = places[start : start + _VALIDATION_BATCH]
            targets = cells.targets(chosen)
            pictures = to_tensor(view(cells.fields[chosen], self.config.preprocessing))
            batch = normalise(pictures, self.config.preprocessing).contiguous(memory_format=torch.channels_last)
            with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.config.bf16):
                answer, verifiers = self.resnet(batch), self.bank(batch).float()
            losses += float(resnet_loss(answer, targets, 0.0)) * len(chosen)
            hits, count = _hits(answer.class_logits, targets)
            right, known = right + hits, known + count
            certain = ~targets.either & ~targets.reject
            truth = targets.shares[certain] > 0.5
            agreed += int(((verifiers[certain] > 0) == truth).sum())
        return losses / max(len(places), 1), right / max(known, 1), agreed / max(6 * known, 1)


def _hits(logits: torch.Tensor, targets: Targets) -> tuple[int, int]:
    certain = ~targets.either & ~targets.reject
    right = logits[certain].argmax(dim=1) == targets.shares[certain].argmax(dim=1)
    return int(right.sum()), int(certain.sum())


def epoch_order(samples: list[Sample], repeats: dict[str, int], generator: torch.Generator) -> NDArray[np.int64]:
    """Shuffle the samples' places, each as often as its source is to be repeated."""
    counts = np.array([repeats.get(sample.source, 1) for sample in samples], dtype=np.int64)
    places = np.repeat(np.arange(len(samples), dtype=np.int64), counts)
    shuffled: NDArray[np.int64] = places[torch.randperm(len(places), generator=generator).numpy()]
    return shuffled


def learning_rate(config: TrainConfig, epochs_done: float) -> float:
    """Rate after so many epochs: linear warm-up, half a cosine down to nothing; after a warm restart the same again."""
    peak, share = config.learning_rate, epochs_done / config.epochs
    if share >= 1:
        if not config.again_epochs:
            return 0.0
        peak *= config.again_rate
        share = min((epochs_done - config.epochs) / config.again_epochs, 1.0)
    if share < config.warmup_share:
        return peak * min((share + 1e-3) / config.warmup_share, 1.0)
    return peak * 0.5 * (1 + math.cos(math.pi * (share - config.warmup_share) / (1 - config.warmup_share)))
