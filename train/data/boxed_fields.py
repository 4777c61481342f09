"""Whole fields with boxes around leukocytes, as the Chulalongkorn set is laid out: `frames/` and `boxes/`."""

import csv
import hashlib
import io
from collections import defaultdict
from functools import partial
from pathlib import Path

from smearwatch.daemon.regular_file import read_text
from smearwatch.models.classes import CLASSES, NEUTROPHILS
from smearwatch.train.data.class_tree import PICTURES
from smearwatch.train.data.samples import DataUnusable, Sample, either, exact, field_crop, read_file

SOURCE = "chula"

# Neighbours in number show the same cells again. A slide is cut into runs of this many frames; a run never stands on
# two sides of a split, and its last frame is left out, so that the next run does not begin with the same cell.
BLOCK_FRAMES = 10


def read_boxed_fields(root: Path, um_per_px: float, *, source: str = SOURCE) -> list[Sample]:
    """List the boxed cells of a folder of whole fields.

    Parameters
    ----------
    root
        Folder with `frames/NAME_NUMBER.jpg` and `boxes/NAME_NUMBER.csv` (label, x_center, y_center, width, height in
        shares of the frame). The part before the last underscore is the slide.
    um_per_px
        Scale of all frames.

    Raises
    ------
    DataUnusable
        Where a folder, a frame or a value is missing or unknown.
    """
    frames = root / "frames"
    if not frames.is_dir() or not (root / "boxes").is_dir():
        raise DataUnusable(root, "no frames/ and boxes/ in it", "name a folder that holds both")
    samples: list[Sample] = []
    for slide, paths in _by_slide(frames).items():
        for order, path in enumerate(paths):
            if order % BLOCK_FRAMES == BLOCK_FRAMES - 1:
                continue
            group = f"{source}/{slide}/{order // BLOCK_FRAMES}"
            samples += _cells(root / "boxes" / f"{path.stem}.csv", path, source, group, um_per_px)
    return samples


def _by_slide(frames: Path) -> dict[str, list[Path]]:
    slides: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(frames.iterdir()):
        if path.suffix.lower() in PICTURES:
            slides[path.stem.rpartition("_")[0]].append(path)
    return dict(sorted(slides.items()))


def _cells(table: Path, frame: Path, source: str, group: str, um_per_px: float) -> list[Sample]:
    digest = hashlib.sha256(read_file(frame)).hexdigest()
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(table), newline="")))
        return [
            _cell(row, f"{source}/{frame.name}/{index}", frame, source, group, um_per_px, digest)
            for index, row in enumerate(rows)
        ]
    except (OSError, KeyError, ValueError) as error:
        raise DataUnusable(
            table, f"unreadable boxes ({error})", "see that label, x_center, y_center are there"
        ) from error


def _cell(
    row: dict[str, str], sample_id: str, frame: Path, source: str, group: str, um_per_px: float, digest: str
) -> Sample:
    label = row["label"]
    names: tuple[str, ...] = CLASSES
    centre = (float(row["x_center"]), float(row["y_center"]))
    return Sample(
        sample_id=sample_id,
        source=source,
        label=label,
        target=either(NEUTROPHILS) if label == "neutrophil" else exact(names.index(label)),
        group=group,
        agreed=None,
        draw=partial(field_crop, frame, um_per_px, centre),
        digest=digest,
    )
