"""The paper's two databases: DB-1, each leukocyte alone on white, and DB-2, the same crops as photographed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.vision.light import WHITE
from smearwatch.models.classes import CLASSES
from smearwatch.models.preprocess import CROP_PX, CROP_UM
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.paper import published
from smearwatch.train.paper.config import PaperConfig
from smearwatch.train.paper.outlines import Outlines, unpack

ALONE_VERSION = 1
"""Raise it with every change by which `alone` gives other pixels; DB-1 is then drawn anew."""

_GENEROUS_UM = 0.45  # kept around the outline, so that no pale rim is lost
_SOFT_UM = 0.12  # about a pixel and a half of the crop's grid, twice that from white to kept
_FRESH_PER_CLASS = 200
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class Databases:
    """The cells of one reproduction.

    Attributes
    ----------
    cells
        In DB-2 as they are, class after class.
    alone
        The same cells in DB-1.
    without_outline
        Ids of cells that were drawn by lot but in which no leukocyte was found in the middle; others replace them.
    fresh
        Further cells, in no group with those, which no network of either protocol has seen a copy of.
    """

    cells: list[Sample]
    alone: list[Sample]
    without_outline: list[str]
    fresh: list[Sample]


def alone(crop_bgr: Image, inside: Image) -> Image:
    """Put everything but one cell to the fixed white.

    Parameters
    ----------
    crop_bgr : uint8 array of shape [750, 750, 3]
    inside : uint8 array of shape [180, 180]
        As `smearwatch.train.paper.outline.outline_cell` gives it.

    Returns
    -------
    uint8 array of shape [750, 750, 3]
        With a margin of 0.45 um around the cell and a soft edge.
    """
    scale = CROP_PX / CROP_UM
    grown = cv2.resize(inside * np.float32(1.0), (CROP_PX, CROP_PX), interpolation=cv2.INTER_CUBIC)
    solid = (np.asarray(grown) > 0.5).astype(np.uint8)
    size = 2 * round(_GENEROUS_UM * scale) + 1
    wider = cv2.dilate(solid, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    share = cv2.GaussianBlur(np.asarray(wider, dtype=np.float32), (0, 0), _SOFT_UM * scale / 2)[..., None]
    mixed = WHITE + share * (crop_bgr.astype(np.float32) - WHITE)
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def gather(
    root: Path, every: Sequence[Sample], config: PaperConfig, outlines: Outlines, progress: Progress
) -> Databases:
    """Draw the cells by lot, class by class, and outline each.

    Parameters
    ----------
    root
        Where the cells come from, for messages.
    every
        Labelled cells; those whose label is none of the six alone are left out, disputed ones unless asked for.

    Raises
    ------
    DataUnusable
        Where a class has fewer than five usable cells, or a picture cannot be read.
    """
    outlined: list[tuple[Sample, Image]] = []
    without_outline: list[str] = []
    by_class = [_shuffle_class(every, index, config) for index in range(len(CLASSES))]
    wanted = [published.sources(index, config.per_class) for index in range(len(CLASSES))]
    for index, candidates in enumerate(by_class):
        found = 0
        for sample in candidates:
            if found == wanted[index]:
                break
            inside = outlines.of(sample)
            if inside is None:
                without_outline.append(sample.sample_id)
                continue
            outlined.append((sample, inside))
            found += 1
            progress("outlines drawn", len(outlined), sum(wanted))
        if found < _FEWEST:
            matter = f"{found} usable cells of class {CLASSES[index]}, and at least {_FEWEST} are needed"
            raise DataUnusable(root, matter, f"put more pictures into a folder {CLASSES[index]}, or use --disputed")
    outlines.write()
    cells = [sample for sample, _ in outlined]
    groups = {sample.group for sample in cells} | {
        sample.group for sample in every if sample.sample_id in without_outline
    }
    each = min(_FRESH_PER_CLASS, config.per_class)
    fresh = [
        cell for candidates in by_class for cell in [other for other in candidates if other.group not in groups][:each]
    ]
    return Databases(cells, [alone_sample(sample, inside) for sample, inside in outlined], without_outline, fresh)


def _shuffle_class(every: Sequence[Sample], class_index: int, config: PaperConfig) -> list[Sample]:
    """Order the cells of one class by nothing but their contents and the seed."""
    usable = [
        sample
        for sample in every
        if sample.target.kind == "exact"
        and int(np.argmax(sample.target.shares)) == class_index
        and (config.disputed or sample.agreed is not False)
    ]
    return sorted(usable, key=lambda sample: hashlib.sha256(f"{config.seed}:{sample.digest}".encode()).digest())


def alone_sample(sample: Sample, inside: Image) -> Sample:
    """Make a DB-2 cell one of DB-1, by its outline."""
    packed = np.packbits(inside)
    digest = hashlib.sha256(f"alone {ALONE_VERSION} {sample.digest}".encode() + packed.tobytes()).hexdigest()
    draw = partial(_draw_alone, sample.draw, packed)
    return replace(sample, sample_id=f"DB-1/{sample.sample_id}", draw=draw, digest=digest)


def _draw_alone(draw: Callable[[], Image], packed: Image) -> Image:
    return alone(draw(), unpack(packed))
