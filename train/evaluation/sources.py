"""What is scored: single-cell pictures, whole fields (both ways) and labelled sessions, each a set of its own."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from smearwatch.models.classes import CLASSES
from smearwatch.models.memory import Memory
from smearwatch.train.data.class_tree import LABELS, REJECTED
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.pipeline_cells import find_boxed_cells
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.sources import DatasetSpec, ReportLine, Source, read_sources
from smearwatch.train.evaluation.seen_in_training import Choice, part, said

Kind = Literal["cells", "boxes", "pipeline", "session"]


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Cells that are scored together.

    Attributes
    ----------
    name
        As the report calls it.
    kind
        "cells", "boxes", "pipeline" or "session". Boxes and pipeline show the same cells in two ways.
    samples
        At least one.
    about
        For JSON: split (what was left out), um_per_px, and for the pipeline its account.
    """

    name: str
    kind: Kind
    samples: list[Sample]
    about: dict[str, Any] = field(default_factory=dict)


def read_sets(
    asked: DatasetSpec, choice: Choice, memory: Memory | None, cache: Path, progress: Progress, tell: ReportLine
) -> tuple[list[EvaluationSet], list[str]]:
    """List every set that was asked for, and lines about what was left out.

    Parameters
    ----------
    choice
        "test" leaves out what the weights have met, "all" nothing.
    memory
        Of the weights, None where they have none.
    tell
        Gets lines a person should see at once, such as a class without pictures.

    Raises
    ------
    DataUnusable, LedgerUnusable
        Where a set cannot be used, its scale does not fit its cells, or nothing in it is left to be scored.
    """
    sets: list[EvaluationSet] = []
    notes: list[str] = []
    for source in read_sources(asked, tell):
        whole, line = _parted(source, memory, choice)
        notes.append(line)
        sets.append(whole)
        if source.kind == "cells":
            gaps = _gaps(source)
            for gap in gaps:
                tell(gap)
            notes += gaps
        if source.kind == "boxes":
            found, lines = _pipeline(source, whole, cache, progress)
            sets += found
            notes += lines
    return sets, notes


def distinct(sets: list[EvaluationSet]) -> list[EvaluationSet]:
    """Those of the sets that show different cells: of whole fields the boxes, whose cells none are missed of."""
    return [each for each in sets if each.kind != "pipeline"]


def _gaps(source: Source) -> list[str]:
    """Say which classes a tree has no pictures of, and which of its folders were not read."""
    labels = {sample.label for sample in source.samples}
    covered = labels | {"band", "segmented"} if "neutrophil" in labels else labels
    gaps = [
        f"{source.name}: no pictures of {name}, so nothing is said about it" for name in CLASSES if name not in covered
    ]
    folders = {path.name for path in source.root.iterdir() if path.is_dir()}
    strange = sorted(name for name in folders - {*LABELS, *REJECTED} if not name.startswith("."))
    if strange:
        gaps.append(f"{source.name}: folders that name no class are not read: {', '.join(strange)}")
    return gaps


def _pipeline(
    source: Source, boxes: EvaluationSet, cache: Path, progress: Progress
) -> tuple[list[EvaluationSet], list[str]]:
    """Find the same cells as the live pipeline does."""
    name = source.name
    found = find_boxed_cells(source.root, boxes.samples, cache, progress)
    lines = [f"{name}: the last of every ten frames of a slide is left out, for the next ten may show its cells"]
    if not found.samples:
        return [], [*lines, f"{name}: none of the boxed cells was found by segmentation"]
    about = {"split": boxes.about["split"], "um_per_px": found.account["um_per_px"][1], "pipeline": found.account}
    return [EvaluationSet(f"{name}, pipeline", "pipeline", found.samples, about)], lines


def _parted(source: Source, memory: Memory | None, choice: Choice) -> tuple[EvaluationSet, str]:
    parted = part(source.samples, memory, choice)
    if not parted.kept:
        matter = f"the weights were trained on or chosen by all of its {len(source.samples)} cells, or their like"
        raise DataUnusable(source.root, matter, "bring other cells, or give --part all")
    name = f"{source.name}, boxes" if source.kind == "boxes" else source.name
    about: dict[str, Any] = {} if source.um_per_px is None else {"um_per_px": source.um_per_px}
    about["split"] = {"part": choice, **parted.counts()}
    return EvaluationSet(name, source.kind, parted.kept, about), f"{name}: {said(parted, choice)}"
