"""Processor time of each stage of a session's fields, one after the other: a program of its own, for it is run in turn.

``python -m tests.bench.piped.stages {given,auto} {1440x900,2560x1920} FIELDS`` prints milliseconds by stage as JSON.
Which smearwatch is measured, the path says: an earlier one is given by ``PYTHONPATH``.
"""

import hashlib
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2

from smearwatch.capture.finder import field
from smearwatch.capture.finder.field import FieldFound
from tests.bench.seen.as_counted import SearchAsCounted
from tests.bench.seen.fields import CHULA_UM_PER_PX
from tests.bench.seen.once import empty_map, registered_on

SIZES = {"1440x900": (1440, 900), "2560x1920": (2560, 1920)}


def main() -> None:
    """Measure what the arguments say."""
    scale, size, fields = sys.argv[1], sys.argv[2], int(sys.argv[3])
    cv2.setNumThreads(1)  # a thread's time tells all only then
    field.time = SimpleNamespace(perf_counter_ns=time.thread_time_ns)  # type: ignore[attr-defined, assignment]
    json.dump(go_through(_pictures(real_fields(fields), *SIZES[size]), given=scale == "given"), sys.stdout)


def real_fields(most: int) -> list[Path]:
    """The real fields, in their order: neighbours show the same cells again."""
    return sorted((Path(os.environ["SMEARWATCH_REAL_DATA"]) / "chula" / "frames").glob("*.jpg"))[:most]


def go_through(pictures: Iterable[tuple[bytes, float]], *, given: bool) -> dict[str, list[float]]:
    """Search and place a session's fields as the finder does; return milliseconds by stage."""
    spent: defaultdict[str, list[float]] = defaultdict(list)
    slide_map, picture_cache = empty_map()
    search: SearchAsCounted | None = None
    for data, um_per_px in pictures:
        search = search or SearchAsCounted(um_per_px if given else None)  # pictures of one scale
        began = time.thread_time()
        result = search.find(data)
        found = time.thread_time()
        frame = hashlib.sha256(data).hexdigest()
        if isinstance(result, FieldFound):
            registered_on(slide_map, picture_cache, frame, result)
            spent["place"].append((time.thread_time() - found) * 1000.0)
            spent["search and light"].append(result.stages_ms["segment"] + result.stages_ms["light"])
        for stage, milliseconds in result.stages_ms.items():
            spent[stage].append(milliseconds)
        spent["whole field"].append((time.thread_time() - began) * 1000.0)
    return spent


def _pictures(paths: list[Path], width: int, height: int) -> Iterator[tuple[bytes, float]]:
    """Yield each field as a JPEG of a size, with its scale; a field of another shape is reflected at its edge."""
    for path in paths:
        data = path.read_bytes()
        if (width, height) == SIZES["1440x900"]:
            yield data, CHULA_UM_PER_PX
            continue
        bgr = cv2.imread(str(path))
        assert bgr is not None
        factor = width / bgr.shape[1]
        grown = cv2.resize(bgr, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        missing = max(0, height - grown.shape[0])
        filled = cv2.copyMakeBorder(grown, missing // 2, missing - missing // 2, 0, 0, cv2.BORDER_REFLECT)
        encoded = cv2.imencode(".jpg", filled[:height], [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
        yield encoded.tobytes(), CHULA_UM_PER_PX / factor


if __name__ == "__main__":
    main()
