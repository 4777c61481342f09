"""Why a field is not searched, in words."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from smearwatch.capture.arrays import Image
from smearwatch.capture.finder.scale_change import OwnScale
from smearwatch.capture.vision.field_part import FieldPart
from smearwatch.capture.vision.quality import Quality
from smearwatch.capture.vision.round_field import RoundField, around, falls_off_in_a_disc, may_be_round

Stages: TypeAlias = MappingProxyType[str, float]
"""Milliseconds by stage."""

_ROUND_PERHAPS = (
    "; if that is a round field, it cannot be told from its surround: "
    "crop the picture to the field, or make the surround black"
)
_FALLS_OFF = "; its light falls off in a disc: open the diaphragm, centre the condenser"
_FEWEST_PX, _LEAST_FIELD_UM = 48, 10.0  # of the shorter side; with less no leukocyte is seen whole at any scale


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
    stages_ms: Stages


def poor_quality(
    part: FieldPart, lit: Image | None, quality: Quality, um_per_px: float | None, stages_ms: Stages
) -> FieldRejected | None:
    """Turn poor quality into a rejection; focus means nothing where the scale is unknown."""
    if quality.accepted or (um_per_px is None and quality.reason == "out_of_focus"):
        return None
    reason = str(quality.reason)
    detail = f"{reason.replace('_', ' ')} at {quality.value:g}"
    if lit is not None and falls_off_in_a_disc(lit):
        detail += _FALLS_OFF
    elif lit is not None and may_be_round(lit):
        detail += _ROUND_PERHAPS
    return FieldRejected(reason, detail, quality.value, um_per_px, *part.size_px, stages_ms)


def too_small(
    part: FieldPart, bgr: Image, um_per_px: float | None, stages_ms: Stages, round_field: RoundField | None
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
    return FieldRejected("too_small", detail, float(across), um_per_px, *part.size_px, stages_ms)


def scale_unknown(size_px: tuple[int, int], stages_ms: Stages, given_for: tuple[int, int] | None) -> FieldRejected:
    """Refuse what has no scale: none was given, or not for a picture of this size."""
    detail = "no scale given, and its red cells do not agree on one; give --um-per-px"
    if given_for is not None:
        size, first = f"{size_px[0]}x{size_px[1]}", f"{given_for[0]}x{given_for[1]}"
        detail = f"the scale was given for {first} px, this is {size}, and its red cells do not agree on one; "
        detail += "count these in a session of their own"
    return FieldRejected("scale_unknown", detail, None, None, *size_px, stages_ms)


def scale_changed(
    size_px: tuple[int, int],
    stages_ms: Stages,
    other: OwnScale,
    known: float,
    *,
    of_session: bool,
    two_objectives: bool,
) -> FieldRejected:
    """Refuse what another magnification shows, or may show where the session has fields of two."""
    own = other.um_per_px
    by = f"those of the first fields {known:#.3g}" if of_session else f"the scale that came with it is {known:#.3g}"
    if own is None or not other.is_sure:
        detail = "the session has fields through two objectives, and the red cells of this one do not say which it is; "
        value = None
        if not two_objectives and own is not None:
            detail = f"its few red cells say {own:#.3g} um/px, and {by}; "
            value = round(own / known, 3)
        detail += "count those of the other objective in a session of their own"
        return FieldRejected("scale_unknown", detail, value, known, *size_px, stages_ms)
    detail = f"its red cells say {own:#.3g} um/px, and {by}; "
    detail += "count what another magnification shows in a session of its own; "
    detail += "were the first fields the odd ones" if of_session else "were that scale the wrong one"
    detail += f", count anew in another session {'without them' if of_session else 'with the right one'}"
    return FieldRejected("scale_changed", detail, round(own / known, 3), known, *size_px, stages_ms)
