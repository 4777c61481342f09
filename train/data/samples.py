"""One labelled cell, whatever data set it comes from, and how its crop is made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.arrays import Image
from smearwatch.capture.formats.decode import DEFAULT_MAX_PIXELS, FrameUnusable, decode_whole
from smearwatch.capture.vision.crop import FIELD_UM, cut_crop, cut_flat_crop
from smearwatch.capture.vision.light import FieldLight, flatten_cell, measure_light
from smearwatch.daemon.regular_file import read_regular
from smearwatch.models.classes import CLASSES, PerClass, per_class

TargetKind = Literal["exact", "either", "reject", "leukocyte"]
Part = Literal["train", "validation", "test"]


class DataUnusable(Exception):
    """Training data that cannot be used: which file or folder, what is the matter, and how to mend it.

    Attributes
    ----------
    reason
        Of a picture, in one word for programs: one of `smearwatch.capture.formats.unusable.FrameUnusable`'s,
        "unreadable", "too_small" or "whole_field"; "unusable" for everything else.
    """

    def __init__(self, path: Path, matter: str, hint: str, *, reason: str = "unusable") -> None:
        super().__init__(f"{path}: {matter}")
        self.path = path
        self.hint = hint
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Target:
    """What a network should answer.

    Attributes
    ----------
    kind
        "exact": `shares` is the wanted distribution. "either": one of the classes with a share, not known which.
        "reject": of none of the classes. "leukocyte": one of all the classes, nobody has said which; it is only not to
        be rejected.
    shares
        In the order of `CLASSES`, summing to one unless the kind is "reject", where all are zero.
    """

    kind: TargetKind
    shares: PerClass


@dataclass(frozen=True, slots=True)
class Sample:
    """One cell.

    Attributes
    ----------
    sample_id
        Unique, and the same on every machine: data set, file within it, index in the file.
    source
        Name of the data set.
    label
        The label as a person gave it, in this project's words.
    target
        What that means for training.
    group
        Cells of one group stand on the same side of every split.
    agreed
        Whether a second group of annotators agreed about band or segmented; None where nobody asked.
    draw
        Makes the crop, uint8 [750, 750, 3], light flattened. Raises `DataUnusable`.
    digest
        SHA-256 (hex) of the file, or what takes its place for a drawn cell.
    """

    sample_id: str
    source: str
    label: str
    target: Target
    group: str
    agreed: bool | None
    draw: Callable[[], Image]
    digest: str


def exact(index: int, certainty: float = 1.0, other: int | None = None) -> Target:
    """Make the target for one class, the rest of the certainty given to another."""
    shares = [0.0] * len(CLASSES)
    shares[index] = certainty
    if other is not None:
        shares[other] = 1.0 - certainty
    return Target("exact", per_class(shares))


def either(indices: tuple[int, ...]) -> Target:
    """Make the target for a label that joins classes."""
    return Target("either", per_class(1.0 / len(indices) if i in indices else 0.0 for i in range(len(CLASSES))))


REJECT = Target("reject", per_class([0.0] * len(CLASSES)))
LEUKOCYTE = Target("leukocyte", per_class([1.0 / len(CLASSES)] * len(CLASSES)))


def has_class(sample: Sample) -> bool:
    """Return whether somebody has named the cell's class, or the two that it may be of."""
    return sample.target.kind in ("exact", "either")


def allowed(samples: Sequence[Sample]) -> NDArray[np.bool_]:
    """Mark the classes that are right answers: bool [n, classes], none for a reject, two where a label joins them.

    A disputed label counts as given: of its shares only the largest is right.
    """
    shares = np.array([sample.target.shares for sample in samples], dtype=np.float64).reshape(-1, len(CLASSES))
    return np.asarray((shares >= shares.max(axis=1, keepdims=True)) & (shares > 0), dtype=bool)


def read_file(path: Path) -> bytes:
    """Return a picture file's bytes.

    Raises
    ------
    DataUnusable
        Where it cannot be read.
    """
    try:
        return read_regular(path)
    except OSError as error:
        matter, hint = (error.strerror or str(error)).lower(), "check the file's name and rights"
        raise DataUnusable(path, matter, hint, reason="unreadable") from error


def decode_picture(path: Path, data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Image:
    """Decode a picture file's bytes into uint8 [h, w, 3].

    Raises
    ------
    DataUnusable
        Where they are no picture.
    """
    try:
        return decode_whole(data, max_pixels=max_pixels, field=False)
    except FrameUnusable as error:
        raise DataUnusable(path, str(error), error.hint, reason=error.reason) from error


def read_picture(path: Path) -> Image:
    """Decode a picture file into uint8 [h, w, 3].

    Raises
    ------
    DataUnusable
        Where it cannot be read or is no picture.
    """
    return decode_picture(path, read_file(path))


def cell_crop(path: Path, um_per_px: float) -> Image:
    """Cut the crop of a single-cell picture: the cell stands in the middle."""
    return middle_crop(read_picture(path), um_per_px)


def middle_crop(bgr: Image, um_per_px: float, *, field_um: float = FIELD_UM) -> Image:
    """Cut a crop around a picture's middle, its light taken out by one colour."""
    flat = flatten_cell(bgr)
    height, width = flat.shape[:2]
    return cut_crop(flat, (width / 2, height / 2), um_per_px, field_um=field_um)


def field_crop(path: Path, um_per_px: float, centre_xy_share: tuple[float, float]) -> Image:
    """Cut the crop of one cell in a whole field, its centre given in shares of width and height."""
    bgr, light = _lit_field(path, um_per_px)
    height, width = bgr.shape[:2]
    return cut_flat_crop(bgr, light, (centre_xy_share[0] * width, centre_xy_share[1] * height), um_per_px)


@lru_cache(maxsize=4)
def _lit_field(path: Path, um_per_px: float) -> tuple[Image, FieldLight]:
    bgr = read_picture(path)
    return bgr, measure_light(bgr, um_per_px)
