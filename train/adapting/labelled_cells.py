"""The labelled cells of this microscope, and whether they are enough to learn from."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.classes import CLASSES, NEUTROPHILS
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.sources import DatasetSpec, ReportLine, read_sources

FEWEST_CELLS = 12
FEWEST_CLASSES = 2
NEUTROPHIL = "neutrophil"


def read_labelled_cells(spec: DatasetSpec, report_line: ReportLine) -> list[Sample]:
    """List the cells of every source that was named.

    Raises
    ------
    DataUnusable
        Where a source cannot be used, its scale does not fit its cells, or too few cells or classes are labelled.
    LedgerUnusable
        Where a session's ledger cannot be read.
    """
    samples = [sample for source in read_sources(spec, report_line) for sample in source.samples]
    _refuse_too_few(spec.folders[0], samples)
    return samples


def family(sample: Sample) -> str:
    """Name a cell's class with band and segmented as one, which every person can label; "reject" for the rest."""
    if sample.target.kind == "reject":
        return "reject"
    index = max(range(len(CLASSES)), key=lambda each: sample.target.shares[each])
    return NEUTROPHIL if index in NEUTROPHILS else CLASSES[index]


def count_families(samples: list[Sample]) -> dict[str, int]:
    """Count cells by `family`, all of them, those that are missing too."""
    counts = Counter(family(sample) for sample in samples)
    return {name: counts[name] for name in (NEUTROPHIL, *CLASSES[2:], "reject")}


def sampling_weights(kinds: list[str]) -> NDArray[np.float64]:
    """Compute how often to draw each cell: a class four times as frequent is drawn twice as often."""
    counts = Counter(kinds)
    weights = np.array([1.0 / math.sqrt(counts[kind]) for kind in kinds])
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _refuse_too_few(where: Path, samples: list[Sample]) -> None:
    counts = count_families(samples)
    known = {name: count for name, count in counts.items() if count and name != "reject"}
    cells = sum(known.values())
    wanted = f"adapting takes at least {FEWEST_CELLS} of at least {FEWEST_CLASSES} classes"
    if cells < FEWEST_CELLS:
        raise DataUnusable(where, f"{cells} labelled leukocytes, {wanted}", f"label {FEWEST_CELLS - cells} more")
    if len(known) < FEWEST_CLASSES:
        (name,) = known
        matter = f"all {cells} labelled leukocytes are of one class ({name}), {wanted}"
        raise DataUnusable(where, matter, "label cells of other classes too")
