"""Whole fields with every leukocyte outlined by hand and none of them named: not to be rejected, or to be rejected."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.vision.segment import NUCLEUS
from smearwatch.train.data.blanks import frames_and_masks, read_blanks
from smearwatch.train.data.samples import LEUKOCYTE, Sample, field_crop, read_file

# Of a circle as large as the outline. A small lymphocyte measures 7 um and a monocyte 20; what is larger holds two.
_LEAST_UM, _MOST_UM = 6.0, 20.0


def read_outlined_fields(root: Path, um_per_px: float, *, source: str) -> list[Sample]:
    """List the outlined leukocytes, whose class nobody knows, and in each field a spot without one, where there is one.

    Parameters
    ----------
    root
        Folder with `frames/` and `masks/` (PNG, 0 background, 128 cytoplasm, 255 nucleus) of equal names.
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
        digest = hashlib.sha256(read_file(frame)).hexdigest()
        for index, centre_xy_share in enumerate(_whole_leukocytes(mask, um_per_px)):
            samples.append(
                Sample(
                    sample_id=f"{source}/{frame.name}/{index}",
                    source=source,
                    label="leukocyte",
                    target=LEUKOCYTE,
                    group=f"{source}/{frame.stem}",
                    agreed=None,
                    draw=partial(field_crop, frame, um_per_px, centre_xy_share),
                    digest=digest,
                )
            )
    return samples + read_blanks(root, um_per_px, source=source)


def _whole_leukocytes(mask: NDArray[np.uint8], um_per_px: float) -> Iterator[tuple[float, float]]:
    """Yield the middle of each outline with a nucleus in it that the border does not cut, in shares."""
    height, width = mask.shape
    count, labels, boxes, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
    for label in range(1, count):
        x, y, w, h, area = (int(value) for value in boxes[label])
        inside = x > 0 and y > 0 and x + w < width and y + h < height
        diameter_um = 2.0 * float(np.sqrt(area / np.pi)) * um_per_px
        if inside and _LEAST_UM <= diameter_um <= _MOST_UM and (mask[labels == label] == NUCLEUS).any():
            yield (x + w / 2) / width, (y + h / 2) / height
