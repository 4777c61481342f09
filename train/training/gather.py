"""All the labelled cells that a configuration names, divided and drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smearwatch.models import memory
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress, shrunken_fields
from smearwatch.train.data.laboratories import read_laboratory
from smearwatch.train.data.litter import draw_litter
from smearwatch.train.data.pipeline_cells import find_boxed_cells
from smearwatch.train.data.samples import DataUnusable, Part, Sample
from smearwatch.train.data.sessions import read_labelled_sessions
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
    by_slide = {name for name, each in config.used_laboratories().items() if each.layout == "fields"}
    parts = split(list_samples(config, cache, progress), by_slide)
    _refuse_known_cells(config, parts)
    if not parts["train"] or not parts["validation"]:
        raise DataUnusable(
            Path("data"), "too few labelled cells to train on", "name more with --cells, --lab or --session"
        )

    if config.data.fields_found and config.data.fields is None:
        raise DataUnusable(Path("data.fields_found"), "no whole fields are given", "name their folder with --fields")
    parts["train"] += find_by_pipeline(config, parts["train"], cache, progress)
    _refuse_colours_of_nothing(config, parts["train"])

    def drawn(part: Part) -> CellSet:
        samples = parts[part]
        return CellSet(samples, shrunken_fields(samples, config.preprocessing, cache, progress))

    return Gathered(drawn("train"), drawn("validation"), drawn("test"))


def list_samples(config: TrainConfig, cache: Path, progress: Progress) -> list[Sample]:
    """Return every cell of every set of the configuration, not yet divided or drawn; raises `DataUnusable`."""
    force = config.data.force_scale
    samples: list[Sample] = []
    for name, laboratory in config.used_laboratories().items():
        samples += read_laboratory(name, laboratory, cache, progress, force_scale=force)
    samples += [each for _, cells in read_labelled_sessions(config.data.sessions) for each in cells]
    return samples + draw_cells(config.data.simulated) + draw_litter(config.data.litter)


def find_by_pipeline(config: TrainConfig, samples: Sequence[Sample], cache: Path, progress: Progress) -> list[Sample]:
    """Find boxed cells to train on by the live pipeline, cut as it cuts them, where a laboratory's are to be found.

    Parameters
    ----------
    samples
        Cells to train on; of a laboratory without any of them nothing is searched.

    Raises
    ------
    DataUnusable
        Where the pipeline finds none of a laboratory's cells whole.
    """
    every: list[Sample] = []
    for name, laboratory in config.used_laboratories().items():
        boxed = [sample for sample in samples if sample.source == name]
        if not laboratory.found or laboratory.folder is None or not boxed:
            continue
        found = find_boxed_cells(laboratory.folder, boxed, cache, progress).samples
        if not found:
            matter = f"of {len(boxed)} boxed cells to train on the pipeline finds none whole"
            hint = "look at a frame with smearwatch segment, or leave out that its cells are to be found"
            raise DataUnusable(laboratory.folder, matter, hint)
        every += found
    return every


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
