"""Crops without a leukocyte, cut out of fields whose leukocytes were all outlined by hand: examples to reject."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from smearwatch.models.preprocess import CROP_UM
from smearwatch.train.data.samples import REJECT, DataUnusable, Sample, field_crop, read_file, read_picture

SOURCE = "blanks"

# Half a crop's view around the centre must be free of leukocytes; what lies further out may hold one, as in real
# crops whose centre is an artefact.
_FREE_UM = 0.4 * CROP_UM


def read_blanks(root: Path, um_per_px: float, *, source: str = SOURCE) -> list[Sample]:
    """Find one spot free of leukocytes in each field that has one.

    Parameters
    ----------
    root
        Folder with `frames/` and `masks/` (PNG, 0 where there is no leukocyte) of equal names.
    um_per_px
        Scale of all frames.
    source
        Name of the data set in reports.

    Raises
    ------
    DataUnusable
        Where a folder or a mask is missing.
    """
    samples = []
    for frame, mask in frames_and_masks(root):
        centre_xy_share = _freest(mask, _FREE_UM / um_per_px)
        if centre_xy_share is not None:
            samples.append(_sample(source, frame, um_per_px, centre_xy_share))
    return samples


def frames_and_masks(root: Path) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
    """Yield each frame in order of name, with its mask uint8 [h, w].

    Raises
    ------
    DataUnusable
        Where a folder or a mask is missing.
    """
    frames, masks = root / "frames", root / "masks"
    if not frames.is_dir() or not masks.is_dir():
        raise DataUnusable(root, "no frames/ and masks/ in it", "name a folder that holds both")
    for frame in sorted(frames.iterdir()):
        yield frame, read_picture(masks / f"{frame.stem}.png")[..., 0]


def _freest(mask: NDArray[np.uint8], free_px: float) -> tuple[float, float] | None:
    """Find the point furthest from every leukocyte, in shares of width and height; None where it is nearer."""
    empty = np.asarray(mask == 0, dtype=np.uint8)
    margin = int(free_px)
    height, width = empty.shape
    if min(height, width) <= 2 * margin:
        return None
    distance = np.asarray(cv2.distanceTransform(empty, cv2.DIST_L2, 5))
    inner = distance[margin : height - margin, margin : width - margin]
    if inner.max() < free_px:
        return None
    y, x = np.unravel_index(int(inner.argmax()), inner.shape)
    return ((float(x) + margin) / width, (float(y) + margin) / height)


def _sample(source: str, frame: Path, um_per_px: float, centre_xy_share: tuple[float, float]) -> Sample:
    return Sample(
        sample_id=f"{source}/{frame.name}",
        source=source,
        label="no_leukocyte",
        target=REJECT,
        group=f"{source}/{frame.stem}",
        agreed=None,
        draw=partial(field_crop, frame, um_per_px, centre_xy_share),
        digest=hashlib.sha256(read_file(frame)).hexdigest(),
    )
