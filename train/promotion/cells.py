"""The frozen cells on which two weights are compared, without those that either of them has met."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smearwatch.models.memory import Memory
from smearwatch.train.chula import read_boxed_fields
from smearwatch.train.class_tree import read_class_tree
from smearwatch.train.evaluation.met import part
from smearwatch.train.plausible import check_boxes_scale, check_tree_scale
from smearwatch.train.recorded import read_labelled_session, to_stderr
from smearwatch.train.samples import Sample


@dataclass(frozen=True, slots=True)
class Asked:
    """Where the cells lie: class folders, whole fields with boxes, recorded sessions; each may be missing.

    Attributes
    ----------
    data, um_per_px
        Folder of class folders, and its scale.
    fields, fields_um_per_px
        Folder with `frames/` and `boxes/`, and its scale.
    sessions
        Folders of recorded and labelled sessions.
    force_scale
        Believe the scales whatever the cells measure.
    """

    data: Path | None = None
    um_per_px: float | None = None
    fields: Path | None = None
    fields_um_per_px: float | None = None
    sessions: tuple[Path, ...] = ()
    force_scale: bool = False

    @property
    def nothing(self) -> bool:
        """Whether no cells were named at all."""
        return self.data is None and self.fields is None and not self.sessions


@dataclass(frozen=True, slots=True)
class FrozenSet:
    """Cells to compare on. ``left_out`` counts those that one of the weights has met, or one like them."""

    name: str
    samples: list[Sample]
    left_out: int

    def counts(self) -> dict[str, Any]:
        """For JSON."""
        return {"cells": len(self.samples), "left_out": self.left_out}


def frozen_sets(
    asked: Asked, memories: Sequence[Memory | None], *, tell: Callable[[str], None] = to_stderr
) -> list[FrozenSet]:
    """Read every set that was asked for; a set of which nothing is left stays, empty.

    Parameters
    ----------
    memories
        Of both weights; one that is None leaves nothing out.
    tell
        Gets one line where frames of a session are damaged.

    Raises
    ------
    DataUnusable, LedgerUnusable
        A set cannot be used, or its scale does not fit its cells.
    """
    return [_without_met(name, samples, memories) for name, samples in _read(asked, tell)]


def _read(asked: Asked, tell: Callable[[str], None]) -> list[tuple[str, list[Sample]]]:
    sets: list[tuple[str, list[Sample]]] = []
    if asked.data is not None and asked.um_per_px is not None:
        samples = read_class_tree(asked.data, asked.um_per_px)
        check_tree_scale(asked.data, asked.um_per_px, force=asked.force_scale)
        sets.append((asked.data.resolve().name, samples))
    if asked.fields is not None and asked.fields_um_per_px is not None:
        name = asked.fields.resolve().name
        samples = read_boxed_fields(asked.fields, asked.fields_um_per_px, source=name)
        check_boxes_scale(asked.fields, asked.fields_um_per_px, force=asked.force_scale)
        sets.append((name, samples))
    for folder in dict.fromkeys(path.resolve() for path in asked.sessions):
        sets.append((f"session {folder.name}", read_labelled_session(folder, tell=tell)))
    return sets


def _without_met(name: str, samples: list[Sample], memories: Sequence[Memory | None]) -> FrozenSet:
    kept = samples
    for memory in memories:
        fresh = {sample.sample_id for sample in part(samples, memory, "test").kept}
        kept = [sample for sample in kept if sample.sample_id in fresh]
    return FrozenSet(name, kept, len(samples) - len(kept))
