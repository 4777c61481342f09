"""Which claim a picture is measured by, and what happens where others differ: for runs and single pictures alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from smearwatch.capture.frame import SourceFrame
from smearwatch.capture.scale.claims import (
    REFUSE_DIFFERENCE,
    WARN_DIFFERENCE,
    ScaleClaim,
    ScaleDisputed,
    ScaleMissing,
    ScaleSource,
    choose_claim,
    describe_difference,
    difference,
    find_widest_pair,
)
from smearwatch.capture.scale.red_cells import ScaleEstimate

ENOUGH_FIELDS = 3
"""So many fields' red cells decide whether the scale can be right."""

_SOLID_RED_CELLS = 8  # a field with fewer proves too little

ScaleProvider = Callable[[SourceFrame], ScaleClaim | None]
"""Returns what it knows about a frame's scale, or None."""


@dataclass(frozen=True, slots=True)
class ScaleWarning:
    """Something odd about a scale, by which nothing is stopped.

    Attributes
    ----------
    event
        What it is.
    where
        The picture; empty where it is not about a single one.
    why
        What was found, in words.
    hint
        What to do, None where nothing has to be done.
    """

    event: Literal["scales differ", "scale in metadata not used", "calibration not used"]
    where: str
    why: str
    hint: str | None = None


class ScalePolicy:
    """Chooses each picture's scale among what the providers claim, and compares it with red cells.

    Parameters
    ----------
    providers
        Asked about every picture.
    trusted
        The only source that is used, where a person chose one; the others then only lead to a warning. None for all of
        them in the order of `smearwatch.capture.scale.claims.SCALE_SOURCES`.
    warn
        Called once for each pair of sources that differ.
    """

    def __init__(
        self,
        providers: Sequence[ScaleProvider],
        *,
        trusted: ScaleSource | None,
        warn: Callable[[ScaleWarning], None],
    ) -> None:
        self.trusted = trusted
        self._providers = providers
        self._warn = warn
        self._warned: set[tuple[str, str]] = set()
        self._measured: list[tuple[ScaleClaim, float]] = []  # what a picture is scaled by, and its red cells' estimate

    def choose(self, frame: SourceFrame) -> ScaleClaim | None:
        """Return the claim to measure a picture by; None where its red cells have to decide.

        Parameters
        ----------
        frame
            The picture, with its bytes.

        Raises
        ------
        ScaleDisputed, ScaleMissing
            A person has to settle it.
        """
        claims = [claim for provider in self._providers if (claim := provider(frame)) is not None]
        chosen = choose_claim(claims, self.trusted)
        if chosen is None and self.trusted not in (None, "red_cells"):
            raise ScaleMissing(frame.name, str(self.trusted))
        if (pair := find_widest_pair(claims)) is not None:
            self.refuse_or_warn(frame.name, *pair)
        return None if self.trusted == "red_cells" else chosen

    @property
    def measured(self) -> int:
        """How many pictures had enough red cells to be compared with."""
        return len(self._measured)

    def compare(self, claim: ScaleClaim, estimate: ScaleEstimate | None) -> bool:
        """Compare a picture's scale with its red cells.

        Parameters
        ----------
        claim
            What the picture is measured by.
        estimate
            Its red cells' estimate; one from too few of them is left out.

        Returns
        -------
        bool
            Whether they differ so much that the scale would be refused if other pictures agree.
        """
        if estimate is None or not estimate.is_sure or estimate.red_cells < _SOLID_RED_CELLS:
            return False
        self._measured.append((claim, estimate.um_per_px))
        return self._refuses(claim, ScaleClaim("red_cells", estimate.um_per_px, f"{estimate.red_cells} cells"))

    def against_red_cells(self, unit: str) -> tuple[ScaleClaim, ScaleClaim] | None:
        """Return the claim that was used last and the estimate of all red cells together, if they differ.

        Parameters
        ----------
        unit
            What the pictures are called, in the singular.
        """
        if not self._measured:
            return None
        claim = self._measured[-1][0]
        ratio = median(um_per_px / used.um_per_px for used, um_per_px in self._measured)
        detail = f"{self.measured} {unit}{'s' if self.measured > 1 else ''}"
        red_cells = ScaleClaim("red_cells", claim.um_per_px * ratio, detail)
        return (claim, red_cells) if difference(claim, red_cells) > WARN_DIFFERENCE else None

    def refuse_or_warn(self, where: str, first: ScaleClaim, second: ScaleClaim) -> None:
        """Refuse two claims that differ too much, unless one source is trusted; warn otherwise.

        Parameters
        ----------
        where
            The picture.
        first, second
            The claims.

        Raises
        ------
        ScaleDisputed
            They are refused.
        """
        if self._refuses(first, second):
            raise ScaleDisputed(where, first, second)
        self.warn(where, first, second)

    def warn(self, where: str, first: ScaleClaim, second: ScaleClaim) -> None:
        """Warn that two claims differ, once for each pair of sources.

        Parameters
        ----------
        where
            The picture; empty where it is not about a single one.
        first, second
            The claims.
        """
        pair = (first.source, second.source)
        if pair not in self._warned:
            self._warned.add(pair)
            self._warn(ScaleWarning("scales differ", where, describe_difference(first, second)))

    def _refuses(self, first: ScaleClaim, second: ScaleClaim) -> bool:
        return self.trusted is None and difference(first, second) > REFUSE_DIFFERENCE
