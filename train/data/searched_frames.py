"""What the live pipeline finds in picture files, kept on disk so that a second run need not search."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.finder import field as find
from smearwatch.capture.finder.version import FINDER_VERSION
from smearwatch.daemon.atomic_write import write_atomically
from smearwatch.daemon.regular_file import read_regular
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import DataUnusable

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class SearchedFrame:
    """What the pipeline makes of one picture; boxes (x, y, width, height) and centres in shares of width and height.

    Attributes
    ----------
    rejected
        Why the picture was refused; None where it was searched.
    at_middle
        Index of the cell whose outline holds the middle of the picture, None where none does.
    """

    rejected: str | None
    um_per_px: float
    boxes: list[Box]
    centres: list[tuple[float, float]]
    at_edge: list[bool]
    at_middle: int | None = None


def search_frames(
    frames: Sequence[Path], um_per_px: float | None, cache: Path, progress: Progress, *, what: str = "fields searched"
) -> list[SearchedFrame]:
    """Search pictures in order, or take what an earlier run of the same finder found in the same ones.

    Parameters
    ----------
    um_per_px
        Scale of all of them. None for one session of unknown scale: each is searched at the median of the scales that
        its red cells and those of the pictures before it gave.

    Raises
    ------
    DataUnusable
        Where a picture cannot be read.
    """
    try:
        contents = [hashlib.sha256(read_regular(path)).hexdigest() for path in frames]
    except OSError as error:
        where = Path(error.filename or frames[0])
        raise DataUnusable(where, (error.strerror or str(error)).lower(), "check the file's name and rights") from error
    searched = [FINDER_VERSION, contents] if um_per_px is None else [FINDER_VERSION, contents, um_per_px]
    kept = cache / f"found-{hashlib.sha256(json.dumps(searched).encode()).hexdigest()[:24]}.json"
    if kept.is_file():
        return [_kept(entry) for entry in json.loads(kept.read_text(encoding="utf-8"))]
    source = None if um_per_px is None else "configured"
    estimates: list[float] = []
    found = []
    for done, path in enumerate(frames, start=1):
        result = find.find(
            read_regular(path), um_per_px=um_per_px, um_per_px_source=source, session_estimates=estimates
        )
        if isinstance(result, find.FieldFound) and result.um_per_px_estimate is not None:
            estimates.append(result.um_per_px_estimate)
        found.append(_in_shares(result))
        progress(what, done, len(frames))
    cache.mkdir(parents=True, exist_ok=True)
    write_atomically(kept, json.dumps([asdict(entry) for entry in found]).encode())
    return found


def _kept(entry: dict[str, Any]) -> SearchedFrame:
    """Read what JSON made lists of: a cell that was searched for before must be the same as one found just now."""
    tuples = {name: [tuple(values) for values in entry[name]] for name in ("boxes", "centres")}
    return SearchedFrame(**entry | tuples)


def _in_shares(result: find.FieldFound | find.FieldRejected) -> SearchedFrame:
    if isinstance(result, find.FieldRejected):
        return SearchedFrame(result.reason, 0.0, [], [], [])
    size: NDArray[np.float64] = np.array([result.width_px, result.height_px] * 2, dtype=np.float64)
    boxes = [np.array(cell.leukocyte.box) / size for cell in result.cells]
    centres = [np.array(cell.leukocyte.centre_xy_px) / size[:2] for cell in result.cells]
    return SearchedFrame(
        None,
        result.um_per_px,
        [(float(x), float(y), float(w), float(h)) for x, y, w, h in boxes],
        [(float(x), float(y)) for x, y in centres],
        [cell.leukocyte.at_edge for cell in result.cells],
        _at_middle(result.segmentation.whole, centres),
    )


def _at_middle(whole: NDArray[np.int32], centres: Sequence[NDArray[np.float64]]) -> int | None:
    """Find the cell to which the middle pixel of the outlines belongs: the one whose middle lies at the outline's."""
    height, width = whole.shape
    label = whole[height // 2, width // 2]
    if label == 0:
        return None
    rows, columns = np.nonzero(whole == label)
    middle = np.array([(columns.min() + columns.max() + 1) / 2 / width, (rows.min() + rows.max() + 1) / 2 / height])
    return int(np.argmin([np.hypot(*(centre - middle)) for centre in centres]))
