"""Drawn single-cell pictures, so that the demo's cells are named rightly; they are no evidence about real ones."""

import hashlib

import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.capture.slide.version import RENDERER_VERSION
from smearwatch.capture.vision.crop import cut_crop
from smearwatch.capture.vision.light import flatten_cell
from smearwatch.models.classes import CLASSES, ClassName
from smearwatch.train.data.samples import Sample, exact

SOURCE = "simulated"
_UM_PER_PX = 0.09
_SIZE_PX = 372

# Under this the first renderer's cells stand in the memory of weights, made before the renderer had a number.
_FIRST_RENDERER = "e75dba7364984384ddf933117fbcd1a558b29818a418bd98f988f1a8944b454f"


def draw_cells(count: int) -> list[Sample]:
    """List `count` cells to draw, the classes in turn; the seed of each is its number."""
    return [_sample(CLASSES[seed % len(CLASSES)], seed) for seed in range(count)]


def _sample(cls: ClassName, seed: int) -> Sample:
    name = f"{SOURCE}/{seed}"

    def draw() -> Image:
        picture = render_cell_picture(cls, np.random.default_rng(seed), um_per_px=_UM_PER_PX, size_px=_SIZE_PX)
        return cut_crop(flatten_cell(picture), (_SIZE_PX / 2, _SIZE_PX / 2), _UM_PER_PX)

    target = exact(CLASSES.index(cls))
    digest = hashlib.sha256(f"{renderer_id()} {name}".encode()).hexdigest()
    return Sample(name, SOURCE, cls, target, group=name, agreed=None, draw=draw, digest=digest)


def renderer_id() -> str:
    """Return what identifies the renderer: another one draws other cells under the same seeds."""
    return _FIRST_RENDERER if RENDERER_VERSION == 1 else f"renderer {RENDERER_VERSION}"
