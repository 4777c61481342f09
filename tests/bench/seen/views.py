"""What judging the best view of each leukocyte is worth on real fields: classes by first views and by best views."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smearwatch.capture.finder.field import FieldFound, FoundCell, find
from smearwatch.capture.registration.atlas import CellKey
from smearwatch.models.classes import CLASSES
from smearwatch.models.engine import Engine
from tests.bench.seen.fields import CHULA_UM_PER_PX
from tests.bench.seen.once import empty_map, registered_on
from tests.bench.seen.rows import share

WEIGHTS = Path(__file__).resolve().parents[3] / "models" / "weights"
DEFOCUS_UM = 0.4

Photographed = tuple[Path, bytes]
"""The frame that a picture belongs to, and the picture's bytes."""


def on_real_fields(root: Path) -> Iterator[dict[str, Any]]:
    """Rows of Chula's fields one after the other, and of each of them out of focus first and then as photographed.

    The networks met some of these cells in training, so the classes are development scores.
    """
    engine = Engine.load(WEIGHTS, device="cpu")
    frames = sorted((root / "frames").glob("*.jpg"))
    once = [(frame, frame.read_bytes()) for frame in frames]
    yield from _compared(once, engine, "chula, as photographed")
    twice = [picture for frame, data in once for picture in ((frame, _defocused(data)), (frame, data))]
    yield from _compared(twice, engine, f"chula, each field blurred by {DEFOCUS_UM} um first")


def _compared(pictures: Iterable[Photographed], engine: Engine, data: str) -> Iterator[dict[str, Any]]:
    slide_map, picture_cache = empty_map()
    first: dict[CellKey, bool] = {}
    best: dict[CellKey, bool] = {}
    labels: dict[CellKey, Counter[str]] = {}
    names: dict[CellKey, tuple[str, str]] = {}
    met: set[str] = set()
    again = judged_again = 0
    for path, picture in pictures:
        result = find(picture, um_per_px=CHULA_UM_PER_PX, um_per_px_source="configured")
        frame = hashlib.sha256(picture).hexdigest()
        if not isinstance(result, FieldFound) or frame in met:
            continue
        met.add(frame)
        registered = registered_on(slide_map, picture_cache, frame, result)
        again, judged_again = again + len(registered.same_as), judged_again + len(registered.better_than)
        for cell in result.cells:
            if cell.leukocyte.at_edge:
                continue
            counted = registered.same_as.get(cell.index, (frame, cell.index))
            label = _label(path, cell, result)
            labels.setdefault(counted, Counter()).update([] if label is None else [label])
            if cell.index not in registered.same_as or cell.index in registered.better_than:
                assert cell.crop_bgr is not None
                (judgement,) = engine.judge([cell.crop_bgr])
                name = "rejected" if judgement.verdict == "rejected" else judgement.cls
                names[counted] = (names.get(counted, (name, name))[0], name)
    for counted, told in labels.items():
        if told:
            first[counted], best[counted] = (_right(name, told.most_common(1)[0][0]) for name in names[counted])
    yield share("views of leukocytes seen before that are judged again", data, judged_again, again, "")
    yield share("labelled leukocytes named rightly, by the first view", data, sum(first.values()), len(first), "")
    yield share("labelled leukocytes named rightly, by the best view", data, sum(best.values()), len(best), "")
    mended = sum(best[key] > first[key] for key in first)
    spoilt = sum(best[key] < first[key] for key in first)
    yield share("named rightly by the best view only", data, mended, len(first), "")
    yield share("named rightly by the first view only", data, spoilt, len(first), "")


def _defocused(data: bytes) -> bytes:
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    blurred = cv2.GaussianBlur(bgr, (0, 0), DEFOCUS_UM / CHULA_UM_PER_PX)
    _, jpeg = cv2.imencode(".jpg", blurred, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return jpeg.tobytes()


def _label(frame: Path, cell: FoundCell, result: FieldFound) -> str | None:
    """Label of the box that holds the cell's middle; the first where boxes overlap."""
    x, y = cell.leukocyte.centre_xy_px[0] / result.width_px, cell.leukocyte.centre_xy_px[1] / result.height_px
    with (frame.parents[1] / "boxes" / f"{frame.stem}.csv").open() as file:
        for row in csv.DictReader(file):
            across, down = abs(float(row["x_center"]) - x), abs(float(row["y_center"]) - y)
            if across <= float(row["width"]) / 2 and down <= float(row["height"]) / 2:
                return row["label"]
    return None


def _right(name: str, label: str) -> bool:
    return name in (CLASSES[:2] if label == "neutrophil" else (label,))
