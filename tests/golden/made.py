"""What is held golden: each maker draws or finds anew, from fixed seeds or fixed pictures, what is then compared."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.finder.version import FINDER_VERSION
from smearwatch.capture.slide.version import RENDERER_VERSION
from smearwatch.models.classes import CLASSES
from smearwatch.models.preprocess import SHRINK_VERSION, Preprocessing, shrink
from smearwatch.train.data.litter import draw_litter
from smearwatch.train.data.simulated import draw_cells
from smearwatch.train.paper.databases import ALONE_VERSION, alone
from smearwatch.train.paper.outline import OUTLINE_VERSION, outline_cell

FOLDER = Path(__file__).parent
KEPT_PX = 150  # pictures are kept this small; a change of one grey level over a cell still shows

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Golden:
    """One subject.

    Attributes
    ----------
    name
        Of its folder.
    versions
        The numbers that answer for it.
    pictures
        Yields names and uint8 pictures.
    figures
        Returns numbers by name, for JSON.
    """

    name: str
    versions: tuple[int, ...]
    pictures: Callable[[], Iterator[tuple[str, Image]]]
    figures: Callable[[], dict[str, object]]


def _small(crop_bgr: Image) -> Image:
    return np.asarray(cv2.resize(crop_bgr, (KEPT_PX, KEPT_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _drawn_pictures() -> Iterator[tuple[str, Image]]:
    for sample in [*draw_cells(len(CLASSES)), *draw_litter(5)]:
        yield sample.label, _small(sample.draw())


def _fields() -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((FOLDER / "fields").glob("*.png"))}


def _found() -> dict[str, FieldFound]:
    answers = {}
    for name, data in _fields().items():
        answer = find(data, um_per_px=None, um_per_px_source=None)
        if isinstance(answer, FieldFound):
            answers[name] = answer
    return answers


def _found_pictures() -> Iterator[tuple[str, Image]]:
    for name, field in _found().items():
        yield f"{name}-mask", field.segmentation.mask()
        for cell in field.cells:
            if cell.crop_bgr is not None:
                yield f"{name}-{cell.index}", _small(cell.crop_bgr)


def _found_figures() -> dict[str, object]:
    figures: dict[str, object] = {}
    for name, data in _fields().items():
        for way, restain in (("", False), (" restained", True)):
            answer = find(data, um_per_px=None, um_per_px_source=None, restain=restain)
            cells = [
                [*cell.leukocyte.box, cell.leukocyte.area_um2, cell.leukocyte.score, int(cell.leukocyte.at_edge)]
                for cell in (answer.cells if isinstance(answer, FieldFound) else ())
            ]
            judged = answer.focus if isinstance(answer, FieldFound) else answer.value
            reason = None if isinstance(answer, FieldFound) else answer.reason
            figures[name + way] = {"um_per_px": answer.um_per_px, "focus": judged, "reason": reason, "cells": cells}
    return figures


def _crops() -> Iterator[tuple[str, Image]]:
    for name, field in _found().items():
        for cell in field.cells:
            if cell.crop_bgr is not None:
                yield f"{name}-{cell.index}", cell.crop_bgr


def _outline_pictures() -> Iterator[tuple[str, Image]]:
    for name, crop in _crops():
        inside = outline_cell(crop)
        if inside is not None:
            yield f"{name}-outline", np.asarray(inside * 255, dtype=np.uint8)
            yield f"{name}-alone", _small(alone(crop, inside))


def _shrunken_pictures() -> Iterator[tuple[str, Image]]:
    for name, crop in _crops():
        yield name, shrink(crop, Preprocessing())


GOLDEN = (
    Golden("renderer", (RENDERER_VERSION,), _drawn_pictures, dict),
    Golden("finder", (FINDER_VERSION,), _found_pictures, _found_figures),
    Golden("shrink", (FINDER_VERSION, SHRINK_VERSION), _shrunken_pictures, dict),
    Golden("outline", (FINDER_VERSION, OUTLINE_VERSION, ALONE_VERSION), _outline_pictures, dict),
)


def record(golden: Golden) -> None:
    """Write a subject's pictures and figures, over those of another version only."""
    folder = FOLDER / golden.name
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.png"):
        path.unlink()
    for name, picture in golden.pictures():
        assert cv2.imwrite(str(folder / f"{name}.png"), picture)
    kept = {"versions": list(golden.versions), "figures": golden.figures()}
    (folder / "kept.json").write_text(json.dumps(kept, indent=1) + "\n")


def kept(golden: Golden) -> tuple[list[int], dict[str, object], dict[str, Image]]:
    """Read a subject's versions, figures and pictures as they were recorded."""
    entry = json.loads((FOLDER / golden.name / "kept.json").read_text())
    pictures = {
        path.stem: np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), dtype=np.uint8)
        for path in sorted((FOLDER / golden.name).glob("*.png"))
    }
    return entry["versions"], entry["figures"], pictures


def differences(golden: Golden) -> list[str]:
    """Return what differs from what was recorded, a line each; empty where nothing does.

    Processors round differently in the last place, so a pixel in a thousand may differ by one grey level, an area by a
    thousandth and a box by one pixel.
    """
    _, figures, pictures = kept(golden)
    made = dict(golden.pictures())
    lines = [f"{name}: recorded or made alone" for name in made.keys() ^ pictures.keys()]
    for name in made.keys() & pictures.keys():
        lines += [f"{name}: {line}" for line in _unlike(made[name], pictures[name])]
    return lines + _figures_apart("", json.loads(json.dumps(golden.figures())), figures)


def _unlike(one: Image, other: Image) -> list[str]:
    if one.shape != other.shape:
        return [f"{one.shape} for {other.shape}"]
    apart = np.abs(one.astype(int) - other.astype(int))
    binary = set(np.unique(other)) <= {0, 128, 255}
    share = float((apart > (0 if binary else 1)).mean())
    moved = float(apart.mean())
    return (
        [f"{share:.4f} of its values differ, by {moved:.3f} in the mean"]
        if share > 1e-3 or moved > 0.02 * (1 + 10 * binary)
        else []
    )


def _figures_apart(where: str, one: object, other: object) -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [line for key in one for line in _figures_apart(f"{where} {key}", one[key], other[key])]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            line
            for i, pair in enumerate(zip(one, other, strict=True))
            for line in _figures_apart(f"{where} {i}", *pair)
        ]
    if isinstance(one, int | float) and isinstance(other, int | float):
        near = abs(one - other) <= (1 if isinstance(one, int) else 1e-3 * max(abs(one), abs(other)))
        return [] if near else [f"{where.strip()}: {one} for {other}"]
    return [] if one == other else [f"{where.strip()}: {one} for {other}"]
