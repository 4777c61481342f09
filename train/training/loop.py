"""The training loop: epochs over cached fields, kept again and again, the same result after any restart."""

import math
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.data.stains import as_seen
from smearwatch.train.progress import Outlook
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.device import training_device
from smearwatch.train.training.distributed import Ranks
from smearwatch.train.training.logs import EpochResult, RunLog
from smearwatch.train.training.prefetch import feed
from smearwatch.train.training.recolour import Recolouring
from smearwatch.train.training.schedule import epoch_batches, learning_rate, work_of_epochs
from smearwatch.train.training.seeds import derive_seed
from smearwatch.train.training.start import first_networks, go_back
from smearwatch.train.training.state import Keeper, Position, run_digest
from smearwatch.train.training.steps import Both, Steps

_COLOURS: Final = 1 << 20  # among the seeds of a step, beside its parts
_READ_LOSS_EVERY: Final = 10  # steps; on a GPU, reading the loss waits for it


class Trainer:
    """Networks, optimiser and curve of one run; `folder` keeps what a restart needs, and the logs."""

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.folder = folder
        self.curve: list[EpochResult] = []
        self._ranks = Ranks.present()
        self._device = training_device(config.device, self._ranks.local)
        resnet, bank, self._start_id = first_networks(config)
        if self._ranks.count > 1 and self._device.type == "cuda":
            resnet = nn.SyncBatchNorm.convert_sync_batchnorm(resnet)  # type: ignore[no-untyped-call]
            bank = nn.SyncBatchNorm.convert_sync_batchnorm(bank)  # type: ignore[no-untyped-call]
        self._both = Both(resnet, bank).to(self._device).to(memory_format=torch.channels_last)
        self.resnet, self.bank = self._both.resnet, self._both.bank
        self._optimiser = torch.optim.AdamW(self._both.parameters(), lr=0.0, weight_decay=config.weight_decay)

    def run(self, train: CellSet, validation: CellSet, progress: Progress) -> None:
        """Train from where the last run stopped to the configured number of epochs, on cells as photographed.

        Raises
        ------
        DataUnusable
            Where the kept state is damaged or belongs to another run, or the loss is no longer a number.
        """
        train, validation = (as_seen(cells, self.config.preprocessing) for cells in (train, validation))
        if self._ranks.first:
            self._ranks.wait()  # the others wait for the crops that this process has drawn by now
        digest = run_digest(self.config, train.samples, self._start_id)
        keeper = Keeper(self.folder, digest, {"resnet": self.resnet, "bank": self.bank}, self._optimiser)
        position = keeper.load()
        self.curve = list(position.curve)
        self._ranks.agree(self.folder, derive_seed(int(digest, 16), len(self.curve), position.step))
        log = RunLog(self.folder, self.curve, position.step) if self._ranks.first else None
        steps = Steps(self.config, self._both, self._optimiser, self._ranks, self._device)
        course = _Course(self.config, self._ranks, self._device, keeper, log, progress)
        try:
            while len(self.curve) < course.epochs:
                loss, accuracy, seconds = course.epoch(steps, train, position)
                started_s = time.monotonic()
                checked = steps.validate(validation)
                seconds += time.monotonic() - started_s
                self.curve.append(EpochResult(len(self.curve) + 1, loss, accuracy, *checked, seconds))
                position = Position(tuple(self.curve))
                if log is not None:
                    log.epoch(self.curve[-1])
                course.keep(position)
        finally:
            if log is not None:
                log.close()
        go_back(self.resnet, self.bank, self.config)
        self._both.eval()


