"""What a field costs, stage by stage, beside OpenCV's decoding of the same file.

Stages are told by the finder's own clock, which is the processor's here: single stages are so short that other work on
the machine would decide.
"""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.slide.writer import encode
from tests.bench.performance.size import Size
from tests.bench.seen.as_counted import SearchAsCounted
from tests.bench.seen.auto import KNOWN_UM_PER_PX
from tests.bench.seen.once import empty_map, registered_on
from tests.bench.turns import Aim, Figure, Taken, compared, in_turn, paired, timed

STAGES = ("decode", "light", "quality", "segment", "crop", "place")
NAMES = {"segment": "search", "crop": "cutting cells out", "place": "place on the slide"}
UNIT = "ms of the processor"
ROUNDS, FIELDS, SESSION = 3, 24, 100

Pictures = tuple[str, float, list[bytes]]
"""What they are, their scale in um/px, and the files."""


def figures(size: Size) -> Iterator[Figure]:
    """Measure each set of pictures; the search runs in one thread, as decoding does."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for pictures in _sets(size):
            yield from _of_set(pictures, size.of(ROUNDS))
        if size.data is not None:
            files = chula(size.data, size.of(SESSION))
            yield _by_red_cells("Chula, 1440x900", KNOWN_UM_PER_PX["chula"], files, size.of(ROUNDS))
    finally:
        cv2.setNumThreads(threads)


def drawn(width: int, height: int, um_per_px: float, fields: int) -> list[bytes]:
    """Draw neighbouring fields of a slide, as JPEG files."""
    slide = Slide(3, um_per_px=um_per_px, width_px=width, height_px=height)
    return [encode(slide.field(index).bgr, "jpeg") for index in range(fields)]


def chula(data: Path, fields: int) -> list[bytes]:
    """Return real fields of 1440x900, whose neighbours overlap."""
    return [path.read_bytes() for path in sorted((data / "chula" / "frames").glob("*.jpg"))[:fields]]


def _sets(size: Size) -> Iterator[Pictures]:
    if size.quick:
        yield "drawn, 1440x900", 0.09, drawn(1440, 900, 0.09, 2)
        return
    fields = size.of(FIELDS)
    if size.data is not None:
        yield "Chula, 1440x900", KNOWN_UM_PER_PX["chula"], chula(size.data, fields)
        for name, pattern in (("bccd", "frames/*.jpg"), ("raabin", "*/*.png")):
            paths = sorted((size.data / name).glob(pattern))
            files = [path.read_bytes() for path in paths[:: len(paths) // fields][:fields]]
            height, width = decoded(files[0]).shape[:2]
            yield f"{name.upper() if name == 'bccd' else 'Raabin'}, {width}x{height}", KNOWN_UM_PER_PX[name], files
        enlarged = [_enlarged(file) for file in chula(size.data, fields // 2)]
        yield "Chula enlarged to 2560x1600", KNOWN_UM_PER_PX["chula"] * 1440 / 2560, enlarged
    yield "drawn, 2560x1920", 0.044, drawn(2560, 1920, 0.044, fields // 2)


def _of_set(pictures: Pictures, rounds: int) -> Iterator[Figure]:
    name, um_per_px, files = pictures
    floors: list[Taken] = []
    whole: list[Taken] = []
    spent: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for turn in range(1 + rounds):
        slide_map, picture_cache = empty_map()
        for index, file in enumerate(files):
            _, floor = timed(partial(decoded, file))
            with patch("time.perf_counter_ns", time.process_time_ns):
                result, search = timed(partial(find, file, um_per_px=um_per_px, um_per_px_source="configured"))
            if not isinstance(result, FieldFound):
                continue
            _, place = timed(partial(registered_on, slide_map, picture_cache, f"{index:064x}", result))
            if turn:
                floors.append(floor)
                whole.append(Taken(search.wall_s + place.wall_s, search.cpu_s + place.cpu_s))
                for stage in STAGES:
                    spent[stage].append(1000.0 * place.cpu_s if stage == "place" else result.stages_ms[stage])
    floor_ms = [1000.0 * each.cpu_s for each in floors]
    for stage in STAGES:
        yield paired(f"{name}: {NAMES.get(stage, stage)}", UNIT, "cv2.imdecode of the file", spent[stage], floor_ms)
    both = [light + search for light, search in zip(spent["light"], spent["segment"], strict=True)]
    yield paired(f"{name}: place on the slide", UNIT, "light and search", spent["place"], both, aim=Aim("at most", 1.0))
    whole_ms = [1000.0 * each.cpu_s for each in whole]
    yield paired(f"{name}: the whole field", UNIT, "cv2.imdecode of the file", whole_ms, floor_ms)


def _by_red_cells(name: str, um_per_px: float, files: Sequence[bytes], rounds: int) -> Figure:
    """Measure a session whose scale comes from its red cells beside the same at a given one."""

    def session(given: float | None) -> None:
        search = SearchAsCounted(given)
        for file in files:
            search.find(file)

    taken = in_turn({"auto": partial(session, None), "given": partial(session, um_per_px)}, rounds, discarded=0)
    what = f"{name}: a field, scale by red cells, in a session of {len(files)}"
    beside = "the same, scale given"
    return compared(what, beside, taken["auto"], taken["given"], each=len(files), aim=Aim("at most", 1.2))


def decoded(file: bytes) -> np.ndarray:
    """Return a picture as OpenCV decodes it."""
    bgr = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return np.asarray(bgr, np.uint8)


def _enlarged(file: bytes) -> bytes:
    bgr = cv2.resize(decoded(file), (2560, 1600), interpolation=cv2.INTER_CUBIC)
    return encode(np.asarray(bgr, np.uint8), "jpeg")
