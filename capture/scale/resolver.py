"""Gives every frame its scale before it goes to the hub, and stops the run where the scale providers disagree."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median

from smearwatch.capture.formats.decode import FrameUnusable, decode
from smearwatch.capture.frame import SourceFrame
from smearwatch.capture.scale.claims import (
    REFUSE_APART,
    SCALE_SOURCES,
    WARN_APART,
    ScaleClaim,
    ScaleDisputed,
    ScaleMissing,
    ScaleSource,
    apart,
    believed,
    dispute,
    worst,
)
from smearwatch.capture.scale.red_cells import estimate_um_per_px
from smearwatch.daemon.log import get_logger

ScaleProvider = Callable[[SourceFrame], ScaleClaim | None]
"""Says what it knows about a frame's scale, or None."""

_SOLID_RED_CELLS = 8  # a field with fewer says too little to hold up a run
_ENOUGH_FIELDS = 3
_MOST_FIELDS = 12  # looked into for red cells; after that the check ends with what it has
_LONGEST_HELD_S = 3.0


class ScaleResolver:
    """Scales frames, and checks the first of them against their red cells.

    A frame whose red cells say something quite different is held back, at most `_ENOUGH_FIELDS` of them and
    `_LONGEST_HELD_S` long, until others confirm or refute it; so no cell is counted at a scale that is refused a moment
    later. Nothing is lost by a refusal: the frames stay where they came from.

    Parameters
    ----------
    witnesses
        Asked about every frame.
    trusted
        The only source to be believed, where a person said so; the others then only lead to a warning.
    max_pixels
        Largest picture that is decoded.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        providers: Sequence[ScaleProvider],
        *,
        trusted: ScaleSource | None,
        max_pixels: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._providers = providers
        self._trusted = trusted
        self._max_pixels = max_pixels
        self._clock = clock
        self._held: list[SourceFrame] = []
        self._last_s = clock()
        self._looked_into = 0
        self._measured: list[tuple[ScaleClaim, float]] = []  # what a frame is scaled by, what its red cells say
        self._checked = trusted == "red_cells"
        self._warned: set[tuple[str, str]] = set()

    @property
    def held(self) -> int:
        """How many frames are held back."""
        return len(self._held)

    def admit(self, frames: Sequence[SourceFrame]) -> list[SourceFrame]:
        """Take frames in, give those that may go to the hub now, with their scale.

        Parameters
        ----------
        frames
            As the source gave them; may be empty, and should be called with none while frames are held.

        Raises
        ------
        ScaleDisputed, ScaleMissing
            When nothing can be counted until a person has settled the scale.
        """
        admitted: list[SourceFrame] = []
        for frame in frames:
            self._last_s = self._clock()
            scaled = self._scaled(frame) if frame.data is not None else frame
            if self._doubtful(scaled):
                self._held.append(scaled)
            else:
                admitted.append(scaled)
        if not self._checked and self._is_time():
            self._decide()
        if self._checked:
            admitted, self._held = [*self._held, *admitted], []
        return admitted

    def _scaled(self, frame: SourceFrame) -> SourceFrame:
        claims = [claim for provider in self._providers if (claim := provider(frame)) is not None]
        chosen = believed(claims, self._trusted)
        if chosen is None and self._trusted not in (None, "red_cells"):
            raise ScaleMissing(frame.name, str(self._trusted))
        if (pair := worst(claims)) is not None:
            self._differ(frame.name, *pair)
        if chosen is None or self._trusted == "red_cells":
            return replace(frame, um_per_px=None, um_per_px_source=None)
        return replace(frame, um_per_px=chosen.um_per_px, um_per_px_source=chosen.source)

    def _doubtful(self, frame: SourceFrame) -> bool:
        """Measure a frame's red cells, while that is wanted; gives whether they speak against its scale."""
        if self._checked or frame.data is None or frame.um_per_px is None:
            return False
        self._looked_into += 1
        try:
            estimate = estimate_um_per_px(decode(frame.data, max_pixels=self._max_pixels))
        except FrameUnusable:
            return False  # the finder will reject it with its reason
        if estimate is None or estimate.red_cells < _SOLID_RED_CELLS:
            return False
        own = ScaleClaim("red_cells", estimate.um_per_px, f"{estimate.red_cells} cells")
        claim = _claim(frame)
        self._measured.append((claim, own.um_per_px))
        return self._trusted is None and apart(claim, own) > REFUSE_APART

    def _is_time(self) -> bool:
        waited = bool(self._held) and self._clock() - self._last_s >= _LONGEST_HELD_S
        return waited or len(self._measured) >= _ENOUGH_FIELDS or self._looked_into >= _MOST_FIELDS

    def _decide(self) -> None:
        """Compare what the fields were scaled by with what their red cells said, and end the check."""
        self._checked = True
        if not self._measured:
            return
        claim = self._measured[-1][0]
        ratio = median(said / scaled.um_per_px for scaled, said in self._measured)
        fields = f"{len(self._measured)} field{'s' if len(self._measured) > 1 else ''}"
        red_cells = ScaleClaim("red_cells", claim.um_per_px * ratio, fields)
        if apart(claim, red_cells) > WARN_APART:
            self._differ("first frames", claim, red_cells)

    def _differ(self, where: str, first: ScaleClaim, second: ScaleClaim) -> None:
        """Refuse, or warn once of each pair of sources."""
        if self._trusted is None and apart(first, second) > REFUSE_APART:
            raise ScaleDisputed(where, first, second)
        pair = (first.source, second.source)
        if pair not in self._warned:
            self._warned.add(pair)
            get_logger().warning("scales differ", frame=where, detail=dispute(first, second))


def _claim(frame: SourceFrame) -> ScaleClaim:
    """Say again what a scaled frame is scaled by."""
    assert frame.um_per_px is not None
    assert frame.um_per_px_source is not None
    source = next(source for source in SCALE_SOURCES if source == frame.um_per_px_source)
    return ScaleClaim(source, frame.um_per_px, frame.name)
