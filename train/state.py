"""What a restarted run needs, as one safetensors file, written whole or not at all."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as pack_tensors

from smearwatch.train.config import TrainConfig
from smearwatch.train.samples import DataUnusable

_FILE = "state.safetensors"
_MEND = "name another --state folder, or use --fresh"


def save(
    folder: Path,
    config: TrainConfig,
    resnet: torch.nn.Module,
    bank: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    curve: list[dict[str, Any]],
) -> None:
    """Keep networks, optimiser and learning curve after an epoch."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"resnet.{key}": value for key, value in resnet.state_dict().items()}
    tensors |= {f"bank.{key}": value for key, value in bank.state_dict().items()}
    for place, entry in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{place}.{key}": value for key, value in entry.items()}
    note = {"config": _digest(config), "curve": json.dumps(curve)}
    content = pack_tensors({key: value.detach().contiguous().clone() for key, value in tensors.items()}, note)
    partial = folder / f".{_FILE}.partial"
    partial.write_bytes(content)
    os.replace(partial, folder / _FILE)


def load(
    folder: Path,
    config: TrainConfig,
    resnet: torch.nn.Module,
    bank: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
) -> list[dict[str, Any]]:
    """Take up kept state.

    Returns
    -------
    list of dict
        The learning curve so far; empty where nothing is kept, and then nothing is changed.

    Raises
    ------
    DataUnusable
        Where the kept state is damaged or belongs to another configuration.
    """
    path = folder / _FILE
    if not path.is_file():
        return []
    try:
        with safe_open(path, framework="pt") as kept:
            note = kept.metadata()
            tensors = {key: kept.get_tensor(key) for key in kept.keys()}
        curve: list[dict[str, Any]] = json.loads(note["curve"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise DataUnusable(path, f"the kept state is damaged ({error})", _MEND) from error
    if note["config"] != _digest(config):
        raise DataUnusable(folder, "the kept state belongs to another configuration", _MEND)
    resnet.load_state_dict(_under(tensors, "resnet."))
    bank.load_state_dict(_under(tensors, "bank."))
    entries: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in _under(tensors, "optimiser.").items():
        place, _, name = key.partition(".")
        entries.setdefault(int(place), {})[name] = value
    optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
    return curve


def _under(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _digest(config: TrainConfig) -> str:
    return hashlib.sha256(config.model_dump_json().encode()).hexdigest()