@dataclass(slots=True)
class _Course:
    """The run through the epochs, with everything that is reported and kept on it."""

    config: TrainConfig
    ranks: Ranks
    device: torch.device
    keeper: Keeper
    log: RunLog | None
    progress: Progress
    outlook: Outlook | None = None
    kept_s: float = field(default_factory=time.monotonic)

    @property
    def epochs(self) -> int:
        return self.config.epochs + self.config.again_epochs

    def epoch(self, steps: Steps, cells: CellSet, position: Position) -> tuple[float, float, float]:
        """Train an epoch from where it was left; return mean loss, accuracy and seconds of the whole of it."""
        epoch = len(position.curve)
        batches = self._batches(cells, epoch)
        steps.sums = torch.tensor(position.sums, dtype=torch.float64, device=self.device)
        started_s = time.monotonic()
        seen = _Seen(position.step, position.sums[0], started_s)
        every = 1 if self.device.type == "cpu" else _READ_LOSS_EVERY
        recolouring = Recolouring(self.config.recoloured, cells.samples)
        left = [
            steps.wanted(batch, recolouring.colours(batch, derive_seed(self.config.seed, epoch, step, _COLOURS)))
            for step, batch in enumerate(batches[position.step :], position.step)
        ]
        with closing(feed(cells, left, self.device)) as fed:
            for done, batch in enumerate(fed, position.step + 1):
                steps.learn(batch, epoch, done - 1, learning_rate(self.config, epoch + (done - 1) / len(batches)))
                if done % every == 0 or done == len(batches):
                    self._report_step(epoch, done, len(batches), float(steps.sums[0]) / done)
                if done % _READ_LOSS_EVERY == 0 or done == len(batches):
                    seen = self._note(seen, epoch, done, batches, float(steps.sums[0]))
                if done % _READ_LOSS_EVERY == 0 and done < len(batches):
                    self._keep_now_and_then(position, done, steps, started_s)
        losses, right, known = steps.sums.tolist()
        return losses / len(batches), right / max(known, 1), position.seconds + time.monotonic() - started_s

    def keep(self, position: Position) -> None:
        """Bring logs and state to disk; the first process does so for all."""
        if self.log is not None:
            self.log.close()
            self.keeper.save(position)
            self.log.mark_kept(position.curve, position.step)
        self.kept_s = time.monotonic()

    def _keep_now_and_then(self, position: Position, done: int, steps: Steps, started_s: float) -> None:
        now_s = time.monotonic()
        if now_s - self.kept_s >= 60 * self.config.checkpoint_minutes:
            losses, right, known = steps.sums.tolist()
            self.keep(Position(position.curve, done, (losses, right, known), position.seconds + now_s - started_s))

    def _batches(self, cells: CellSet, epoch: int) -> list[NDArray[np.int64]]:
        """List the batches of an epoch; a lone one that is not full is cut so that the processes divide it evenly."""
        count = self.ranks.count
        batches = epoch_batches(self.config, cells.samples, epoch)
        even = [batch[: len(batch) // count * count] for batch in batches]
        if not len(even[0]):
            matter = f"{len(batches[0])} cells to train on are too few for {count} processes"
            raise DataUnusable(self.keeper.folder, matter, "start fewer processes")
        return even

    def _report_step(self, epoch: int, done: int, count: int, loss: float) -> None:
        if not math.isfinite(loss):
            matter = f"the loss is no longer a number in epoch {epoch + 1}, step {done}"
            raise DataUnusable(self.keeper.folder, matter, "lower learning_rate, and use --fresh")
        work = work_of_epochs(self.config, 0, epoch + done / count)
        if self.outlook is None:
            self.outlook = Outlook(work_of_epochs(self.config, 0, self.epochs), work)
        left = self.outlook.left(work)
        self.progress(f"epoch {epoch + 1}/{self.epochs} loss {loss:.3f}{left}", done, count)

    def _note(self, seen: "_Seen", epoch: int, done: int, batches: list[NDArray[np.int64]], losses: float) -> "_Seen":
        """Log the steps since the last time; with one process or many the cells are the whole batch's."""
        now_s = time.monotonic()
        count = done - seen.step
        if self.log is not None:
            values = {
                "loss": (losses - seen.losses) / count,
                "learning_rate": learning_rate(self.config, epoch + (done - 1) / len(batches)),
                "cells_per_s": count * len(batches[0]) / max(now_s - seen.at_s, 1e-9),
            }
            self.log.step(epoch * len(batches) + done, values)
        return _Seen(done, losses, now_s)


@dataclass(frozen=True, slots=True)
class _Seen:
    """When the loss was read last: after which step, its sum then, and the time."""

    step: int
    losses: float
    at_s: float
