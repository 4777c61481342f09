"""What is scored: single-cell pictures, whole fields (both ways) and labelled sessions, each a set of its own."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from smearwatch.models.classes import CLASSES
from smearwatch.models.memory import Memory
from smearwatch.train.chula import read_boxed_fields
from smearwatch.train.class_tree import LABELS, REJECTED, read_class_tree
from smearwatch.train.evaluation.met import Choice, part, said
from smearwatch.train.evaluation.pipeline import find_boxed_cells
from smearwatch.train.fields_cache import Progress
from smearwatch.train.plausible import check_boxes_scale, check_tree_scale
from smearwatch.train.recorded import read_labelled_session
from smearwatch.train.samples import DataUnusable, Sample

Kind = Literal["cells", "boxes", "pipeline", "session"]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants scored.

    Attributes
    ----------
    data, um_per_px
        Folder of class folders, and its scale.
    fields, fields_um_per_px
        Folder with `frames/` and `boxes/`, and its scale.
    sessions
        Folders of recorded and labelled sessions.
    choice
        "test" leaves out what the weights have met, "all" nothing.
    force_scale
        Believe the scales whatever the cells measure.
    """

    data: Path | None = None
    um_per_px: float | None = None
    fields: Path | None = None
    fields_um_per_px: float | None = None
    sessions: tuple[Path, ...] = ()
    choice: Choice = "test"
    force_scale: bool = False


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
    asked: Asked, memory: Memory | None, cache: Path, progress: Progress, tell: Tell
) -> tuple[list[EvaluationSet], list[str]]:
    """List every set that was asked for, and lines about what was left out.

    Parameters
    ----------
    memory
        Of the weights, None where they have none.
    tell
        Gets lines a person should see at once, such as a class without pictures.

    Raises
    ------
    DataUnusable
        Where a set cannot be used, its scale does not fit its cells, or nothing in it is left to be scored.
    """
    sets: list[EvaluationSet] = []
    notes: list[str] = []
    if asked.data is not None and asked.um_per_px is not None:
        samples, gaps = _class_tree(asked.data, asked.um_per_px, asked.force_scale)
        for gap in gaps:
            tell(gap)
        cells = EvaluationSet(asked.data.resolve().name, "cells", samples, {"um_per_px": asked.um_per_px})
        cells, line = _parted(cells, asked.data, memory, asked.choice)
        sets.append(cells)
        notes += [line, *gaps]
    if asked.fields is not None and asked.fields_um_per_px is not None:
        sets_of_fields, lines = _fields(asked, asked.fields, asked.fields_um_per_px, memory, cache, progress)
        sets += sets_of_fields
        notes += lines
    for folder in asked.sessions:
        session = EvaluationSet(f"session {folder.name}", "session", read_labelled_session(folder))
        session, line = _parted(session, folder, memory, asked.choice)
        sets.append(session)
        notes.append(line)
    return _named_apart(sets), notes


def _named_apart(sets: list[EvaluationSet]) -> list[EvaluationSet]:
    """Give sets that would share a name a number."""
    used: Counter[str] = Counter()
    apart = []
    for each in sets:
        used[each.name] += 1
        name = each.name if used[each.name] == 1 else f"{each.name} ({used[each.name]})"
        apart.append(replace(each, name=name))
    return apart


def distinct(sets: list[EvaluationSet]) -> list[EvaluationSet]:
    """Those of the sets that show different cells: of whole fields the boxes, whose cells none are missed of."""
    return [each for each in sets if each.kind != "pipeline"]


def _class_tree(root: Path, um_per_px: float, force_scale: bool) -> tuple[list[Sample], list[str]]:
    try:
        samples = read_class_tree(root, um_per_px)
        check_tree_scale(root, um_per_px, force=force_scale)
        folders = {path.name for path in root.iterdir() if path.is_dir()}
    except OSError as error:
        path = Path(error.filename or root)
        raise DataUnusable(path, (error.strerror or str(error)).lower(), "check the file's rights") from error
    labels = {sample.label for sample in samples}
    covered = labels | {"band", "segmented"} if "neutrophil" in labels else labels
    gaps = [
        f"{root.name}: no pictures of {name}, so nothing is said about it" for name in CLASSES if name not in covered
    ]
    strange = sorted(name for name in folders - {*LABELS, *REJECTED} if not name.startswith("."))
    if strange:
        gaps.append(f"{root.name}: folders that name no class are not read: {', '.join(strange)}")
    return samples, gaps


def _fields(
    asked: Asked, root: Path, um_per_px: float, memory: Memory | None, cache: Path, progress: Progress
) -> tuple[list[EvaluationSet], list[str]]:
    name = root.resolve().name
    try:
        samples = read_boxed_fields(root, um_per_px, source=name)
    except OSError as error:
        path = Path(error.filename or root)
        raise DataUnusable(path, (error.strerror or str(error)).lower(), "check the file's rights") from error
    check_boxes_scale(root, um_per_px, force=asked.force_scale)
    boxes = EvaluationSet(f"{name}, boxes", "boxes", samples, {"um_per_px": um_per_px})
    boxes, line = _parted(boxes, root, memory, asked.choice)
    found = find_boxed_cells(root, boxes.samples, cache, progress)
    lines = [line, f"{name}: the last of every ten frames of a slide is left out, for the next ten may show its cells"]
    if not found.samples:
        return [boxes], [*lines, f"{name}: none of the boxed cells was found by segmentation"]
    about = {"split": boxes.about["split"], "um_per_px": found.account["um_per_px"][1], "pipeline": found.account}
    return [boxes, EvaluationSet(f"{name}, pipeline", "pipeline", found.samples, about)], lines


def _parted(whole: EvaluationSet, root: Path, memory: Memory | None, choice: Choice) -> tuple[EvaluationSet, str]:
    if not whole.samples:
        raise DataUnusable(root, "no labelled cell in it", "name a folder that holds some")
    parted = part(whole.samples, memory, choice)
    if not parted.kept:
        matter = f"the weights were trained on or chosen by all of its {len(whole.samples)} cells"
        raise DataUnusable(root, matter, "bring other cells, or give --part all")
    about = {**whole.about, "split": {"part": choice, **parted.counts()}}
    return replace(whole, samples=parted.kept, about=about), f"{whole.name}: {said(parted, choice)}"
