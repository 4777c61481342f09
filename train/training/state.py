"""What a restarted run needs, as one safetensors file, written whole or not at all."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as pack_tensors

from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.split import split_digest
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.logs import EpochResult

_FILE = "state.safetensors"
_UNDECISIVE: Final[dict[str, Any]] = {
    "name": True,
    "credits": True,
    "start": True,
    "start_share": True,  # takes its part after the last step
    "device": True,
    "checkpoint_minutes": True,
    "thresholds": True,  # come in when the networks are done, as the next two do
    "unfamiliar_beyond": True,
    "session_statistics": True,
    "data": {"cells": True, "fields": True, "blanks": True, "sessions": True, "force_scale": True},
    "laboratories": {"__all__": {"folder": True}},
}
_HINT = "name another --state folder, or use --fresh"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a run has come.

    Attributes
    ----------
    curve
        The whole epochs.
    step
        Steps done in the epoch after them.
    sums
        Of those steps: losses, cells named rightly, cells of one class.
    seconds
        How long those steps took.
    """

    curve: tuple[EpochResult, ...] = ()
    step: int = 0
    sums: tuple[float, float, float] = (0.0, 0.0, 0.0)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps one run's networks, optimiser and place in a folder.

    Attributes
    ----------
    digest
        As `run_digest` gives it; other state is refused.
    networks
        By the name under which they are kept.
    """

    folder: Path
    digest: str
    networks: Mapping[str, torch.nn.Module]
    optimiser: torch.optim.Optimizer

    def save(self, position: Position) -> None:
        """Write everything; it is on disk before the state kept earlier is gone."""
        tensors: dict[str, torch.Tensor] = {}
        for name, network in self.networks.items():
            tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
        for number, entry in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{key}": value for key, value in entry.items()}
        note = {"run": self.digest, "place": json.dumps(asdict(position))}
        whole = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / _FILE, pack_tensors(whole, note))

    def load(self) -> Position:
        """Load what is kept; return the beginning where nothing is, and then nothing is changed.

        Raises
        ------
        DataUnusable
            Where the kept state is damaged or belongs to another run.
        """
        path = self.folder / _FILE
        if not path.is_file():
            return Position()
        try:
            with safe_open(path, framework="pt") as kept:
                note = kept.metadata()
                tensors = {key: kept.get_tensor(key) for key in kept.keys()}
            if note["run"] != self.digest:
                matter = "the kept state belongs to another configuration or other cells"
                raise DataUnusable(self.folder, matter, _HINT)
            position = _position(json.loads(note["place"]))
            self._fill(tensors)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise DataUnusable(path, f"the kept state is damaged ({error})", _HINT) from error
        return position

    def _fill(self, tensors: Mapping[str, torch.Tensor]) -> None:
        for name, network in self.networks.items():
            network.load_state_dict(_under(tensors, f"{name}."))
        entries: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in _under(tensors, "optimiser.").items():
            number, _, name = key.partition(".")
            entries.setdefault(int(number), {})[name] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": entries, "param_groups": groups})


def run_digest(config: TrainConfig, train_samples: Sequence[Sample], start_id: str | None) -> str:
    """Return the SHA-256 (hex) over what decides the result of a run, by which kept state is recognised.

    Where the cells lie and what the run is called decide nothing; a setting at its default is left out, so that a
    setting added later does not make kept state useless.

    Parameters
    ----------
    config : TrainConfig
    train_samples
        The cells to train on.
    start_id
        Identity of the weights that the run began from; None for a run from scratch.
    """
    settings = config.model_dump(mode="json", exclude_defaults=True, exclude=_UNDECISIVE)
    if not settings.get("data"):
        settings.pop("data", None)  # nothing but folders was given
    run = {"settings": settings, "cells": split_digest(train_samples), "start": start_id}
    return hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()


def _position(content: dict[str, Any]) -> Position:
    curve = tuple(EpochResult(**row) for row in content["curve"])
    losses, right, known = content["sums"]
    return Position(curve, content["step"], (losses, right, known), content["seconds"])


def _under(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
