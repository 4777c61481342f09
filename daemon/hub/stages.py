"""How long each stage of a frame's life takes, over the last observations."""

from collections import deque
from collections.abc import Mapping
from statistics import median, quantiles

from smearwatch.daemon.hub.histograms import Histograms
from smearwatch.daemon.record.events import Stage

_KEEP = 4096
_MOST_STAGES = 64


class StageTimes:
    """Times by stage in milliseconds; memory is bounded, counts are not."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}
        self._counts: dict[str, int] = {}
        self.histograms = Histograms()

    def add(self, stages_ms: Mapping[str, float]) -> None:
        """Note one observation of some stages."""
        for name, value in stages_ms.items():
            if name not in self._times and len(self._times) >= _MOST_STAGES:
                continue
            self._times.setdefault(name, deque(maxlen=_KEEP)).append(max(0.0, value))
            self._counts[name] = self._counts.get(name, 0) + 1
            self.histograms.add(name, max(0.0, value))

    def summary(self) -> dict[str, Stage]:
        """Return n, median and 95th percentile of each stage."""
        return {
            name: Stage(self._counts[name], round(median(times), 2), round(_p95(list(times)), 2))
            for name, times in self._times.items()
        }


def _p95(times: list[float]) -> float:
    return times[0] if len(times) == 1 else quantiles(times, n=20, method="inclusive")[-1]
