"""Labelled cells as the live pipeline sees them: found by segmentation, at the scale the red cells give."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from smearwatch.daemon.regular_file import read_text
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import DataUnusable, Sample, field_crop
from smearwatch.train.data.searched_frames import Box, SearchedFrame, search_frames
from smearwatch.train.json_record import JsonRecord

LEAST_OVERLAP = 0.3
_COLUMNS = ("x_center", "y_center", "width", "height")


@dataclass(frozen=True, slots=True)
class PipelineAccount(JsonRecord):
    """What became of the boxed cells in the pipeline.

    Attributes
    ----------
    labelled
        All boxed cells: found whole, found cut by the border and therefore not counted (`at_edge`), or missed.
    in_rejected
        Of the missed, those in refused frames.
    unlabelled
        Found cells that have no box.
    rejected_frames
        By reason.
    um_per_px
        Least, median and most scale from red cells; None where every frame was refused.
    """

    labelled: int
    found: int
    at_edge: int
    missed: int
    in_rejected: int
    unlabelled: int
    frames: int
    rejected_frames: Mapping[str, int]
    um_per_px: Sequence[float] | None


@dataclass(frozen=True, slots=True)
class PipelineCells:
    """Labelled cells matched to what was found.

    Attributes
    ----------
    samples
        Those that were found whole, cut where and as large as the pipeline cuts them.
    account
        Counts of all boxed cells.
    """

    samples: list[Sample]
    account: PipelineAccount


def find_boxed_cells(root: Path, boxed: Sequence[Sample], cache: Path, progress: Progress) -> PipelineCells:
    """Send the frames of boxed cells through the finder and match what it finds to the boxes.

    The frames are one session, in order: each is searched at the median of the scales that its red cells and those of
    the frames before it gave. A found cell and a box belong together where the box's centre lies in the cell's, or
    they overlap by 0.3 of their union; each has at most one partner, the best overlap first.

    Parameters
    ----------
    root
        Folder with `frames/` and `boxes/`.
    boxed
        Samples as `smearwatch.train.data.boxed_fields.read_boxed_fields` lists them.
    cache
        Keeps what was found, so that a second run need not search.
    """
    by_frame: dict[str, list[tuple[int, Sample]]] = defaultdict(list)
    for sample in boxed:
        _, frame, index = sample.sample_id.rsplit("/", 2)
        by_frame[frame].append((int(index), sample))
    frames = sorted(by_frame)
    paths = [root / "frames" / name for name in frames]
    searched = dict(zip(frames, search_frames(paths, None, cache, progress), strict=True))
    account: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    samples: list[Sample] = []
    for name in frames:
        seen = searched[name]
        if seen.rejected is not None:
            rejected[seen.rejected] += 1
            account["in_rejected"] += len(by_frame[name])
        boxes = _boxes(root / "boxes" / f"{Path(name).stem}.csv")
        partners = match_boxes([boxes[index] for index, _ in by_frame[name]], seen.boxes)
        account["unlabelled"] += len(seen.boxes) - len(partners)
        for order, (_, sample) in enumerate(by_frame[name]):
            cell = partners.get(order)
            kind = "missed" if cell is None else "at_edge" if seen.at_edge[cell] else "found"
            account[kind] += 1
            if cell is not None and not seen.at_edge[cell]:
                samples.append(_recut(sample, root / "frames" / name, seen, cell))
    scales = [seen.um_per_px for seen in searched.values() if seen.rejected is None]
    return PipelineCells(samples, make_account(account, rejected, len(boxed), len(frames), scales))


def match_boxes(boxes: Sequence[Box], cells: Sequence[Box]) -> dict[int, int]:
    """Match boxes to cells, both (x, y, width, height) in any one unit: index of a box to index of its cell."""
    pairs = []
    for i, box in enumerate(boxes):
        for j, cell in enumerate(cells):
            overlap = _overlap(box, cell)
            x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
            inside = cell[0] <= x <= cell[0] + cell[2] and cell[1] <= y <= cell[1] + cell[3]
            if inside or overlap >= LEAST_OVERLAP:
                pairs.append((-overlap, i, j))
    partners: dict[int, int] = {}
    for _, i, j in sorted(pairs):
        if i not in partners and j not in partners.values():
            partners[i] = j
    return partners


def make_account(
    account: Counter[str], rejected: Counter[str], labelled: int, frames: int, scales: Sequence[float]
) -> PipelineAccount:
    """Make the account of what became of labelled cells, and at which scales their frames were searched."""
    return PipelineAccount(
        labelled=labelled,
        found=account["found"],
        at_edge=account["at_edge"],
        missed=account["missed"],
        in_rejected=account["in_rejected"],
        unlabelled=account["unlabelled"],
        frames=frames,
        rejected_frames=dict(rejected),
        um_per_px=[min(scales), float(np.median(scales)), max(scales)] if scales else None,
    )


def _overlap(one: Box, two: Box) -> float:
    across = max(0.0, min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0]))
    down = max(0.0, min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1]))
    union = one[2] * one[3] + two[2] * two[3] - across * down
    return across * down / union if union > 0 else 0.0


def _recut(sample: Sample, frame: Path, seen: SearchedFrame, cell: int) -> Sample:
    centre = seen.centres[cell]
    name = f"{sample.sample_id}/{seen.um_per_px:.6f}/{centre[0]:.6f},{centre[1]:.6f}"
    return replace(sample, sample_id=name, draw=partial(field_crop, frame, seen.um_per_px, centre))


def _boxes(table: Path) -> list[Box]:
    try:
        lines = io.StringIO(read_text(table), newline="")
        rows = [[float(row[key]) for key in _COLUMNS] for row in csv.DictReader(lines)]
    except (OSError, KeyError, TypeError, ValueError) as error:
        hint = "see that x_center, y_center, width, height are there"
        raise DataUnusable(table, f"unreadable boxes ({error})", hint) from error
    return [(x - width / 2, y - height / 2, width, height) for x, y, width, height in rows]
