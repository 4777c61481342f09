"""Which laboratory is left out when, and the training that never meets it."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from smearwatch.train.data.laboratories import Laboratory
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.training.config import TrainConfig

_WITHOUT_NAME: Final[dict[str, dict[str, Any]]] = {
    "cells": {"cells": None},
    "chula": {"fields": None, "fields_found": False},
}
"""What of `data` goes when one of its sets is left out."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A laboratory to be left out, and the settings of the training without it."""

    name: str
    laboratory: Laboratory
    config: TrainConfig


def make_folds(config: TrainConfig, only: Collection[str]) -> list[Fold]:
    """List a fold for each laboratory that has a folder and labels of classes.

    Parameters
    ----------
    only
        Names of those to leave out; empty for all.

    Raises
    ------
    DataUnusable
        Where there is none, or not one of these names.
    """
    there = {name: each for name, each in config.used_laboratories().items() if each.names_classes}
    for name in only:
        if name not in there:
            matter = f"no laboratory {name} whose cells have classes; there are {', '.join(there) or 'none'}"
            raise DataUnusable(Path("laboratories"), matter, "name its folder with --lab, or correct the name")
    if not there:
        hint = "name the folder of one with --lab NAME=DIR"
        raise DataUnusable(Path("laboratories"), "none whose cells have classes has a folder", hint)
    return [Fold(name, each, _without(config, name)) for name, each in there.items() if name in only or not only]


def _without(config: TrainConfig, name: str) -> TrainConfig:
    data = config.data
    if name in data.laboratories():
        data = data.model_copy(update=_WITHOUT_NAME[name])
    changes = {
        "name": f"{config.name}-without-{name}",
        "data": data,
        "laboratories": {other: each for other, each in config.laboratories.items() if other != name},
        "recoloured": {other: share for other, share in config.recoloured.items() if other != name},
        "repeats": {other: times for other, times in config.repeats.items() if other != name},
    }
    return config.model_copy(update=changes)
