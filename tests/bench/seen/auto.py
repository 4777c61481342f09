"""No scale given: how many pictures get one, how far off it is, and what that costs in leukocytes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smearwatch.capture.finder.field import FieldFound, FieldRejected, find
from smearwatch.capture.slide.slide import Slide
from tests.bench.seen.fields import boxes, halves, hand_cells, read
from tests.bench.seen.rows import row, share
from tests.bench.seen.search import LEAST_OVERLAP, together

KNOWN_UM_PER_PX = {"bccd": 0.0755, "chula": 0.092, "raabin": 0.062, "red_cells": 0.188, "pbc": 0.095}
"""Each set's middle scale: by its scale bar, its scanner or the median of its red cells; raabin's is good to 10 %."""

DRAWN_UM_PER_PX = (0.044, 0.07, 0.1, 0.15, 0.2)
_FINEST_DRAWN = 0.13  # a slide is drawn no coarser; its fields are shrunk to twice their scale
_DRAWN_SIZES_PX_UM = (("1280x960", None), ("45 um wide", 45.0))
_MIDDLE_UM = 6.5

Hit = Callable[[FieldFound], int]


@dataclass(frozen=True)
class Picture:
    """A picture file, with how many leukocytes are known in it and how many of them an answer holds."""

    name: str
    data: bytes
    leukocytes: int = 0
    hits: Hit = field(default=lambda _: 0)


@dataclass
class _Tally:
    """What came of some pictures at one way to scale them."""

    ratios: list[float] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    unknown: int = 0
    poor: int = 0
    found: int = 0

    def add(self, answer: FieldFound | FieldRejected, picture: Picture, known: float) -> None:
        if isinstance(answer, FieldFound):
            self.ratios.append(answer.um_per_px / known)
            self.sources.append(answer.um_per_px_source)
            self.found += picture.hits(answer)
        elif answer.reason == "scale_unknown":
            self.unknown += 1
        else:
            self.poor += 1

    def rows(self, what: str, data: str, leukocytes: int) -> Iterator[dict[str, Any]]:
        known = len(self.ratios)
        yield share(f"{what}: scale accepted", data, known, known + self.unknown, "")
        for off, aim in ((0.10, ""), (0.20, "0")):
            far = sum(abs(ratio - 1.0) > off for ratio in self.ratios)
            yield share(f"{what}: accepted scales off by more than {off:.0%}", data, far, known, aim)
        if self.ratios:
            spread = f"{min(self.ratios):.3f} to {max(self.ratios):.3f}"
            middle = f"{np.median(self.ratios):.3f}"
            yield row(f"{what}: scale by known one, median (all)", data, known, middle, spread, "")
        if leukocytes:
            yield share(f"{what}: leukocytes found", data, self.found, leukocytes, "given - 0.01")


def on_real_pictures(data: Path) -> Iterator[dict[str, Any]]:
    """Fields of three laboratories, single cells of two, each picture alone and as one session."""
    for half, frames in halves(data / "bccd" / "frames").items():
        yield from measured(f"bccd, {half}", map(_masked, frames), KNOWN_UM_PER_PX["bccd"])
    for half, frames in halves(data / "chula" / "frames").items():
        yield from measured(f"chula, {half}", map(_boxed, frames), KNOWN_UM_PER_PX["chula"])
    for part, pictures in _single_cells(data):
        um_per_px = KNOWN_UM_PER_PX[part.partition(",")[0]]
        yield from measured(part, (_centred(path, um_per_px) for path in pictures), um_per_px, session=False)
    fields = [Picture(path.name, path.read_bytes()) for path in sorted((data / "red_cells").glob("*.jpg"))]
    yield from measured("red_cells", fields, KNOWN_UM_PER_PX["red_cells"])


def _single_cells(data: Path) -> Iterator[tuple[str, list[Path]]]:
    """Pictures of one cell each; raabin's basophils were photographed on other days than the others."""
    raabin = sorted(data.glob("raabin/*/*.png"))
    yield "raabin, basophils", [path for path in raabin if path.parent.name == "basophil"][::3]
    yield "raabin, other leukocytes", [path for path in raabin if path.parent.name != "basophil"][::3]
    yield "pbc, every 20th cell", sorted(data.glob("pbc/*/*.jpg"))[7::20]


