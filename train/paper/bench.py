"""One reproduction's bench: what stages share, and how a finished one is kept and taken up again."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from smearwatch.train.data.crop_cache import Progress, shrunken_fields
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.split import split_digest
from smearwatch.train.paper.config import PaperConfig, whole_crop
from smearwatch.train.paper.databases import Databases
from smearwatch.train.paper.keep import Stage, keep, kept
from smearwatch.train.paper.learning import Course, Shelf


@dataclass(frozen=True, slots=True)
class Bench:
    """What every stage of one reproduction needs."""

    config: PaperConfig
    databases: Databases
    state: Path
    device: torch.device
    progress: Progress

    def shelf(self, samples: Sequence[Sample], side_px: int) -> Shelf:
        """Draw cells at a size, or read them from the state folder."""
        fields = shrunken_fields(samples, whole_crop(side_px), self.state / "crops", self.progress)
        return Shelf(fields, self.config.seed)

    def course(self, name: str, epochs: int, rate: float, stage: int) -> Course:
        """Lay down how a stage is trained; its number is part of its seed."""
        config = self.config
        seed = config.seed * 10 + stage
        return Course(name, epochs, rate, config.weight_decay, config.batch, seed, config.bf16)

    def stage(
        self, name: str, network: torch.nn.Module, before: str, learn: Callable[[], list[dict[str, Any]]]
    ) -> tuple[list[dict[str, Any]], str]:
        """Train a network, or fill it from the state folder; gives its curve, and the key the next stage builds on."""
        key = hashlib.sha256(json.dumps([name, before, _key(self.config, self.databases)]).encode()).hexdigest()
        done = kept(self.state, name, key)
        if done is None:
            done_now = learn()
            keep(self.state, name, key, Stage(network.state_dict(), done_now))
            return done_now, key
        try:
            network.load_state_dict(done.tensors)
        except RuntimeError as error:
            matter = "the kept stage is not of this network"
            raise DataUnusable(self.state / name, matter, "delete it, or name another --state") from error
        return done.curve, key


def _key(config: PaperConfig, databases: Databases) -> list[str]:
    """List what a stage's result depends on beside its name: not which other stages are run."""
    said = config.model_dump_json(exclude={"protocols", "px", "force_scale"})
    return [said, split_digest(databases.cells), split_digest(databases.alone)]
