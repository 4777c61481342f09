"""How long frames take from their files to the verdict on their last cell."""

import time
from collections import deque
from statistics import median

from smearwatch.daemon.hub.histograms import Histograms

_LATENCIES = 200


class Latency:
    """The last frames' times; all of them in a histogram."""

    def __init__(self, histograms: Histograms) -> None:
        self._histograms = histograms
        self.started_at_ns = time.time_ns()
        self._arrived_at_ns: dict[str, int] = {}
        self._latencies_ms: deque[float] = deque(maxlen=_LATENCIES)

    @property
    def typical_ms(self) -> float | None:
        """Their median, None before the first."""
        return round(median(self._latencies_ms), 1) if self._latencies_ms else None

    @property
    def waiting(self) -> tuple[str, ...]:
        """The frames whose time runs."""
        return tuple(self._arrived_at_ns)

    def arrived(self, frame: str, captured_at_ns: int) -> None:
        """Note a new frame; a share's clock may be hours off, and an impossible time does not show how long it took."""
        if self.started_at_ns <= captured_at_ns <= time.time_ns():
            self._arrived_at_ns[frame] = captured_at_ns

    def settled(self, frame: str) -> None:
        """Note that a frame's last cell was just counted."""
        if frame in self._arrived_at_ns:
            took_ms = max(0.0, (time.time_ns() - self._arrived_at_ns.pop(frame)) / 1e6)
            self._latencies_ms.append(took_ms)
            self._histograms.add("file_to_count", took_ms)

    def forget(self, frame: str) -> None:
        """Leave out a frame that was rejected."""
        self._arrived_at_ns.pop(frame, None)
