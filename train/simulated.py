"""Drawn single-cell pictures, so that the demo's cells are named rightly; they are no evidence about real ones."""

import hashlib
import inspect
from functools import cache

import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.crop import cut_crop
from smearwatch.capture.light import flatten_cell
from smearwatch.capture.slide import background, cells, cytoplasm, nuclei, optics, stain, texture
from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.models.classes import CLASSES, ClassName
from smearwatch.train.samples import Sample, exact

SOURCE = "simulated"
_UM_PER_PX = 0.09
_SIZE_PX = 372


def draw_cells(count: int) -> list[Sample]:
    """List `count` cells to draw, the classes in turn; the seed of each is its number."""
    return [_sample(CLASSES[seed % len(CLASSES)], seed) for seed in range(count)]


def _sample(cls: ClassName, seed: int) -> Sample:
    name = f"{SOURCE}/{seed}"

    def draw() -> NDArray[np.uint8]:
        picture = render_cell_picture(cls, np.random.default_rng(seed), um_per_px=_UM_PER_PX, size_px=_SIZE_PX)
        return cut_crop(flatten_cell(picture), (_SIZE_PX / 2, _SIZE_PX / 2), _UM_PER_PX)

    target = exact(CLASSES.index(cls))
    digest = hashlib.sha256(f"{renderer_digest()} {name}".encode()).hexdigest()
    return Sample(name, SOURCE, cls, target, group=name, agreed=None, draw=draw, digest=digest)


@cache
def renderer_digest() -> str:
    """SHA-256 of the source that draws: another way of drawing gives other cells under the same seeds."""
    code = "".join(map(inspect.getsource, (background, cells, cytoplasm, nuclei, optics, stain, texture)))
    return hashlib.sha256(code.encode()).hexdigest()
