"""What is scored: single-cell pictures, whole fields (boxed and found) and labelled sessions, each a set of its own."""

from dataclasses import dataclass
from pathlib import Path

from smearwatch.models.classes import CLASSES
from smearwatch.models.memory import Memory
from smearwatch.train.data.class_tree import LABELS, REJECTED
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.pipeline_cells import find_boxed_cells
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.sources import DatasetSpec, ReportLine, Source, read_sources
from smearwatch.train.evaluation.results import Kind, Origin, Split
from smearwatch.train.evaluation.seen_in_training import Choice, explain, part


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Cells that are scored together.

    Attributes
    ----------
    name
        As the report calls it.
    kind
        Boxes and pipeline show the same cells, cut at their boxes and as found.
    samples
        At least one.
    """

    name: str
    kind: Kind
    samples: list[Sample]
    origin: Origin


def read_sets(
    spec: DatasetSpec, choice: Choice, memory: Memory | None, cache: Path, progress: Progress, report_line: ReportLine
) -> tuple[list[EvaluationSet], list[str]]:
    """List every set that was named, and lines about what was left out.

    Parameters
    ----------
    choice
        "test" leaves out what the weights have seen in training, "all" nothing.
    memory
        Of the weights, None where they have none.
    report_line
        Gets lines a person should see at once, such as a class without pictures.

    Raises
    ------
    DataUnusable, LedgerUnusable
        Where a set cannot be used, its scale does not fit its cells, or nothing in it is left to be scored.
    """
    sets: list[EvaluationSet] = []
    notes: list[str] = []
    for source in read_sources(spec, report_line):
        kept, line = _without_seen(source, memory, choice)
        notes.append(line)
        sets.append(kept)
        if source.kind == "cells":
            gaps = _gaps(source)
            for gap in gaps:
                report_line(gap)
            notes += gaps
        if source.kind == "boxes":
            found, lines = _find_in_fields(source, kept, cache, progress)
            sets += found
            notes += lines
    return sets, notes


def distinct(sets: list[EvaluationSet]) -> list[EvaluationSet]:
    """Return the sets that show different cells: of whole fields the boxes, for none of those cells is missed."""
    return [each for each in sets if each.kind != "pipeline"]


def _gaps(source: Source) -> list[str]:
    """Name the classes that a tree has no pictures of, and those of its folders that were not read."""
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


def _find_in_fields(
    source: Source, boxes: EvaluationSet, cache: Path, progress: Progress
) -> tuple[list[EvaluationSet], list[str]]:
    """Find the same cells as the live pipeline does."""
    name = source.name
    found = find_boxed_cells(source.root, boxes.samples, cache, progress)
    lines = [f"{name}: the last of every ten frames of a slide is left out, for the next ten may show its cells"]
    if not found.samples:
        return [], [*lines, f"{name}: none of the boxed cells was found by segmentation"]
    scales = found.account.um_per_px
    origin = Origin(boxes.origin.split, scales[1] if scales else None, found.account)
    return [EvaluationSet(f"{name}, pipeline", "pipeline", found.samples, origin)], lines


def _without_seen(source: Source, memory: Memory | None, choice: Choice) -> tuple[EvaluationSet, str]:
    parted = part(source.samples, memory, choice)
    if not parted.kept:
        matter = f"the weights were trained on or chosen by all of its {len(source.samples)} cells, or their like"
        raise DataUnusable(source.root, matter, "bring other cells, or give --part all")
    name = f"{source.name}, boxes" if source.kind == "boxes" else source.name
    split = Split(choice, len(parted.kept), parted.known, parted.train, parted.validation, parted.related)
    origin = Origin(split, source.um_per_px)
    return EvaluationSet(name, source.kind, parted.kept, origin), f"{name}: {explain(parted, choice)}"
