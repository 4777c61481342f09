"""How often each stage of a frame's life took how long, for whoever watches from outside: fixed steps, fixed memory."""

from bisect import bisect_left
from typing import Final

BOUNDS_MS: Final = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000)
_MOST: Final = 32  # stages; their names come from other processes


class Histograms:
    """Counts durations by stage since this hub began."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self._sums_ms: dict[str, float] = {}

    def add(self, stage: str, ms: float) -> None:
        """Count one duration."""
        counts = self._counts.get(stage)
        if counts is None:
            if len(self._counts) >= _MOST or not (stage.isascii() and stage.isidentifier() and len(stage) <= _MOST):
                return
            counts = self._counts[stage] = [0] * (len(BOUNDS_MS) + 1)
        counts[bisect_left(BOUNDS_MS, ms)] += 1
        self._sums_ms[stage] = self._sums_ms.get(stage, 0.0) + ms

    def as_sent(self) -> dict[str, tuple[float, ...]]:
        """Return for each stage the sum in milliseconds, then how many took up to each of `BOUNDS_MS`, then longer."""
        return {stage: (round(self._sums_ms[stage], 3), *counts) for stage, counts in self._counts.items()}
