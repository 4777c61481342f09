"""Single-cell pictures as the live pipeline sees them: searched at their scale, and cut where it finds the cell."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.pipeline_cells import PipelineCells, make_account
from smearwatch.train.data.samples import Sample, field_crop, has_class
from smearwatch.train.data.searched_frames import SearchedFrame, search_frames

_KEPT_TOGETHER = 200  # pictures, so that a search that is broken off need not begin anew


def find_single_cells(
    root: Path, samples: Sequence[Sample], um_per_px: float, cache: Path, progress: Progress
) -> PipelineCells:
    """Send single-cell pictures through the finder and take the leukocyte whose outline holds the middle.

    Parameters
    ----------
    root
        Folder of class folders.
    samples
        As `smearwatch.train.data.class_tree.read_class_tree` lists them.
    um_per_px
        Scale of all pictures.
    cache
        Keeps what was found, so that a second run need not search.

    Returns
    -------
    PipelineCells
        What was found whole, things to reject among it; the account counts the cells that have a class.
    """
    paths = [root / sample.sample_id.partition("/")[2] for sample in samples]
    found: list[Sample] = []
    account: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for path, sample, seen in zip(paths, samples, _search(paths, um_per_px, cache, progress), strict=True):
        cell = seen.at_middle
        kind = "missed" if cell is None else "at_edge" if seen.at_edge[cell] else "found"
        if cell is not None and kind == "found":
            found.append(_recut(sample, path, um_per_px, seen.centres[cell]))
        if has_class(sample):
            account[kind] += 1
            account["unlabelled"] += len(seen.boxes) - (cell is not None)
            account["in_rejected"] += seen.rejected is not None
            rejected.update([seen.rejected] if seen.rejected else [])
    labelled = sum(has_class(sample) for sample in samples)
    return PipelineCells(found, make_account(account, rejected, labelled, labelled, [um_per_px]))


def _search(paths: Sequence[Path], um_per_px: float, cache: Path, progress: Progress) -> list[SearchedFrame]:
    every: list[SearchedFrame] = []
    for start in range(0, len(paths), _KEPT_TOGETHER):

        def report(what: str, done: int, total: int, before: int = start) -> None:
            progress(what, before + done, len(paths))

        some = paths[start : start + _KEPT_TOGETHER]
        every += search_frames(some, um_per_px, cache, report, what="pictures searched")
    return every


def _recut(sample: Sample, path: Path, um_per_px: float, centre: tuple[float, float]) -> Sample:
    name = f"{sample.sample_id}/{um_per_px:.6f}/{centre[0]:.6f},{centre[1]:.6f}"
    return replace(sample, sample_id=name, draw=partial(field_crop, path, um_per_px, centre))
