"""Search one field: bytes in, leukocytes with their crops out. Same input, same output, no state."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np

from smearwatch.capture.arrays import Flags, Image
from smearwatch.capture.finder.beside import HERE, Beside
from smearwatch.capture.finder.cell_surroundings import measure_stain_and_size
from smearwatch.capture.finder.field_scale import ENOUGH_ESTIMATES, FieldScale, of_its_kind, scale_by_red_cells
from smearwatch.capture.finder.refusing import FieldRejected, poor_quality, scale_changed, scale_unknown, too_small
from smearwatch.capture.finder.scale_change import FEWEST_FIELDS, OwnScale, compare_scale
from smearwatch.capture.formats.decode import DEFAULT_MAX_PIXELS, FrameUnusable, decode_to_check
from smearwatch.capture.registration.picture import PackedPicture, pack_picture
from smearwatch.capture.vision.cell_stain import CellStain
from smearwatch.capture.vision.crop import FIELD_UM, SIZE_PX, cut_flat_crop
from smearwatch.capture.vision.field_part import FieldPart, find_part
from smearwatch.capture.vision.light import FieldLight
from smearwatch.capture.vision.quality import Quality, judge
from smearwatch.capture.vision.round_field import (
    RoundField,
    around,
    cut_by_rim,
    find_round_field,
    flatten_inside,
    without_surround,
)
from smearwatch.capture.vision.segment import Leukocyte, Segmentation, segment
from smearwatch.capture.vision.stain import restain_field
from smearwatch.daemon.record.picture_size import of_two_kinds
from smearwatch.daemon.record.scale_check import BY_RED_CELLS, CHANGED, DIFFERENCE, differ, split_by_magnification

__all__ = ["THUMBNAIL_PX", "THUMBNAIL_UM", "FieldFound", "FieldRejected", "FoundCell", "find"]

THUMBNAIL_PX = 96
THUMBNAIL_UM = 22.0

_NOMINAL_UM_PER_PX = 0.1
_JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class FoundCell:
    """One leukocyte of a field, cut out.

    Attributes
    ----------
    index
        Its number in the field, from 0, from the top downwards.
    leukocyte
        Where it lies, and how surely it is one.
    crop_bgr
        uint8 [750, 750, 3], the light taken out; None for a cell that the border may cut, or that was not wanted.
    thumbnail_jpeg
        A 96 x 96 JPEG of the cell.
    stain
        Measured on the crop; None where there is none.
    """

    index: int
    leukocyte: Leukocyte
    crop_bgr: Image | None
    thumbnail_jpeg: bytes
    stain: CellStain | None = None


@dataclass(frozen=True, slots=True)
class FieldFound:
    """A field that was searched.

    Attributes
    ----------
    width_px, height_px
        Size as decoded, after EXIF orientation.
    um_per_px, um_per_px_source
        The scale that was used, and where it came from: as it was given, or `red_cells`, `red_cells_and_nuclei` where
        these were few, or `session` where the field itself could not tell it or was not asked.
    um_per_px_estimate
        This field's own estimate from its red cells, for the session; None where none was needed or it is not sure.
        Beside a given scale it changes nothing: it tells whether that can be right.
    focus
        0-1, see `smearwatch.capture.vision.quality.Quality`.
    cells
        The leukocytes found; empty where there are none.
    segmentation
        The cells' outlines.
    picture
        The small picture by which the field is recognised.
    stages_ms
        Time spent in decode, scale, light, quality, segment, crop.
    scale_unsure
        Whether its own red cells were asked, and do not surely agree with the scale that was used.
    unsearched_percent
        How much of the picture is not searched although cells are faintly seen there, beyond a round field; 0 or more.
    um_per_px_own
        What its red cells surely say where they were held against the session's first fields, um/px; else None.
    """

    width_px: int
    height_px: int
    um_per_px: float
    um_per_px_source: str
    um_per_px_estimate: float | None
    focus: float
    cells: tuple[FoundCell, ...]
    segmentation: Segmentation
    picture: PackedPicture
    stages_ms: MappingProxyType[str, float]
    scale_unsure: bool = False
    unsearched_percent: int = 0
    um_per_px_own: float | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What `find` was told of a picture's scale and of its session."""

    um_per_px: float | None
    um_per_px_source: str | None
    session_estimates: Sequence[float]
    session_sizes: Sequence[tuple[int, int]]
    given_for: tuple[int, int] | None
    restain: bool
    check_scale: bool
    two_objectives: bool


@dataclass(frozen=True, slots=True)
class _Field:
    bgr: Image
    light: FieldLight
    picture: PackedPicture
    um_per_px: float
    part: FieldPart
    round_field: RoundField | None
    seen: Flags | None


