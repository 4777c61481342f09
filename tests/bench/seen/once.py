"""Whether each leukocyte is counted once on a way over the slide that a hand might go, and what placing costs."""

import hashlib
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smearwatch.capture.finder.field import THUMBNAIL_PX, THUMBNAIL_UM, FieldFound, find
from smearwatch.capture.registration.picture import PackedPicture
from smearwatch.capture.registration.picture_cache import PictureCache
from smearwatch.capture.registration.signatures import Thumbnail
from smearwatch.capture.registration.slide_map import Registered, SlideMap, WholeCell
from smearwatch.capture.slide.degradations import Degradations
from smearwatch.capture.slide.freehand import Freehand
from smearwatch.capture.slide.slide import Field, Slide
from smearwatch.capture.slide.writer import encode
from tests.bench.seen.fields import CHULA_UM_PER_PX
from tests.bench.seen.rows import row, share
from tests.walked import named

_EARLY, _LATE = slice(25, 75), slice(-50, None)


@dataclass
class Course:
    """What became of the cells of one way over a slide."""

    counted: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    status: Counter[str] = field(default_factory=Counter)
    nobody: int = 0
    again: int = 0
    judged_again: int = 0
    overlapping: int = 0
    overlapping_unplaced: int = 0
    place_s: list[float] = field(default_factory=list)
    find_s: list[float] = field(default_factory=list)


def on_real_fields(root: Path) -> Iterator[dict[str, Any]]:
    """Rows of real fields whose neighbours show the same cells again; no truth says which, so one has to look."""
    slide_map, picture_cache = empty_map()
    slides: dict[str, str] = {}
    ties = across = whole = again = 0
    for path in sorted((root / "frames").glob("*.jpg")):
        result = find(path.read_bytes(), um_per_px=CHULA_UM_PER_PX, um_per_px_source="configured")
        frame = hashlib.sha256(path.read_bytes()).hexdigest()
        if not isinstance(result, FieldFound) or frame in slides:
            continue
        slides[frame] = path.stem.rpartition("_")[0]
        registered = registered_on(slide_map, picture_cache, frame, result)
        assert registered.placement is not None
        tied = registered.placement.tied_to
        ties, across = ties + len(tied), across + sum(slides[other] != slides[frame] for other in tied)
        whole, again = whole + sum(not cell.leukocyte.at_edge for cell in result.cells), again + len(registered.same_as)
    data = f"chula, {len(slides)} fields of {len(set(slides.values()))} slides, one after the other"
    yield share("whole leukocytes that an earlier field showed", data, again, whole, "")
    yield share("ties between fields of different slides, which cannot be", data, across, ties, "0")


def slide_of(seed: int) -> Slide:
    """A slide gone over by hand: 0 to 60 % overlap, places seen again, turns, drift, movement, uneven focus."""
    degradations = Degradations(moved_share=0.03, focus_um=0.15, stain_drift=0.3)
    return Slide(seed, route=Freehand(), degradations=degradations, blurred_share=0.02)


def gone_over(slide: Slide, fields: int) -> Course:
    """Find and place all fields of a way, one after the other, as the finder does."""
    course = Course()
    slide_map, picture_cache = empty_map()
    answered: list[int] = []
    for index in range(fields):
        photographed = slide.field(index)
        began = time.process_time()
        result = find(encode(photographed.bgr, "jpeg"), um_per_px=slide.um_per_px, um_per_px_source="configured")
        course.find_s.append(time.process_time() - began)
        if not isinstance(result, FieldFound):
            course.status[result.reason] += 1
            continue
        frame = f"{index:064x}"
        began = time.process_time()
        registered = registered_on(slide_map, picture_cache, frame, result)
        course.place_s.append(time.process_time() - began)
        assert registered.placement is not None
        course.status[registered.placement.status] += 1
        if any(slide.frame(index).shared_with(slide.frame(other)) > 0.1 for other in answered):
            course.overlapping += 1
            course.overlapping_unplaced += registered.placement.status != "placed"
        answered.append(index)
        course.again += len(registered.same_as)
        course.judged_again += len(registered.better_than)
        _tell(course, photographed, result, registered.same_as)
    return course


def empty_map() -> tuple[SlideMap, PictureCache]:
    none_lost: dict[str, PackedPicture] = {}
    picture_cache = PictureCache(none_lost.__getitem__)
    return SlideMap(picture_cache), picture_cache


def registered_on(slide_map: SlideMap, picture_cache: PictureCache, frame: str, result: FieldFound) -> Registered:
    picture_cache.put(frame, result.picture, result.keypoints)
    size_um = complex(result.width_px, result.height_px) * result.um_per_px
    return slide_map.register(frame, size_um, whole_cells(result, size_um))


def _tell(course: Course, photographed: Field, result: FieldFound, same_as: dict[int, tuple[str, int]]) -> None:
    for cell in result.cells:
        if cell.leukocyte.at_edge:
            continue
        name = named(photographed, cell.leukocyte.centre_xy_px)
        if name is None:
            course.nobody += 1
            continue
        course.seen[name] += 1
        if cell.index not in same_as:
            course.counted[name] += 1


def whole_cells(result: FieldFound, size_um: complex) -> list[WholeCell]:
    cells = []
    for cell in result.cells:
        if not cell.leukocyte.at_edge:
            bgr = cv2.imdecode(np.frombuffer(cell.thumbnail_jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert bgr is not None
            centre_um = complex(*cell.leukocyte.centre_xy_px) * result.um_per_px
            thumbnail = Thumbnail(np.asarray(bgr, np.uint8), THUMBNAIL_UM / THUMBNAIL_PX, centre_um, size_um)
            cells.append(WholeCell(cell.index, thumbnail))
    return cells


def each_once(fields: int, seeds: tuple[int, ...] = (43,)) -> Iterator[dict[str, Any]]:
    """Rows of one or more ways."""
    courses = [gone_over(slide_of(seed), fields) for seed in seeds]
    data = f"simulated, {len(seeds)} way(s) of {fields} fields, 1440x900, 0.09 um/px"
    cells = sum(len(course.seen) for course in courses)
    yield share(
        "leukocytes counted more than once",
        data,
        sum(sum(n - 1 for n in course.counted.values() if n > 1) for course in courses),
        cells,
        "<= 0.002",
    )
    yield share(
        "leukocytes seen and never counted",
        data,
        sum(sum(course.counted[name] == 0 for name in course.seen) for course in courses),
        cells,
        "<= 0.002",
    )
    views = sum(course.seen.total() for course in courses)
    yield row("views of whole leukocytes", data, cells, f"{views / cells:.2f} each", "", "")
    yield share(
        "views of leukocytes seen before that are judged again",
        data,
        sum(course.judged_again for course in courses),
        sum(course.again for course in courses),
        "",
    )
    yield share(
        "fields that overlap an earlier one by 10 % and are unplaced",
        data,
        sum(course.overlapping_unplaced for course in courses),
        sum(course.overlapping for course in courses),
        "",
    )
    yield share(
        "unplaced fields",
        data,
        sum(course.status["unplaced"] for course in courses),
        sum(len(course.place_s) for course in courses),
        "",
    )
    early = statistics.median(t for course in courses for t in course.place_s[_EARLY])
    late = statistics.median(t for course in courses for t in course.place_s[_LATE])
    search = statistics.median(t for course in courses for t in course.find_s)
    yield row("placing the last 50 fields by placing fields 25 to 75", data, 50, f"{late / early:.2f}", "", "<= 1.2")
    yield row("placing by all else that is done with a field", data, fields, f"{late / search:.2f}", "", "")
