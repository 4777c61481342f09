"""What is held golden: each subject is drawn, found or cut anew from fixed seeds or fixed pictures, and compared."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.finder.version import FINDER_VERSION
from smearwatch.capture.slide.freehand import Freehand
from smearwatch.capture.slide.presets import hard
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.version import RENDERER_VERSION
from smearwatch.models.classes import CLASSES
from smearwatch.models.preprocess import CROP_PX, SHRINK_VERSION, Preprocessing, shrink
from smearwatch.train.data.litter import draw_litter
from smearwatch.train.data.samples import cell_crop
from smearwatch.train.data.simulated import draw_cells
from smearwatch.train.paper.databases import ALONE_VERSION, alone
from smearwatch.train.paper.outline import OUTLINE_PX, OUTLINE_VERSION, outline_cell

FOLDER = Path(__file__).parent
GIVEN = FOLDER / "given"  # fields, single cells, crops and outlines that the makers begin from; drawn once, never again
SINGLE_UM_PER_PX = 0.1

_KEPT_PX = 150
_BLOCKS = 6
_CELLS_OF_EACH_CLASS, _THINGS, _SEED = 8, 10, 5
_SESSION_UM_PER_PX = (0.094, 0.097, 0.1, 0.102)

Figures = Iterable[tuple[str, object]]
Named = dict[str, object]
Pictures = Iterator[tuple[str, Image]]


@dataclass(frozen=True, slots=True)
class Golden:
    """One subject.

    Attributes
    ----------
    name
        Of its folder.
    version
        The number that answers for it.
    pictures
        Yields names and uint8 pictures: kept to be looked at, and compared.
    figures
        Yields names and numbers: of many more pictures than are kept.
    """

    name: str
    version: int
    pictures: Callable[[], Pictures]
    figures: Callable[[], Figures]


def blocks(picture_bgr: Image) -> list[float]:
    """Return mean and spread of 6 x 6 blocks of a picture, channel by channel, in grey levels."""
    size = (_BLOCKS, _BLOCKS)
    wide = picture_bgr.astype(np.float32)
    mean = np.asarray(cv2.resize(wide, size, interpolation=cv2.INTER_AREA))
    squares = np.asarray(cv2.resize(wide * wide, size, interpolation=cv2.INTER_AREA))
    spread = np.sqrt(np.maximum(squares - mean * mean, 0.0))
    return [round(float(value), 2) for value in np.concatenate([mean.ravel(), spread.ravel()])]


def _small(crop_bgr: Image) -> Image:
    return np.asarray(cv2.resize(crop_bgr, (_KEPT_PX, _KEPT_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _given(kind: str) -> dict[str, Image]:
    pictures = {path.stem: cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted((GIVEN / kind).glob("*.png"))}
    return {name: np.asarray(picture, dtype=np.uint8) for name, picture in pictures.items()}


def _crops() -> dict[str, Image]:
    """Return the given crops at the size of crops, without anything of ours."""
    size = (CROP_PX, CROP_PX)
    return {name: np.asarray(cv2.resize(crop, size), dtype=np.uint8) for name, crop in _given("crops").items()}


def _drawn_pictures() -> Pictures:
    for sample in [*draw_cells(len(CLASSES)), *draw_litter(5)]:
        yield sample.label, _small(sample.draw())


def _drawn_figures() -> Figures:
    drawn = [*draw_cells(_CELLS_OF_EACH_CLASS * len(CLASSES)), *draw_litter(_THINGS)]
    for sample in drawn:
        yield sample.sample_id, blocks(sample.draw())
    slide = Slide(_SEED, width_px=480, height_px=360, leukocytes_per_mm2=600.0, route=Freehand(), **hard())
    for index in range(6):
        field = slide.field(index)
        yield f"field {index}", [*blocks(field.bgr), *(side for cell in field.cells for side in cell.box_xywh_px)]


def _fields() -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((GIVEN / "fields").iterdir())}


def _found_pictures() -> Pictures:
    for name, data in list(_fields().items())[:3]:
        answer = find(data, um_per_px=None, um_per_px_source=None)
        if isinstance(answer, FieldFound):
            yield f"{name}-mask", answer.segmentation.mask()


def _found_figures() -> Figures:
    for name, data in _fields().items():
        for how, um_per_px, known, restain in (
            ("by red cells", None, (), False),
            ("in a session", None, _SESSION_UM_PER_PX, False),
            ("at a given scale", 0.1, (), False),
            ("restained", 0.1, (), True),
        ):
            answer = find(data, um_per_px=um_per_px, um_per_px_source=None, session_estimates=known, restain=restain)
            yield f"{name} {how}", _found(answer) if isinstance(answer, FieldFound) else _refused(answer)


def _refused(answer: object) -> Named:
    return {name: getattr(answer, name) for name in ("reason", "value", "um_per_px", "width_px", "height_px")}


def _found(field: FieldFound) -> Named:
    return {
        "um_per_px": field.um_per_px,
        "estimate": field.um_per_px_estimate,
        "focus": field.focus,
        "mask": [int((field.segmentation.mask() == value).sum()) for value in (128, 255)],
        "cells": [
            {
                "box": list(cell.leukocyte.box),
                "measured": [cell.leukocyte.area_um2, cell.leukocyte.score, float(cell.leukocyte.at_edge)],
                "crop": None if cell.crop_bgr is None else blocks(cell.crop_bgr),
                "thumbnail": blocks(_decoded(cell.thumbnail_jpeg)),
            }
            for cell in field.cells
        ],
    }


def _decoded(jpeg: bytes) -> Image:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)


def _single_pictures() -> Pictures:
    for path in sorted((GIVEN / "cells").glob("*.png")):
        yield path.stem, _small(cell_crop(path, SINGLE_UM_PER_PX))


def _single_figures() -> Figures:
    for path in sorted((GIVEN / "cells").glob("*.png")):
        yield path.stem, blocks(cell_crop(path, SINGLE_UM_PER_PX))


def _shrunken_pictures() -> Pictures:
    for name, crop in _crops().items():
        yield name, shrink(crop, Preprocessing())


def _outline_pictures() -> Pictures:
    for name, crop in _crops().items():
        inside = outline_cell(crop)
        yield name, np.zeros((OUTLINE_PX, OUTLINE_PX), np.uint8) if inside is None else _as_picture(inside)


def _as_picture(inside: Image) -> Image:
    return np.asarray(inside * 255, dtype=np.uint8)


def _alone_pictures() -> Pictures:
    crops = _crops()
    for name, outline in _given("outlines").items():
        made = alone(crops[name], np.asarray(outline > 0, dtype=np.uint8))
        yield name, made[CROP_PX // 4 : -CROP_PX // 4, CROP_PX // 4 : -CROP_PX // 4]


GOLDEN = (
    Golden("renderer", RENDERER_VERSION, _drawn_pictures, _drawn_figures),
    Golden("finder", FINDER_VERSION, _found_pictures, _found_figures),
    Golden("single_cells", FINDER_VERSION, _single_pictures, _single_figures),
    Golden("shrink", SHRINK_VERSION, _shrunken_pictures, tuple),
    Golden("outline", OUTLINE_VERSION, _outline_pictures, tuple),
    Golden("alone", ALONE_VERSION, _alone_pictures, tuple),
)
