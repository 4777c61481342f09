"""All the labelled cells that a configuration names, divided and drawn."""

from dataclasses import dataclass
from pathlib import Path

from smearwatch.train.blanks import read_blanks
from smearwatch.train.chula import read_boxed_fields
from smearwatch.train.class_tree import read_class_tree
from smearwatch.train.config import TrainConfig
from smearwatch.train.fields_cache import Progress, shrunken_fields
from smearwatch.train.loop import CellSet
from smearwatch.train.samples import DataUnusable, Part, Sample
from smearwatch.train.simulated import draw_cells
from smearwatch.train.split import split


@dataclass(frozen=True, slots=True)
class Gathered:
    """The three sides of the split; no group stands on two."""

    train: CellSet
    validation: CellSet
    test: CellSet


def gather(config: TrainConfig, cache: Path, progress: Progress) -> Gathered:
    """Read, divide and draw every set of the configuration.

    Raises
    ------
    DataUnusable
        Where a set cannot be used, or nothing is left to train on.
    """
    parts = split(_listed(config))
    if not parts["train"] or not parts["validation"]:
        raise DataUnusable(Path("data"), "too few labelled cells to train on", "name a folder with --cells")

    def drawn(part: Part) -> CellSet:
        samples = parts[part]
        return CellSet(samples, shrunken_fields(samples, config.preprocessing, cache, progress))

    return Gathered(drawn("train"), drawn("validation"), drawn("test"))


def _listed(config: TrainConfig) -> list[Sample]:
    data = config.data
    samples: list[Sample] = []
    if data.cells is not None:
        samples += read_class_tree(data.cells, data.cells_um_per_px, source="cells")
    if data.fields is not None:
        samples += read_boxed_fields(data.fields, data.fields_um_per_px)
    if data.blanks is not None:
        samples += read_blanks(data.blanks, data.blanks_um_per_px)
    return samples + draw_cells(data.simulated)