def on_the_slide(slides: int) -> Iterator[dict[str, Any]]:
    """Drawn fields of many stains and lights, large ones and ones that show a few red cells."""
    for um_per_px in DRAWN_UM_PER_PX:
        for size, width_um in _DRAWN_SIZES_PX_UM:
            width_px = 1280 if width_um is None else round(width_um / um_per_px)
            pictures = (
                drawn(900 + seed, um_per_px, width_px, index, name=f"{seed}-{index}")
                for seed in range(slides)
                for index in range(3)
            )
            yield from measured(f"drawn, {um_per_px} um/px, {size}", pictures, um_per_px, session=False)


def drawn(seed: int, um_per_px: float, width_px: int, index: int, *, name: str) -> Picture:
    """One drawn field as a picture file, with the truth about its whole leukocytes."""
    times = 1 if um_per_px <= _FINEST_DRAWN else 2
    height_px = width_px * 3 // 4
    slide = Slide(
        seed, um_per_px=um_per_px / times, width_px=width_px * times, height_px=height_px * times, variation=1.0
    )
    made = slide.field(index)
    bgr = made.bgr if times == 1 else cv2.resize(made.bgr, (width_px, height_px), interpolation=cv2.INTER_AREA)
    whole = [[side / times for side in cell.box_xywh_px] for cell in made.cells if not cell.at_edge]
    return Picture(name, cv2.imencode(".png", bgr)[1].tobytes(), len(whole), lambda found: _boxes_hit(whole, found))


def measured(data: str, pictures: Iterable[Picture], known: float, *, session: bool = True) -> Iterator[dict[str, Any]]:
    """Rows of some pictures at the given scale, at auto alone, and at auto one after the other as a session."""
    given, alone, together_ = _Tally(), _Tally(), _Tally()
    estimates: list[float] = []
    leukocytes = 0
    for picture in pictures:
        leukocytes += picture.leukocytes
        given.add(find(picture.data, um_per_px=known, um_per_px_source=None), picture, known)
        alone.add(find(picture.data, um_per_px=None, um_per_px_source=None), picture, known)
        if not session:
            continue
        answer = find(picture.data, um_per_px=None, um_per_px_source=None, session_estimates=estimates[:25])
        together_.add(answer, picture, known)
        if isinstance(answer, FieldFound) and answer.um_per_px_estimate is not None:
            estimates.append(answer.um_per_px_estimate)
    if leukocytes:
        yield share("scale given: leukocytes found", data, given.found, leukocytes, "")
    yield from alone.rows("auto, each alone", data, leukocytes)
    if session:
        yield from together_.rows("auto, as a session", data, leukocytes)


def _masked(frame: Path) -> Picture:
    _, hand = hand_cells(frame)
    return Picture(frame.name, frame.read_bytes(), len(hand), lambda found: _masks_hit(hand, found))


def _masks_hit(hand: Sequence[Any], found: FieldFound) -> int:
    ours = found.segmentation.mask() > 0
    _, regions = cv2.connectedComponents(ours.astype(np.uint8))
    hits = 0
    for cell in hand:
        region = np.isin(regions, np.setdiff1d(np.unique(regions[cell.whole]), [0]))
        overlap = float((region & cell.whole).sum() / (region | cell.whole).sum())
        hits += overlap >= LEAST_OVERLAP or any(_at(cell.whole, c.leukocyte.centre_xy_px) for c in found.cells)
    return hits


def _at(mask: Any, centre_xy_px: tuple[float, float]) -> bool:
    x, y = (min(int(v), size - 1) for v, size in zip(centre_xy_px, mask.shape[::-1], strict=True))
    return bool(mask[y, x])


def _boxed(frame: Path) -> Picture:
    bgr = read(frame)
    labelled = list(boxes(frame, bgr.shape[1], bgr.shape[0]))
    return Picture(frame.name, frame.read_bytes(), len(labelled), lambda found: _boxes_hit(labelled, found))


def _boxes_hit(labelled: Sequence[Sequence[float]], found: FieldFound) -> int:
    cells = [cell.leukocyte for cell in found.cells]
    return sum(any(together(box, cell.box, cell.centre_xy_px) for cell in cells) for box in labelled)


def _centred(path: Path, um_per_px: float) -> Picture:
    if path.parent.name in ("erythroblast", "platelet"):
        return Picture(path.name, path.read_bytes())

    def hits(found: FieldFound) -> int:
        middle = np.array([found.width_px, found.height_px]) / 2.0
        away = [np.hypot(*(cell.leukocyte.centre_xy_px - middle)) * um_per_px for cell in found.cells]
        return int(any(each < _MIDDLE_UM for each in away))

    return Picture(path.name, path.read_bytes(), 1, hits)
