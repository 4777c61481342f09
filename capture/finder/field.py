"""Search one field: bytes in, leukocytes with their crops out. Same input, same output, no state."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType

import cv2
import numpy as np

from smearwatch.capture.arrays import Flags, Image
from smearwatch.capture.finder.cell_surroundings import measure_stain_and_size
from smearwatch.capture.finder.field_scale import ENOUGH_ESTIMATES, FieldScale, of_its_kind, scale_by_red_cells
from smearwatch.capture.finder.scale_change import FEWEST_FIELDS, OwnScale, compare_scale
from smearwatch.capture.formats.decode import DEFAULT_MAX_PIXELS, FrameUnusable, decode_whole
from smearwatch.capture.registration.picture import PackedPicture, pack_picture
from smearwatch.capture.vision.cell_stain import CellStain
from smearwatch.capture.vision.crop import FIELD_UM, SIZE_PX, cut_flat_crops
from smearwatch.capture.vision.field_part import FieldPart, find_part
from smearwatch.capture.vision.light import FieldLight
from smearwatch.capture.vision.quality import Quality, judge
from smearwatch.capture.vision.round_field import (
    RoundField,
    around,
    cut_by_rim,
    find_round_field,
    flatten_inside,
    may_be_round,
    without_surround,
)
from smearwatch.capture.vision.segment import Leukocyte, Segmentation, segment
from smearwatch.capture.vision.stain import restain_field
from smearwatch.daemon.record.picture_size import of_two_kinds
from smearwatch.daemon.record.scale_check import BY_RED_CELLS, CHANGED, DIFFERENCE, differ, split_by_magnification

THUMBNAIL_PX = 96
THUMBNAIL_UM = 22.0

_ROUND_PERHAPS = (
    "; if that is a round field, it cannot be told from its surround: "
    "crop the picture to the field, or make the surround black"
)
_NOMINAL_UM_PER_PX = 0.1
_JPEG_QUALITY = 85
_FEWEST_PX, _LEAST_FIELD_UM = 48, 10.0  # of the shorter side; with less no leukocyte is seen whole at any scale


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
        uint8 [750, 750, 3], the light taken out; None for a cell that the border may cut.
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
    um_per_px_own
        What they surely say where they were held against the session's first fields, um/px; else None.
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
    um_per_px_own: float | None = None


@dataclass(frozen=True, slots=True)
class FieldRejected:
    """A field that was not searched.

    Attributes
    ----------
    reason
        One of those of `FrameUnusable` and `Quality`, `too_small`, `scale_unknown` or `scale_changed`.
    detail
        What was seen, in words.
    value
        The number that decided, where there is one.
    um_per_px
        The scale at which it was judged, None where none was known by then.
    width_px, height_px
        0 where it could not be decoded.
    stages_ms
        Time spent, by stage reached.
    """

    reason: str
    detail: str
    value: float | None
    um_per_px: float | None
    width_px: int
    height_px: int
    stages_ms: MappingProxyType[str, float]


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
            bgr = decode_whole(data, max_pixels=max_pixels)
    except FrameUnusable as unusable:
        return FieldRejected(unusable.reason, unusable.detail, None, None, 0, 0, clock.read())
    part = find_part(bgr)
    bgr = part.cut(bgr)
    round_field = find_round_field(bgr)
    if (small := _too_small(part, bgr, um_per_px, clock, round_field)) is not None:
        return small
    bgr = without_surround(bgr, round_field)
    scale = FieldScale(um_per_px, um_per_px_source or "configured", None)
    size = part.size_px
    other_kind = given_for is not None and of_two_kinds(size, given_for)
    known = of_its_kind(size, session_estimates, session_sizes)
    given = None if other_kind else um_per_px
    # A replay gives what the red cells said then: no word of its own against theirs.
    is_told = given is not None and scale.source not in BY_RED_CELLS
    alike = [each for each in known if differ(each, given) <= CHANGED] if given is not None and is_told else known
    if um_per_px is None or other_kind or (check_scale and len(known) < ENOUGH_ESTIMATES):
        with clock.stage("scale"):
            radius_px = None if round_field is None else round_field.radius_px
            by_red_cells = scale_by_red_cells(around(bgr, round_field), alike, disc_radius_px=radius_px)
        if um_per_px is None or (other_kind and not _agree(by_red_cells.um_per_px, um_per_px)):
            scale = by_red_cells
        else:
            scale = replace(scale, estimate=by_red_cells.estimate)
    with clock.stage("light"):
        flat = flatten_inside(bgr, round_field, scale.um_per_px or _NOMINAL_UM_PER_PX)
        work, work_um_per_px, seen = flat.work, flat.um_per_px, flat.seen
    inside, inside_work = around(bgr, round_field), around(work, round_field, scale=work.shape[1] / bgr.shape[1])
    with clock.stage("quality"):
        quality = judge(inside_work, work_um_per_px, raw_bgr=inside)
    refused = _refused(part, None if round_field else bgr, quality, scale.um_per_px, clock)
    if refused is not None:
        return refused
    if scale.um_per_px is None:
        return _scale_unknown(size, clock, given_for if other_kind else None)
    if (small := _too_small(part, bgr, scale.um_per_px, clock, round_field)) is not None:
        return small
    asked = um_per_px is None or other_kind or check_scale
    own = _measured(scale.estimate, (given, *alike) if given is not None and is_told else ()) if asked else None
    seen_um_per_px = None
    if not (own is not None and own.contradicts) and (len(known) >= FEWEST_FIELDS or (is_told and two_objectives)):
        # A replay holds a field against what it was held against then: the scale that red cells gave it, alone.
        first, told = (alike or [given], given) if given is not None and is_told else ([scale.um_per_px], None)
        with clock.stage("scale"):
            own = compare_scale(
                inside, inside_work, work_um_per_px, session=first, given=told, two_objectives=two_objectives
            )
        seen_um_per_px = own.um_per_px if own.is_sure else None
    if own is not None and own.contradicts:
        first = alike if is_told else split_by_magnification(known)[0]
        against = float(np.median(first or [scale.um_per_px]))
        return _scale_changed(size, clock, own, against, of_session=bool(alike), two_objectives=two_objectives)
    picture = pack_picture(part.in_picture(work), work_um_per_px)  # recognised in its own colours
    field = _Field(bgr, flat.light, picture, scale.um_per_px, part, round_field, seen)
    if restain:
        with clock.stage("restain"):
            work = restain_field(work, seen)
    found = _searched(field, work, scale, quality, field_um, clock)
    return replace(
        found,
        scale_unsure=own is not None and not own.agrees,
        um_per_px_own=None if seen_um_per_px is None else round(seen_um_per_px, 6),
    )


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


def _agree(measured: float | None, given: float) -> bool:
    return measured is not None and differ(measured, given) <= DIFFERENCE


def _searched(
    field: _Field, work: Image, scale: FieldScale, quality: Quality, field_um: float, clock: _Clock
) -> FieldFound:
    height, width = field.bgr.shape[:2]
    with clock.stage("segment"):
        segmentation = segment(work, field.um_per_px * width / work.shape[1], size_px=(width, height), seen=field.seen)
        segmentation = field.part.found(cut_by_rim(segmentation, field.round_field, field.um_per_px))
    with clock.stage("crop"):
        cells = tuple(_found_cell(index, cell, field, field_um, clock) for index, cell in enumerate(segmentation.cells))
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
    )


def _refused(
    part: FieldPart, lit: Image | None, quality: Quality, um_per_px: float | None, clock: _Clock
) -> FieldRejected | None:
    """Turn poor quality into a rejection; focus means nothing where the scale is unknown."""
    if quality.accepted or (um_per_px is None and quality.reason == "out_of_focus"):
        return None
    reason = str(quality.reason)
    detail = f"{reason.replace('_', ' ')} at {quality.value:g}"
    if lit is not None and may_be_round(lit):
        detail += _ROUND_PERHAPS
    return FieldRejected(reason, detail, quality.value, um_per_px, *part.size_px, clock.read())


def _too_small(
    part: FieldPart, bgr: Image, um_per_px: float | None, clock: _Clock, round_field: RoundField | None
) -> FieldRejected | None:
    """Refuse what shows less than a leukocyte, whatever is in it."""
    height, width = bgr.shape[:2]
    across = min(width, height) if round_field is None else min(around(bgr, round_field).shape[:2])
    side_um = None if um_per_px is None else across * um_per_px
    if across >= _FEWEST_PX and (side_um is None or side_um >= _LEAST_FIELD_UM):
        return None
    size = f"{width} x {height} px"
    if um_per_px is not None:
        size += f" at {um_per_px:.3g} um/px are {width * um_per_px:.3g} x {height * um_per_px:.3g} um"
    if round_field is not None:
        size = f"a round field {across} px across" + ("" if side_um is None else f", {side_um:.3g} um")
    detail = f"{size}, too small for a leukocyte"
    return FieldRejected("too_small", detail, float(across), um_per_px, *part.size_px, clock.read())


def _scale_unknown(size_px: tuple[int, int], clock: _Clock, given_for: tuple[int, int] | None) -> FieldRejected:
    detail = "no scale given, and its red cells do not agree on one; give --um-per-px"
    if given_for is not None:
        size, first = f"{size_px[0]}x{size_px[1]}", f"{given_for[0]}x{given_for[1]}"
        detail = f"the scale was given for {first} px, this is {size}, and its red cells do not agree on one; "
        detail += "count these in a session of their own"
    return FieldRejected("scale_unknown", detail, None, None, *size_px, clock.read())


def _measured(own: float | None, known: Sequence[float]) -> OwnScale:
    """Return what a field's sure estimate says of scales; without one, that nothing sure is said."""
    contradicts = own is not None and bool(known) and all(differ(own, each) > CHANGED for each in known)
    return OwnScale(own, own is not None, contradicts)


