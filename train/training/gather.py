"""All the labelled cells that a configuration names, divided and drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smearwatch.models import memory
from smearwatch.train.data.blanks import read_blanks
from smearwatch.train.data.boxed_fields import SOURCE, read_boxed_fields
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.data.crop_cache import Progress, shrunken_fields
from smearwatch.train.data.litter import draw_litter
from smearwatch.train.data.pipeline_cells import find_boxed_cells
from smearwatch.train.data.samples import DataUnusable, Part, Sample
from smearwatch.train.data.scale_check import check_boxes_scale, check_tree_scale
from smearwatch.train.data.simulated import draw_cells
from smearwatch.train.data.split import split
from smearwatch.train.training.config import TrainConfig


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
    parts = split(list_samples(config))
    _refuse_known_cells(config, parts)
    if not parts["train"] or not parts["validation"]:
        raise DataUnusable(Path("data"), "too few labelled cells to train on", "name a folder with --cells")

    if config.data.fields_found:
        parts["train"] += find_by_pipeline(config.data.fields, parts["train"], cache, progress)
    _refuse_colours_of_nothing(config, parts["train"])

    def drawn(part: Part) -> CellSet:
        samples = parts[part]
        return CellSet(samples, shrunken_fields(samples, config.preprocessing, cache, progress))

    return Gathered(drawn("train"), drawn("validation"), drawn("test"))


def list_samples(config: TrainConfig) -> list[Sample]:
    """Return every cell of every set of the configuration, not yet divided or drawn; raises `DataUnusable`."""
    data = config.data
    samples: list[Sample] = []
    if data.cells is not None and data.cells_um_per_px is not None:
        samples += read_class_tree(data.cells, data.cells_um_per_px, source="cells")
        check_tree_scale(data.cells, data.cells_um_per_px, force=data.force_scale)
    if data.fields is not None and data.fields_um_per_px is not None:
        samples += read_boxed_fields(data.fields, data.fields_um_per_px)
        check_boxes_scale(data.fields, data.fields_um_per_px, force=data.force_scale)
    if data.blanks is not None and data.blanks_um_per_px is not None:
        samples += read_blanks(data.blanks, data.blanks_um_per_px)
    return samples + draw_cells(data.simulated) + draw_litter(data.litter)


def find_by_pipeline(root: Path | None, samples: Sequence[Sample], cache: Path, progress: Progress) -> list[Sample]:
    """Find the boxed cells to train on by the live pipeline, cut as it cuts them; raises `DataUnusable`."""
    if root is None:
        raise DataUnusable(Path("data.fields_found"), "no whole fields are given", "name their folder with --fields")
    boxed = [sample for sample in samples if sample.source == SOURCE]
    found = find_boxed_cells(root, boxed, cache, progress).samples
    if not found:
        matter = f"of {len(boxed)} boxed cells to train on the pipeline finds none whole"
        raise DataUnusable(root, matter, "look at a frame with smearwatch segment, or leave fields_found out")
    return found


def _refuse_colours_of_nothing(config: TrainConfig, samples: Sequence[Sample]) -> None:
    there = {sample.source for sample in samples}
    for name, share in config.recoloured.items():
        if share and name not in there:
            matter = f"no cells of {name} to train on; there are {', '.join(sorted(there))}"
            raise DataUnusable(Path("recoloured"), matter, "name one of these, or leave it out")


def _refuse_known_cells(config: TrainConfig, parts: dict[Part, list[Sample]]) -> None:
    """Refuse starting weights that have seen this run's test cells, or were trained on some of its validation."""
    known = memory.load(config.start) if config.start is not None else None
    if config.start is None or known is None:
        return
    seen = [sample for sample in parts["test"] if known.seen_in_training(sample.digest)]
    seen += [sample for sample in parts["validation"] if memory.short(sample.digest) in known.train_digests]
    if seen:
        matter = (
            f"they have seen {len(seen)} cells in training that this run keeps aside, {seen[0].sample_id} among them"
        )
        raise DataUnusable(config.start, matter, "start from weights that were trained with the same split")