class _Clock:
    """Milliseconds by stage; says each step."""

    def __init__(self, step: Callable[[], None]) -> None:
        self.step = step
        self._spent: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began, before = time.perf_counter_ns(), self._spent.get(name, 0.0)
        try:
            yield
        finally:
            self._spent[name] = round(before + (time.perf_counter_ns() - began) / 1e6, 3)
            self.step()

    def read(self) -> MappingProxyType[str, float]:
        return MappingProxyType(dict(self._spent))


def find(
    data: bytes | memoryview,
    *,
    um_per_px: float | None,
    um_per_px_source: str | None,
    session_estimates: Sequence[float] = (),
    session_sizes: Sequence[tuple[int, int]] = (),
    given_for: tuple[int, int] | None = None,
    field_um: float = FIELD_UM,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    restain: bool = False,
    check_scale: bool = False,
    two_objectives: bool = False,
    wanted: Callable[[FieldFound], Collection[int]] | None = None,
    beside: Beside = HERE,
    step: Callable[[], None] = lambda: None,
) -> FieldFound | FieldRejected:
    """Find the leukocytes in a picture file.

    Parameters
    ----------
    data
        The file's bytes.
    um_per_px
        The scale, where it is known; None takes the median of the session's estimates and this field's own.
    um_per_px_source
        Where a given scale came from (`configured` where None).
    session_estimates
        Estimates from the session's earlier fields, um/px.
    session_sizes
        Width and height of each one's field: those of another kind say nothing of this one. Empty: all are of its kind.
    given_for
        Size of the field for which the scale was given; a field of another kind (half the size, say) has to agree by
        its red cells, or is searched at theirs. None: it was given for this one.
    field_um
        Width of a crop on the slide.
    max_pixels
        Largest picture that is decoded.
    restain
        Whether it is searched with its red cells brought to their usual density; crops are cut as photographed.
    check_scale
        Whether red cells are measured also where the scale is given, as long as few of the session's fields were.
    two_objectives
        Whether an earlier field of the session was rejected as `scale_changed`.
    wanted
        Told the field once its cells are known, it returns the indices of those whose crops are cut and measured; none
        has a crop by then. None: all that the border does not cut.
    beside
        What the search need not wait for is done in its thread; the answer is the same to the byte.
    step
        Called at each step of the search, so that one can see that it gets on.

    Returns
    -------
    FieldFound or FieldRejected
        A picture that cannot be used is an answer, not an exception.
    """
    clock = _Clock(step)
    try:
        with clock.stage("decode"):
            bgr, look_through = decode_to_check(data, max_pixels=max_pixels)
        whole = beside.do(look_through)
        asked = _Asked(
            um_per_px,
            um_per_px_source,
            session_estimates,
            session_sizes,
            given_for,
            restain,
            check_scale,
            two_objectives,
        )
        answer = _search(bgr, asked, beside, clock)
        with clock.stage("decode"):
            whole()
    except FrameUnusable as unusable:
        return FieldRejected(unusable.reason, unusable.detail, None, None, 0, 0, clock.read())
    if isinstance(answer, FieldRejected):
        return answer
    found, field = answer
    cut = {cell.index for cell in found.cells} if wanted is None else wanted(found)
    with clock.stage("crop"):
        cells = tuple(_cut(cell, field, field_um, clock) if cell.index in cut else cell for cell in found.cells)
    return replace(found, cells=cells, stages_ms=clock.read())


