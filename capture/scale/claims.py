"""Claims about a picture's scale: which one is used, and whether the others agree with it.

A stage micrometer is trusted before a file's metadata, those before the settings, and red cells, whose size differs
from person to person, only where there is no other claim. A claim that is not used is still compared.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

from smearwatch.daemon.record.scale_check import DIFFERENCE, differ

ScaleSource = Literal["micrometer", "metadata", "configured", "red_cells"]
"""Where a scale came from, the most trusted first."""

SCALE_SOURCES: tuple[ScaleSource, ...] = get_args(ScaleSource)

WARN_DIFFERENCE, REFUSE_DIFFERENCE = DIFFERENCE, 0.25
"""How far two claims may differ (larger / smaller - 1) before a warning, and before nothing is counted."""


@dataclass(frozen=True, slots=True)
class ScaleClaim:
    """What a source states about a picture's scale.

    Attributes
    ----------
    source
        The source.
    um_per_px
        The scale.
    detail
        Where exactly it was found, in words.
    """

    source: ScaleSource
    um_per_px: float
    detail: str

    def __str__(self) -> str:
        return f"{self.source} {self.um_per_px:.4g} um/px ({self.detail})"


class ScaleDisputed(ValueError):
    """Two claims that differ too much to count by either; `hint` says how to settle it."""

    def __init__(self, where: str, first: ScaleClaim, second: ScaleClaim) -> None:
        super().__init__(f"{where}: {describe_difference(first, second)}")
        self.hint = f"correct the wrong one, or choose the one to trust: --scale-from {first.source} or {second.source}"


class ScaleMissing(ValueError):
    """A frame about whose scale the one trusted source states nothing."""

    def __init__(self, where: str, trusted: str) -> None:
        super().__init__(f"{where}: no scale from {trusted}, the only source that --scale-from trusts")
        self.hint = "calibrate, use files that hold their scale, give --um-per-px, or trust another source"


def difference(first: ScaleClaim, second: ScaleClaim) -> float:
    """Return how far two claims differ, as a share of the smaller.

    Parameters
    ----------
    first, second
        The claims.
    """
    return differ(first.um_per_px, second.um_per_px)


def describe_difference(first: ScaleClaim, second: ScaleClaim) -> str:
    """Return in words how two claims differ, with both numbers.

    Parameters
    ----------
    first, second
        The claims.
    """
    return f"{first} and {second} differ by {100.0 * difference(first, second):.0f} %"


def choose_claim(claims: Iterable[ScaleClaim], trusted: ScaleSource | None = None) -> ScaleClaim | None:
    """Return the claim to measure by.

    Parameters
    ----------
    claims
        At most one of each source.
    trusted
        The only source that is used; None for the order of `SCALE_SOURCES`.

    Returns
    -------
    ScaleClaim or None
        None where there is no claim that may be used.
    """
    known = {claim.source: claim for claim in claims}
    return next((known[source] for source in SCALE_SOURCES if source in known and trusted in (None, source)), None)


def find_widest_pair(claims: Sequence[ScaleClaim]) -> tuple[ScaleClaim, ScaleClaim] | None:
    """Return the two claims that differ most, if by more than `WARN_DIFFERENCE`.

    Parameters
    ----------
    claims
        At most one of each source.
    """
    pairs = [pair for pair in combinations(claims, 2) if difference(*pair) > WARN_DIFFERENCE]
    return max(pairs, key=lambda pair: difference(*pair), default=None)
