"""Which scale a picture has, from all who claim to know it, and whether they agree.

A stage micrometer is believed before a file's metadata, those before the settings, and red cells, whose size differs
from person to person, only where nobody else says anything. Whoever is not believed is still a witness.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

ScaleSource = Literal["micrometer", "metadata", "configured", "red_cells"]
"""Where a scale came from, the most trusted first."""

SCALE_SOURCES: tuple[ScaleSource, ...] = get_args(ScaleSource)

WARN_APART, REFUSE_APART = 0.10, 0.25
"""How far two claims may lie apart (larger / smaller - 1) before it is said, and before nothing is counted."""


@dataclass(frozen=True, slots=True)
class ScaleClaim:
    """Somebody's word about a picture's scale.

    Attributes
    ----------
    source
        Who says it.
    um_per_px
        What is said.
    detail
        Where exactly it stands, in words.
    """

    source: ScaleSource
    um_per_px: float
    detail: str

    def __str__(self) -> str:
        return f"{self.source} {self.um_per_px:.4g} um/px ({self.detail})"


class ScaleDisputed(ValueError):
    """Two claims too far apart to count by either; `hint` says how to settle it."""

    def __init__(self, where: str, first: ScaleClaim, second: ScaleClaim) -> None:
        super().__init__(f"{where}: {dispute(first, second)}")
        self.hint = f"correct the wrong one, or say whom to trust with --scale-from {first.source}|{second.source}"


class ScaleMissing(ValueError):
    """A frame about whose scale the one trusted source says nothing."""

    def __init__(self, where: str, trusted: str) -> None:
        super().__init__(f"{where}: no scale from {trusted}, which --scale-from trusts")
        self.hint = "calibrate, use files that hold their scale, give --um-per-px, or trust another source"


def apart(first: ScaleClaim, second: ScaleClaim) -> float:
    """Return how far two claims lie apart, as a share of the smaller.

    Parameters
    ----------
    first, second
        The claims.
    """
    low, high = sorted((first.um_per_px, second.um_per_px))
    return high / low - 1.0


def dispute(first: ScaleClaim, second: ScaleClaim) -> str:
    """Say how two claims differ, with both numbers.

    Parameters
    ----------
    first, second
        The claims.
    """
    return f"{first} and {second} differ by {100.0 * apart(first, second):.0f} %"


def believed(claims: Iterable[ScaleClaim], trusted: ScaleSource | None = None) -> ScaleClaim | None:
    """Return the claim to measure by.

    Parameters
    ----------
    claims
        At most one of each source.
    trusted
        The only source to be believed; None for the order of `SCALE_SOURCES`.

    Returns
    -------
    ScaleClaim or None
        None where nobody who is believed says anything.
    """
    known = {claim.source: claim for claim in claims}
    return next((known[source] for source in SCALE_SOURCES if source in known and trusted in (None, source)), None)


def worst(claims: Sequence[ScaleClaim]) -> tuple[ScaleClaim, ScaleClaim] | None:
    """Return the two claims that lie farthest apart, if more than `WARN_APART`.

    Parameters
    ----------
    claims
        At most one of each source.
    """
    pairs = [pair for pair in combinations(claims, 2) if apart(*pair) > WARN_APART]
    return max(pairs, key=lambda pair: apart(*pair), default=None)