def _search(bgr: Image, asked: _Asked, beside: Beside, clock: _Clock) -> tuple[FieldFound, _Field] | FieldRejected:
    """Search a decoded picture; nothing is cut yet."""
    part = find_part(bgr)
    bgr = part.cut(bgr)
    round_field = find_round_field(bgr)
    if (small := too_small(part, bgr, asked.um_per_px, clock.read(), round_field)) is not None:
        return small
    bgr = without_surround(bgr, round_field)
    scale = FieldScale(asked.um_per_px, asked.um_per_px_source or "configured", None)
    size = part.size_px
    other_kind = asked.given_for is not None and of_two_kinds(size, asked.given_for)
    known = of_its_kind(size, asked.session_estimates, asked.session_sizes)
    given = None if other_kind else asked.um_per_px
    # A replay gives what the red cells said then: no word of its own against theirs.
    is_told = given is not None and scale.source not in BY_RED_CELLS
    alike = [each for each in known if differ(each, given) <= CHANGED] if given is not None and is_told else known
    if asked.um_per_px is None or other_kind or (asked.check_scale and len(known) < ENOUGH_ESTIMATES):
        with clock.stage("scale"):
            radius_px = None if round_field is None else round_field.radius_px
            by_red_cells = scale_by_red_cells(around(bgr, round_field), alike, disc_radius_px=radius_px)
        if asked.um_per_px is None or (other_kind and not _agree(by_red_cells.um_per_px, asked.um_per_px)):
            scale = by_red_cells
        else:
            scale = replace(scale, estimate=by_red_cells.estimate)
    with clock.stage("light"):
        flat = flatten_inside(bgr, round_field, scale.um_per_px or _NOMINAL_UM_PER_PX)
        work, work_um_per_px, seen = flat.work, flat.um_per_px, flat.seen
    inside, inside_work = around(bgr, round_field), around(work, round_field, scale=work.shape[1] / bgr.shape[1])
    with clock.stage("quality"):
        quality = judge(inside_work, work_um_per_px, raw_bgr=inside)
    refused = poor_quality(part, None if round_field else bgr, quality, scale.um_per_px, clock.read())
    if refused is not None:
        return refused
    if scale.um_per_px is None:
        return scale_unknown(size, clock.read(), asked.given_for if other_kind else None)
    if (small := too_small(part, bgr, scale.um_per_px, clock.read(), round_field)) is not None:
        return small
    is_asked = asked.um_per_px is None or other_kind or asked.check_scale
    own = _measured(scale.estimate, (given, *alike) if given is not None and is_told else ()) if is_asked else None
    comparing = None
    compares = len(known) >= FEWEST_FIELDS or (is_told and asked.two_objectives)
    if compares and not (own is not None and own.contradicts):
        # A replay holds a field against what it was held against then: the scale that red cells gave it, alone.
        session, told = (alike or [given], given) if given is not None and is_told else ([scale.um_per_px], None)
        compare = partial(compare_scale, inside, inside_work, work_um_per_px, session=session, given=told)
        comparing = beside.do(partial(compare, two_objectives=asked.two_objectives))
    picture = pack_picture(part.in_picture(work), work_um_per_px)  # recognised in its own colours
    field = _Field(bgr, flat.light, picture, scale.um_per_px, part, round_field, seen)
    if asked.restain:
        with clock.stage("restain"):
            work = restain_field(work, seen)
    found = _searched(field, work, scale, quality, clock)
    seen_um_per_px = None
    if comparing is not None:
        with clock.stage("scale"):
            own = comparing()
        seen_um_per_px = round(own.um_per_px, 6) if own.is_sure and own.um_per_px is not None else None
    if own is not None and own.contradicts:
        first = alike if is_told else split_by_magnification(known)[0]
        against = float(np.median(first or [scale.um_per_px]))
        return scale_changed(
            size, clock.read(), own, against, of_session=bool(alike), two_objectives=asked.two_objectives
        )
    unsure = own is not None and not own.agrees
    return replace(found, scale_unsure=unsure, um_per_px_own=seen_um_per_px), field


def _agree(measured: float | None, given: float) -> bool:
    return measured is not None and differ(measured, given) <= DIFFERENCE


def _searched(field: _Field, work: Image, scale: FieldScale, quality: Quality, clock: _Clock) -> FieldFound:
    height, width = field.bgr.shape[:2]
    with clock.stage("segment"):
        segmentation = segment(work, field.um_per_px * width / work.shape[1], size_px=(width, height), seen=field.seen)
        segmentation = field.part.found(cut_by_rim(segmentation, field.round_field, field.um_per_px))
    with clock.stage("crop"):
        cells = tuple(_found_cell(index, cell, field, clock) for index, cell in enumerate(segmentation.cells))
    share = width * height / (field.part.size_px[0] * field.part.size_px[1])
    return FieldFound(
        width_px=field.part.size_px[0],
        height_px=field.part.size_px[1],
        um_per_px=field.um_per_px,
        um_per_px_source=scale.source,
        um_per_px_estimate=scale.estimate,
        focus=quality.focus,
        cells=cells,
        segmentation=segmentation,
        picture=field.picture.with_leukocytes((cell.box for cell in segmentation.cells), field.um_per_px),
        stages_ms=clock.read(),
        unsearched_percent=0 if field.round_field is None else round(100 * share * field.round_field.faint_share),
    )


def _measured(own: float | None, known: Sequence[float]) -> OwnScale:
    """Return what a field's sure estimate says of scales; without one, that nothing sure is said."""
    contradicts = own is not None and bool(known) and all(differ(own, each) > CHANGED for each in known)
    return OwnScale(own, own is not None, contradicts)


def _found_cell(index: int, cell: Leukocyte, field: _Field, clock: _Clock) -> FoundCell:
    clock.step()
    small = _cut_square(cell, field, THUMBNAIL_UM, THUMBNAIL_PX)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return FoundCell(index=index, leukocyte=cell, crop_bgr=None, thumbnail_jpeg=jpeg.tobytes())


def _cut(cell: FoundCell, field: _Field, field_um: float, clock: _Clock) -> FoundCell:
    if cell.leukocyte.at_edge:
        return cell
    clock.step()
    crop = _cut_square(cell.leukocyte, field, field_um, SIZE_PX)
    return replace(cell, crop_bgr=crop, stain=measure_stain_and_size(crop))


def _cut_square(cell: Leukocyte, field: _Field, field_um: float, size_px: int) -> Image:
    centre = field.part.centre_in_part(cell.centre_xy_px)
    return cut_flat_crop(field.bgr, field.light, centre, field.um_per_px, field_um=field_um, size_px=size_px)
