"""How long frames take from their file to their last count."""

import time
from collections import deque
from collections.abc import Collection
from statistics import median
from typing import Final

from smearwatch.daemon.hub.histograms import Histograms
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.wire.messages import OfferFrame

_LATEST: Final = 200


class Delays:
    """Remembers when each frame that is not settled came, and how long the latest took; all of them in a histogram.

    Attributes
    ----------
    started_at_ns : int
        When the hub began.
    """

    def __init__(self, fold: TallyFold, histograms: Histograms) -> None:
        self._fold = fold
        self._histograms = histograms
        self.started_at_ns = time.time_ns()
        self._arrived_at_ns: dict[str, int] = {}
        self._taken_ms: deque[float] = deque(maxlen=_LATEST)

    @property
    def open(self) -> Collection[str]:
        """The frames that are not settled."""
        return tuple(self._arrived_at_ns)

    @property
    def median_ms(self) -> float | None:
        """Of the latest frames, None while there is none."""
        return round(median(self._taken_ms), 1) if self._taken_ms else None

    def came(self, frame: str, message: OfferFrame) -> None:
        """Note a frame. A share's clock may be hours off; an impossible time does not show how long a frame took."""
        if self.started_at_ns <= message.captured_at_ns <= time.time_ns():
            self._arrived_at_ns[frame] = message.captured_at_ns

    def forget(self, frame: str) -> None:
        """Forget a frame that is not counted."""
        self._arrived_at_ns.pop(frame, None)

    def settled(self, frame: str) -> None:
        """Note how long a frame took whose last cell was just counted."""
        if frame in self._arrived_at_ns and not self._fold.waits(frame):
            taken_ms = max(0.0, (time.time_ns() - self._arrived_at_ns.pop(frame)) / 1e6)
            self._taken_ms.append(taken_ms)
            self._histograms.add("file_to_count", taken_ms)
