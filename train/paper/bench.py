"""One reproduction's bench: what stages share, and how a finished one is kept and read again."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from smearwatch.train.data.crop_cache import Progress, shrunken_fields
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.split import split_digest
from smearwatch.train.paper.config import PaperConfig, whole_crop
from smearwatch.train.paper.databases import Databases
from smearwatch.train.paper.learning import AugmentedCrops, StageSettings
from smearwatch.train.paper.results import Epoch
from smearwatch.train.paper.stages import Stage, read_stage, write_stage


@dataclass(frozen=True, slots=True)
class Bench:
    """What every stage of one reproduction needs."""

    config: PaperConfig
    databases: Databases
    state: Path
    device: torch.device
    progress: Progress

    def crops(self, samples: Sequence[Sample], side_px: int) -> AugmentedCrops:
        """Draw cells at a size, or read them from the state folder."""
        fields = shrunken_fields(samples, whole_crop(side_px), self.state / "crops", self.progress)
        return AugmentedCrops(fields, self.config.seed)

    def settings(self, name: str, epochs: int, rate: float, stage: int) -> StageSettings:
        """Return how a stage is trained; its number is part of its seed."""
        config = self.config
        seed = config.seed * 10 + stage
        return StageSettings(name, epochs, rate, config.weight_decay, config.batch, seed, config.bf16)

    def stage(
        self, name: str, network: torch.nn.Module, before: str, learn: Callable[[], list[Epoch]]
    ) -> tuple[list[Epoch], str]:
        """Train a network, or fill it from the state folder.

        Returns
        -------
        list of Epoch, str
            Its learning curve, and the key that the next stage builds on.

        Raises
        ------
        DataUnusable
            Where what is kept is damaged or of another network.
        """
        key = hashlib.sha256(json.dumps([name, before, _key(self.config, self.databases)]).encode()).hexdigest()
        done = read_stage(self.state, name, key)
        if done is None:
            curve = learn()
            write_stage(self.state, name, key, Stage(network.state_dict(), [row.to_json() for row in curve]))
            return curve, key
        try:
            network.load_state_dict(done.tensors)
            return [Epoch.from_json(row) for row in done.rows], key
        except (RuntimeError, TypeError) as error:
            matter = "the kept stage is not of this network"
            raise DataUnusable(self.state / name, matter, "delete it, or name another --state") from error


def _key(config: PaperConfig, databases: Databases) -> list[str]:
    """List what a stage's result depends on beside its name: not which other stages are run."""
    settings = config.model_dump_json(exclude={"protocols", "px", "force_scale"})
    return [settings, split_digest(databases.cells), split_digest(databases.alone)]
