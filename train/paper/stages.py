"""Finished stages on disk, so that a reproduction that was killed does not train them again."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as pack_tensors

from smearwatch.models.atomic_write import write_atomically
from smearwatch.train.data.samples import DataUnusable


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage left: tensors, and rows for JSON, such as its learning curve."""

    tensors: dict[str, torch.Tensor]
    rows: list[dict[str, Any]]


def write_stage(folder: Path, name: str, key: str, stage: Stage) -> None:
    """Write a stage, whole or not at all.

    Parameters
    ----------
    name
        Of the stage, as a file's name.
    key
        Stands for everything that the stage depends on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in stage.tensors.items()}
    content = pack_tensors(tensors, {"key": key, "curve": json.dumps(stage.rows)})
    write_atomically(folder / f"{name}.safetensors", content)


def read_stage(folder: Path, name: str, key: str) -> Stage | None:
    """Read a stage; None where it is not there or was made from something else.

    Raises
    ------
    DataUnusable
        Where the file is damaged.
    """
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as content:
            note = content.metadata()
            if note["key"] != key:
                return None
            tensors = {name: content.get_tensor(name) for name in content.keys()}
        return Stage(tensors, json.loads(note["curve"]))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise DataUnusable(
            path, f"the kept stage is damaged ({error})", "delete it, or name another --state"
        ) from error
