"""All cells of the laboratory that was left out, cut where they are labelled and where the pipeline finds them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from smearwatch.models import memory
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.laboratories import Laboratory
from smearwatch.train.data.pipeline_cells import PipelineAccount, PipelineCells, find_boxed_cells
from smearwatch.train.data.samples import DataUnusable, Sample, has_class
from smearwatch.train.data.single_cells import find_single_cells
from smearwatch.train.data.split import number_of

Way = Literal["labelled", "pipeline"]


@dataclass(frozen=True, slots=True)
class CutCells:
    """A laboratory's cells, cut in one way.

    Attributes
    ----------
    samples
        Those that were cut: the networks' input.
    labelled
        Every cell that has a class; more than there are among `samples` where the pipeline missed some.
    account
        What became of them in the pipeline.
    """

    samples: list[Sample]
    labelled: list[Sample]
    account: PipelineAccount | None = None


def choose_cells(samples: Sequence[Sample], at_most: int | None) -> list[Sample]:
    """Choose at most so many cells of each label by a hash of their names, in the order given; None for all."""
    if at_most is None:
        return list(samples)
    by_label: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_label[sample.label].append(sample)
    chosen = {
        sample.sample_id
        for cells in by_label.values()
        for sample in sorted(cells, key=lambda each: number_of(each.sample_id))[:at_most]
    }
    return [sample for sample in samples if sample.sample_id in chosen]


def cut_both_ways(
    laboratory: Laboratory, samples: Sequence[Sample], cache: Path, progress: Progress
) -> Mapping[Way, CutCells]:
    """Return the cells as they are labelled (in the middle of their pictures or boxes) and as the pipeline cuts them.

    Parameters
    ----------
    samples
        As `smearwatch.train.data.laboratories.read_laboratory` lists them.
    cache
        Keeps what was found, so that a second run need not search.
    """
    labelled = [sample for sample in samples if has_class(sample)]
    found = _find(laboratory, samples, cache, progress)
    return {
        "labelled": CutCells(list(samples), labelled),
        "pipeline": CutCells(found.samples, labelled, found.account),
    }


def check_unseen(weights: Path, name: str, samples: Sequence[Sample]) -> bool:
    """Check that weights have not seen these cells in training; return whether they say what they have seen.

    Raises
    ------
    DataUnusable
        Where they have seen one of them.
    WeightsUnusable
        Where the weights cannot be read.
    """
    known = memory.load(weights)
    seen = [sample for sample in samples if known is not None and known.seen_in_training(sample.digest)]
    if seen:
        matter = f"they have seen {len(seen)} of {len(samples)} cells of {name} in training or validation"
        raise DataUnusable(weights, matter, f"give weights that never met {name}")
    return known is not None


def _find(laboratory: Laboratory, samples: Sequence[Sample], cache: Path, progress: Progress) -> PipelineCells:
    assert laboratory.folder is not None
    if laboratory.layout == "fields":
        return find_boxed_cells(laboratory.folder, samples, cache, progress)
    return find_single_cells(laboratory.folder, samples, laboratory.um_per_px, cache, progress)
