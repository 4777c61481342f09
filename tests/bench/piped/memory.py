"""What the finder remembers of a session: its resident memory over thousands of fields, and what placing costs then.

The real fields that there are stand for many: turned, mirrored and magnified, each is another place on a slide.
``python -m tests.bench.piped.memory FIELDS`` prints a row for every 500 as JSON; it is run in turn, as `stages` is.
"""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import psutil

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.registration.picture import PackedPicture
from smearwatch.capture.registration.picture_cache import PictureCache
from smearwatch.capture.registration.signatures import Thumbnail
from smearwatch.capture.registration.slide_map import SlideMap, WholeCell
from tests.bench.seen.fields import CHULA_UM_PER_PX
from tests.bench.seen.once import whole_cells

_EVERY, _TURNS, _NEARER = 500, 8, 0.3
_JPEG_QUALITY = 90


@dataclass(frozen=True)
class Searched:
    """A real field as it was searched."""

    picture: PackedPicture
    size_um: complex
    cells: list[WholeCell]


def main() -> None:
    """Place as many fields as the argument says."""
    cv2.setNumThreads(1)
    frames = sorted((Path(os.environ["SMEARWATCH_REAL_DATA"]) / "chula" / "frames").glob("*.jpg"))
    real = [searched for frame in frames if (searched := _searched(frame)) is not None]
    made_anew = 0

    def remake(frame: str) -> PackedPicture:
        nonlocal made_anew
        made_anew += 1
        return _as_another(real, int(frame, 16)).picture

    picture_cache = PictureCache(remake)
    slide_map, process = SlideMap(picture_cache), psutil.Process()
    rows: list[dict[str, Any]] = []
    spent: list[float] = []
    for number in range(int(sys.argv[1])):
        field, frame = _as_another(real, number), f"{number:064x}"
        picture_cache.put(frame, field.picture)
        began = time.thread_time()
        slide_map.register(frame, field.size_um, field.cells)
        spent.append((time.thread_time() - began) * 1000.0)
        if (number + 1) % _EVERY == 0:
            row = {"fields": number + 1, "rss_mb": round(process.memory_info().rss / 1e6, 1)}
            rows.append({**row, "made_anew": made_anew, "place_ms": round(median(spent[-_EVERY:]), 2)})
    json.dump(rows, sys.stdout)


def _searched(path: Path) -> Searched | None:
    result = find(path.read_bytes(), um_per_px=CHULA_UM_PER_PX, um_per_px_source="configured")
    if not isinstance(result, FieldFound):
        return None
    size_um = complex(result.width_px, result.height_px) * result.um_per_px
    return Searched(result.picture, size_um, whole_cells(result, size_um))


def _as_another(real: list[Searched], number: int) -> Searched:
    """Return a field turned and magnified by its number; what two fields are by then is no chance to be the same."""
    way, which = divmod(number, len(real))
    nearer, turn = divmod(way, _TURNS)
    field, times = real[which], 1.0 + _NEARER * nearer
    grey = cv2.imdecode(np.frombuffer(field.picture.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert grey is not None
    drawn = _turned(_magnified(np.asarray(grey, np.uint8), times), turn)
    jpeg = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
    cells = [WholeCell(cell.index, _thumbnail(cell.thumbnail, times, turn)) for cell in field.cells]
    return Searched(PackedPicture(jpeg, field.picture.um_per_px), field.size_um, cells)


def _thumbnail(seen: Thumbnail, times: float, turn: int) -> Thumbnail:
    return Thumbnail(_turned(_magnified(seen.bgr, times), turn), seen.um_per_px, seen.centre_um, seen.field_um)


def _magnified(picture: np.ndarray, times: float) -> np.ndarray:
    height, width = picture.shape[:2]
    rows, columns = int(height / times), int(width / times)
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.asarray(cv2.resize(picture[top : top + rows, left : left + columns], (width, height)), np.uint8)


def _turned(picture: np.ndarray, turn: int) -> np.ndarray:
    picture = picture[:, ::-1] if turn & 1 else picture
    picture = picture[::-1] if turn & 2 else picture
    return np.ascontiguousarray(np.swapaxes(picture, 0, 1) if turn & 4 else picture)


if __name__ == "__main__":
    main()
