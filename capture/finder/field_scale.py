"""A field's scale by its red cells, and by those of the session's fields before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from smearwatch.capture.arrays import Image
from smearwatch.capture.finder.scale_change import FEWEST_FIELDS
from smearwatch.capture.scale.red_cells import ScaleEstimate, estimate_um_per_px
from smearwatch.daemon.record.picture_size import of_two_kinds
from smearwatch.daemon.record.scale_check import CHANGED, differ, split_by_magnification
from smearwatch.daemon.scale_rule import PLAUSIBLE_UM_PER_PX

ENOUGH_ESTIMATES: Final = 15
"""With so many of the session's fields measured, one more no longer moves the median."""
_RED_CELL_UM2: Final = 44.0
_LEAST_COVERED, _MANY_RED_CELLS, _LEAST_COVERED_BY_MANY = 0.12, 10, 0.05
"""What part of a disc the red cells are to cover at the scale that they say.

Of 1,070 discs cut out of two laboratories' fields 111 of 721 sure ones were off by more than a fifth; of the 258 of
which this holds none.
"""
_FEWEST_TO_KEEP: Final = 4  # red cells; with fewer, an estimate serves its own field alone, where there is no other


@dataclass(frozen=True, slots=True)
class FieldScale:
    """The scale that a field is searched at.

    Attributes
    ----------
    um_per_px
        None where nobody knows it.
    source
        Where it came from, see `smearwatch.capture.finder.field.FieldFound`.
    estimate
        The field's own, um/px, for the session; None where it was not measured or is not sure.
    """

    um_per_px: float | None
    source: str
    estimate: float | None


def of_its_kind(size: tuple[int, int], estimates: Sequence[float], sizes: Sequence[tuple[int, int]]) -> Sequence[float]:
    """Return the estimates of fields that are of a picture's kind."""
    if not sizes:
        return estimates
    return [estimate for estimate, other in zip(estimates, sizes, strict=True) if not of_two_kinds(size, other)]


def scale_by_red_cells(
    bgr: Image, session_estimates: Sequence[float], *, disc_radius_px: float | None = None
) -> FieldScale:
    """Return the median of the session's estimates and this field's own, for one field's red cells may be odd.

    A field that cannot tell its scale surely is searched at the session's; without one, it is not searched. Where the
    session's first fields are of two magnifications, the one that more of them are of is the session's.

    In a round field, which shows less, few red cells and nuclei are not believed: see `_shows_enough`.
    """
    most, others = split_by_magnification(session_estimates)
    is_decided = len(session_estimates) >= FEWEST_FIELDS and len(most) > len(others) > 0
    session = float(np.median(most if is_decided else session_estimates)) if session_estimates else None
    if len(session_estimates) >= ENOUGH_ESTIMATES:
        return FieldScale(session, "session", None)
    if session_estimates and differ(max(session_estimates), min(session_estimates)) > CHANGED:
        session = None  # of two magnifications: a field that cannot tell is of one of them
    estimate = estimate_um_per_px(bgr)
    least, greatest = PLAUSIBLE_UM_PER_PX
    if estimate is None or not estimate.is_sure or not least <= estimate.um_per_px <= greatest:
        return FieldScale(session, "session", None)
    if disc_radius_px is not None and not _shows_enough(estimate, disc_radius_px):
        return FieldScale(session, "session", None)
    own = round(estimate.um_per_px, 6)
    if estimate.red_cells < _FEWEST_TO_KEEP:
        return FieldScale(own, estimate.source, None) if not session_estimates else FieldScale(session, "session", None)
    if is_decided and differ(own, median_of_most := float(np.median(most))) > CHANGED:
        return FieldScale(median_of_most, "session", None)  # `compare_scale` says what it is
    alike = [each for each in session_estimates if differ(each, own) <= CHANGED]
    if not alike and len(session_estimates) >= FEWEST_FIELDS:
        return FieldScale(session, "session", None)
    return FieldScale(float(np.median([*alike, own])), estimate.source, own)


def _shows_enough(estimate: ScaleEstimate, disc_radius_px: float) -> bool:
    """Return whether a round field's red cells are enough for its size; at a scale far too coarse they cover little."""
    disc_um2 = np.pi * (disc_radius_px * estimate.um_per_px) ** 2
    least = _LEAST_COVERED if estimate.red_cells < _MANY_RED_CELLS else _LEAST_COVERED_BY_MANY
    return estimate.red_cells >= _FEWEST_TO_KEEP and bool(estimate.red_cells * _RED_CELL_UM2 >= least * disc_um2)
