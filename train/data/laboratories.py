"""Named laboratories: where each one's pictures lie, how they are laid out, at which scale, and the cells in them."""

from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from smearwatch.daemon.scale_rule import UmPerPx
from smearwatch.train.data.blanks import read_blanks
from smearwatch.train.data.boxed_fields import read_boxed_fields
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.empty_fields import read_empty_fields
from smearwatch.train.data.outlined_fields import read_outlined_fields
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.scale_check import check_boxes_scale, check_tree_scale
from smearwatch.train.data.simulated import SOURCE as SIMULATED

Layout = Literal["cells", "fields", "outlined", "empty", "blanks"]

TAKEN_NAMES: Final = frozenset({SIMULATED, "session", "mean", "worst"})
"""What no laboratory may be called, because reports use the word for something else."""


class Laboratory(BaseModel):
    """One laboratory's pictures.

    Attributes
    ----------
    layout
        "cells": single-cell pictures, one folder a class. "fields": whole fields in `frames/`, boxes in `boxes/`.
        "outlined": whole fields in `frames/`, every leukocyte outlined in `masks/` and of unknown class; spots without
        one are to be rejected. "blanks": the same, but these spots alone. "empty": whole fields without leukocytes, of
        which all is to be rejected.
    folder
        None leaves the laboratory out; usually given as an option.
    found
        Of whole fields: whether the boxed cells are trained on a second time as the pipeline finds and cuts them, at
        the scale that their red cells give.
    split_name
        Name under which its groups are divided into training, validation and test; the laboratory's own by default.
        With the name of an earlier run each cell stays on the side where it was.
    left_out
        Of empty fields: names of those that hold a leukocyte after all. In a file the key is called `except`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    layout: Layout
    um_per_px: UmPerPx
    folder: Path | None = None
    found: bool = False
    split_name: str | None = None
    left_out: tuple[str, ...] = Field((), alias="except")

    @model_validator(mode="after")
    def _settings_fit_the_layout(self) -> "Laboratory":
        for name, given, layout in (("found", self.found, "fields"), ("except", bool(self.left_out), "empty")):
            if given and self.layout != layout:
                msg = f'{name} is for the layout "{layout}" alone, and this is "{self.layout}"'
                raise ValueError(msg)
        return self

    @property
    def names_classes(self) -> bool:
        """Return whether its cells have labels of a class, so that answers can be right or wrong."""
        return self.layout in ("cells", "fields")


def read_laboratory(
    name: str, laboratory: Laboratory, cache: Path, progress: Progress, *, force_scale: bool = False
) -> list[Sample]:
    """List every cell and every thing to reject of a laboratory that has a folder; `source` is its name.

    Parameters
    ----------
    cache
        Keeps what was found in empty fields.
    force_scale
        Believe the scale whatever the cells measure.

    Raises
    ------
    DataUnusable
        Where the folder cannot be used or the scale does not fit the cells.
    """
    root, um_per_px = laboratory.folder, laboratory.um_per_px
    if root is None:
        raise DataUnusable(Path(name), "the laboratory has no folder", f"name it with --lab {name}=DIR")
    if laboratory.layout == "cells":
        samples = read_class_tree(root, um_per_px, source=name)
        check_tree_scale(root, um_per_px, force=force_scale)
    elif laboratory.layout == "fields":
        samples = read_boxed_fields(root, um_per_px, source=name)
        check_boxes_scale(root, um_per_px, force=force_scale)
    elif laboratory.layout == "outlined":
        samples = read_outlined_fields(root, um_per_px, source=name)
    elif laboratory.layout == "blanks":
        samples = read_blanks(root, um_per_px, source=name)
    else:
        left_out = laboratory.left_out
        samples = read_empty_fields(root, um_per_px, source=name, left_out=left_out, cache=cache, progress=progress)
    divided_as = laboratory.split_name
    if divided_as is None:
        return samples
    return [replace(each, group=f"{divided_as}{each.group.removeprefix(name)}") for each in samples]
