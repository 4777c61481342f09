"""The settings of a training run, from a TOML file and options; unknown keys are refused."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from smearwatch.daemon.regular_file import read_text
from smearwatch.daemon.scale_rule import UmPerPx
from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.statistics_use import StatisticsUse
from smearwatch.train.data.blanks import SOURCE as BLANKS
from smearwatch.train.data.boxed_fields import SOURCE as FIELDS
from smearwatch.train.data.laboratories import TAKEN_NAMES, Laboratory
from smearwatch.train.data.samples import DataUnusable

CELLS = "cells"
"""What single-cell pictures are called that are given without a laboratory's name."""


class DataConfig(BaseModel):
    """Where labelled cells lie and at which scale; a set without a folder is left out.

    `cells`, `fields` and `blanks` are one laboratory each, without a name of its own: `laboratories` names them.

    Attributes
    ----------
    fields_found
        Whether the boxed cells are trained on a second time as the pipeline finds and cuts them, at the scale that
        their red cells give.
    simulated
        How many cells to draw besides, so that simulated slides are named rightly; they show nothing about real ones.
    litter
        How many things that are no leukocyte to draw besides, to be rejected: smudges, nucleated red cells, clumps and
        giants of platelets, precipitate.
    sessions
        Folders of recorded sessions, whose labelled cells are trained on.
    force_scale
        Believe the scales whatever the cells measure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cells: Path | None = None
    cells_um_per_px: UmPerPx | None = None
    fields: Path | None = None
    fields_um_per_px: UmPerPx | None = None
    fields_found: bool = False
    blanks: Path | None = None
    blanks_um_per_px: UmPerPx | None = None
    simulated: int = Field(0, ge=0, le=100_000)
    litter: int = Field(0, ge=0, le=100_000)
    sessions: tuple[Path, ...] = ()
    force_scale: bool = False

    @model_validator(mode="after")
    def _each_has_a_scale(self) -> "DataConfig":
        for name in ("cells", "fields", "blanks"):
            if getattr(self, name) is not None and getattr(self, f"{name}_um_per_px") is None:
                msg = f"{name} without {name}_um_per_px, the micrometres that one pixel covers"
                raise ValueError(msg)
        return self

    def laboratories(self) -> dict[str, Laboratory]:
        """Return the sets that have a folder as laboratories, by the names that they have always had."""
        given = {}
        if self.cells is not None and self.cells_um_per_px is not None:
            given[CELLS] = Laboratory(layout="cells", um_per_px=self.cells_um_per_px, folder=self.cells)
        if self.fields is not None and self.fields_um_per_px is not None:
            scale, found = self.fields_um_per_px, self.fields_found
            given[FIELDS] = Laboratory(layout="fields", um_per_px=scale, folder=self.fields, found=found)
        if self.blanks is not None and self.blanks_um_per_px is not None:
            given[BLANKS] = Laboratory(layout="blanks", um_per_px=self.blanks_um_per_px, folder=self.blanks)
        return given


class TrainConfig(BaseModel):
    """A whole run.

    Attributes
    ----------
    laboratories
        By name; those without a folder are left out. Beside them `data` may name one set of each kind.
    balance, balance_evenness, balance_factors, epoch_cells
        How cells are drawn for an epoch. "none": all of them, as often as `repeats` says. "laboratory_class": so many
        (`epoch_cells`, by default as many as there are) that the cells of one laboratory and class, n of them, weigh
        like n^(1 - evenness): with 1 each laboratory and class weighs the same, with 0 each cell does. What is to be
        rejected and what is of unknown class count as classes of their own. A factor makes a source weigh more or less.
        `repeats` is not used then.
    epochs, again_epochs
        The learning rate falls along half a cosine over `epochs`; then, if wanted, once more from `again_rate` of its
        height over `again_epochs` (warm restart; Loshchilov and Hutter, ICLR 2017).
    small_px, small_epochs
        In the first epochs the ResNet sees its view shrunken to `small_px`, which is nearly twice as quick.
    repeats
        How often an epoch shows each cell of a source; a small set of another microscope counts for more.
    recoloured
        The share of the other photographed cells that are given the colours of one of a source's cells, by source: so
        classes of which a small set has few are trained on in its colours too.
    init, start
        What the networks begin from: nothing; torchvision's ImageNet weights (the ResNet alone); or, where `start`
        names a weights folder, both networks of those weights.
    start_share
        Weight interpolation at the end: the share of `start` in both networks, 0 for none, 0.5 for the mean. What they
        learnt from few slides then weighs less than what holds everywhere (Wortsman et al., CVPR 2022).
    strength, far_share
        Scales every augmentation; 0 is none. Share of the cells that are made to look as on a far microscope.
    batch
        Cells of a step, of all processes together.
    learning_rate, weight_decay, warmup_share, label_smoothing
        Of AdamW (Loshchilov and Hutter, ICLR 2019) at its peak; the share of `epochs` over which the rate rises; the
        share of certainty that is spread over the other classes.
    seed
        All randomness follows from it.
    bf16
        Whether the networks compute in bfloat16 where torch holds that safe (autocast): on a GPU, and on a CPU that has
        instructions for it.
    device
        "auto" takes a CUDA device where there is one. The same seed gives the same result on the same device only.
    thresholds
        File with thresholds that `smearwatch leave-out` chose on laboratories never met; they take the place of those
        that the validation cells would give, which are of laboratories that were trained on.
    unfamiliar_beyond
        As in `smearwatch.models.verdict.Policy`, where `thresholds` do not say it.
    session_statistics
        How the weights are to use a session's statistics, see `smearwatch.models.session_statistics`; training itself
        stays the same.
    checkpoint_minutes
        How often the state is kept within an epoch; after each epoch it is kept anyway.
    credits
        Whose pictures these are and under which licence; goes into the manifest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "weights"
    data: DataConfig = DataConfig()
    laboratories: dict[str, Laboratory] = {}
    balance: Literal["none", "laboratory_class"] = "none"
    balance_evenness: float = Field(1.0, ge=0, le=1)
    balance_factors: dict[str, Annotated[float, Field(gt=0, le=100)]] = {}
    epoch_cells: int | None = Field(None, ge=1, le=10_000_000)
    preprocessing: Preprocessing = Preprocessing()
    norm: Literal["batch", "group"] = "batch"
    init: Literal["scratch", "imagenet"] = "scratch"
    start: Path | None = None
    start_share: float = Field(0.0, ge=0, lt=1)
    epochs: int = Field(14, ge=1, le=1000)
    again_epochs: int = Field(0, ge=0, le=1000)
    again_rate: float = Field(0.5, gt=0, le=1)
    batch: int = Field(64, ge=2, le=4096)
    learning_rate: float = Field(1.5e-3, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    warmup_share: float = Field(0.08, ge=0, le=1)
    label_smoothing: float = Field(0.03, ge=0, lt=1)
    small_px: int = Field(96, ge=32)
    small_epochs: int = Field(6, ge=0)
    repeats: dict[str, int] = {"chula": 4}
    recoloured: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    strength: float = Field(1.0, ge=0)
    far_share: float = Field(0.0, ge=0, le=1)
    credits: tuple[str, ...] = ()
    seed: int = 1
    bf16: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"
    thresholds: Path | None = None
    unfamiliar_beyond: float | None = Field(None, ge=1, allow_inf_nan=False)
    session_statistics: StatisticsUse | None = None
    checkpoint_minutes: float = Field(10.0, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _share_has_a_start(self) -> "TrainConfig":
        if self.start_share and self.start is None:
            msg = "start_share without start, the weights to go back to"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _strange_sessions_are_told(self) -> "TrainConfig":
        if self.session_statistics is not None and self.unfamiliar_beyond is None and self.thresholds is None:
            msg = "session_statistics without unfamiliar_beyond, by which strange sessions are told"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _shares_leave_cells_alone(self) -> "TrainConfig":
        if sum(self.recoloured.values()) > 1:
            msg = "recoloured has shares that sum to more than 1"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _epoch_is_drawn(self) -> "TrainConfig":
        if self.epoch_cells is not None and self.balance == "none":
            msg = 'epoch_cells without balance = "laboratory_class"; without it an epoch shows every cell'
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _names_are_free(self) -> "TrainConfig":
        for name in self.laboratories:
            if name in TAKEN_NAMES or not name or set(name) & set("/\\ ") or name.startswith("."):
                msg = f"laboratories: {name!r} is no name for a laboratory"
                raise ValueError(msg)
        twice = [name for name in self.data.laboratories() if name in self._with_folder()]
        if twice:
            msg = f"laboratories: {twice[0]} is given twice, as a laboratory and as data.{twice[0]}"
            raise ValueError(msg)
        return self

    def _with_folder(self) -> dict[str, Laboratory]:
        return {name: each for name, each in self.laboratories.items() if each.folder is not None}

    def used_laboratories(self) -> dict[str, Laboratory]:
        """Return every laboratory that has a folder, those of `data` first."""
        return {**self.data.laboratories(), **self._with_folder()}


def read_config(path: Path | None, overrides: dict[str, Any], folders: Mapping[str, Path] | None = None) -> TrainConfig:
    """Read a TOML file and put given options over it.

    Parameters
    ----------
    path
        None for the defaults alone.
    overrides
        Values by dotted key, for example ``{"data.cells": Path("pbc")}``; None leaves a value alone.
    folders
        Folders of laboratories by name.

    Raises
    ------
    DataUnusable
        Where the file cannot be read or a value is unknown or out of range.
    """
    where = path or Path("options")
    folders = folders or {}
    try:
        content: dict[str, Any] = tomllib.loads(read_text(path)) if path else {}
        for key, value in overrides.items():
            if value is not None:
                *outer, last = key.split(".")
                table = content
                for name in outer:
                    table = table.setdefault(name, {})
                table[last] = value
        for name, folder in folders.items():
            _laboratory_table(where, content, name)["folder"] = folder
        return TrainConfig.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        matter = first["msg"].removeprefix("Value error, ")
        raise DataUnusable(where, f"{name}: {matter}" if name else matter, "see smearwatch train --help") from error
    except OSError as error:
        raise DataUnusable(where, (error.strerror or str(error)).lower(), "give a readable TOML file") from error
    except ValueError as error:
        raise DataUnusable(where, str(error), "give a readable TOML file") from error


def _laboratory_table(where: Path, content: dict[str, Any], name: str) -> dict[str, Any]:
    known = content.get("laboratories", {})
    table = known.get(name) if isinstance(known, dict) else None
    if not isinstance(table, dict):
        there = ", ".join(known) if known else "none"
        matter = f"no laboratory {name} in it; there are {there}"
        raise DataUnusable(where, matter, f"add [laboratories.{name}] with layout and um_per_px")
    return table
