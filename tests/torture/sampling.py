"""What the processes of a run hold while it goes on: memory, descriptors, threads; and how that grows, with limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scipy import stats

BLOCKS = 10
"""Samples that follow each other are alike; the slope is that of the means of so many equal parts of the time."""

WARM_UP_SHARE = 0.2
"""What is left out at the beginning: libraries that are loaded, caches that fill."""


@dataclass
class Samples:
    """Rows of figures, each a moment.

    Attributes
    ----------
    rows
        ``{"s": seconds, "role": {"rss_mb": …, "descriptors": …, "threads": …}, …}``
    """

    rows: list[dict[str, Any]] = field(default_factory=list)

    def take(self, seconds: float, pids: dict[str, int], **figures: float | None) -> None:
        """Note what each process holds now, and other figures of this moment."""
        held = {role: of for role, pid in sorted(pids.items()) if (of := _held(pid)) is not None}
        self.rows.append({"s": round(seconds, 1), "held": held, **figures})

    def growth(self, role: str, what: str, frames: str) -> dict[str, float] | None:
        """Return how one figure of a role grew, an hour and per thousand frames; None where there are too few."""
        kept = [row for row in self.rows if role in row["held"]]
        kept = kept[round(len(kept) * WARM_UP_SHARE) :]
        if len(kept) < 2 * BLOCKS:
            return None
        values = [float(row["held"][role][what]) for row in kept]
        hours = slope([row["s"] / 3600 for row in kept], values)
        by_frames = slope([row[frames] / 1000 for row in kept], values) if kept[-1][frames] > kept[0][frames] else None
        grown = {
            "first": values[0],
            "last": values[-1],
            "most": max(values),
            "an_hour": hours[0],
            "an_hour_within": hours[1],
        }
        if by_frames is not None:
            grown |= {"per_1000_frames": by_frames[0], "per_1000_frames_within": by_frames[1]}
        return {name: round(value, 3) for name, value in grown.items()}


def slope(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Return the slope of y over x and half the width of its 95 % interval, by the means of equal parts."""
    parts = [(float(np.mean(a)), float(np.mean(b))) for a, b in zip(_parts(x), _parts(y), strict=True)]
    if len({mean for _, mean in parts}) == 1:
        return 0.0, 0.0
    fit = stats.linregress([at for at, _ in parts], [mean for _, mean in parts])
    return float(fit.slope), float(fit.stderr * stats.t.ppf(0.975, len(parts) - 2))


def ledger_bytes(session: Path) -> int:
    """Return the size of a session's ledger on the disk, what waits to be put into it included."""
    return sum(path.stat().st_size for path in session.glob("ledger.sqlite*") if not path.name.endswith("-shm"))


def _parts(values: Sequence[float]) -> list[np.ndarray[Any, Any]]:
    return np.array_split(np.asarray(values, float), BLOCKS)


def _held(pid: int) -> dict[str, float] | None:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            return {
                "rss_mb": round(process.memory_info().rss / 1e6, 2),
                "descriptors": process.num_fds(),
                "threads": process.num_threads(),
                "cpu_s": round(sum(process.cpu_times()[:2]), 1),
            }
    except psutil.Error:
        return None