def _scale_changed(
    size_px: tuple[int, int], clock: _Clock, other: OwnScale, known: float, *, of_session: bool, two_objectives: bool
) -> FieldRejected:
    own = other.um_per_px
    by = f"those of the first fields {known:#.3g}" if of_session else f"the scale that came with it is {known:#.3g}"
    if own is None or not other.is_sure:
        detail = "the session has fields through two objectives, and the red cells of this one do not say which it is; "
        value = None
        if not two_objectives and own is not None:
            detail = f"its few red cells say {own:#.3g} um/px, and {by}; "
            value = round(own / known, 3)
        detail += "count those of the other objective in a session of their own"
        return FieldRejected("scale_unknown", detail, value, known, *size_px, clock.read())
    detail = f"its red cells say {own:#.3g} um/px, and {by}; "
    detail += "count what another magnification shows in a session of its own; "
    detail += "were the first fields the odd ones" if of_session else "were that scale the wrong one"
    detail += f", count anew in another session {'without them' if of_session else 'with the right one'}"
    return FieldRejected("scale_changed", detail, round(own / known, 3), known, *size_px, clock.read())


def _found_cell(index: int, cell: Leukocyte, field: _Field, field_um: float, clock: _Clock) -> FoundCell:
    clock.step()
    squares = [(THUMBNAIL_UM, THUMBNAIL_PX)] if cell.at_edge else [(THUMBNAIL_UM, THUMBNAIL_PX), (field_um, SIZE_PX)]
    centre = field.part.centre_in_part(cell.centre_xy_px)
    small, *crops = cut_flat_crops(field.bgr, field.light, centre, field.um_per_px, squares)
    crop = crops[0] if crops else None
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    stain = None if crop is None else measure_stain_and_size(crop)
    return FoundCell(index=index, leukocyte=cell, crop_bgr=crop, thumbnail_jpeg=jpeg.tobytes(), stain=stain)
