"""The words and numbers that every client shows in the same way."""

from collections.abc import Mapping
from math import ceil, floor
from typing import Any

from smearwatch.clients.view import View
from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.share_text import (
    DASH,
    MARK,
    fine_limits_text,
    flagged_text,
    mark_text,
    percent_text,
    scale_text,
    target_text,
)

__all__ = ["DASH", "MARK", "fine_limits_text", "flagged_text", "mark_text", "percent_text", "scale_text", "target_text"]

ROWS = (*CLASSES, "neutrophils")
"""The classes in their order, and band and segmented together."""

PAUSED = "paused: no new pictures are read"
"""What is said while a client has paused the run."""

STARTING = "starting"
LOADING = "loading the networks"
SEARCH_STARTS = "starting the search for cells"
"""What a count waits for before a cell can be named, also one that goes on."""

NO_WORKER = "waiting for a worker (smearwatch worker)"
NO_CAPTURE = "waiting for a capture (smearwatch capture --watch DIR)"
"""The same where these are commands of their own, and none is there."""

UNKNOWN: Mapping[str, float | None] = {"value": None, "low": 0.0, "high": 100.0}
"""A share of which nothing is known."""


def count_of(tally: Mapping[str, Any], row: str) -> int:
    """Return how many cells stand in one of `ROWS`; none of a class that the session's cells were not judged by."""
    return int(tally["neutrophils"] if row == "neutrophils" else tally["counts"].get(row, 0))


def share_of(tally: Mapping[str, Any], row: str) -> Mapping[str, float | None]:
    """Return the share of one of `ROWS`, `UNKNOWN` of a class that the session's cells were not judged by."""
    share: Mapping[str, float | None] = tally["percent"].get(row, UNKNOWN)
    return share


def limits_text(share: Mapping[str, float | None]) -> str:
    """Return a 95 % interval in whole percent, rounded outwards as tables of these limits are."""
    low, high = share["low"], share["high"]
    if low is None or high is None:
        return DASH
    return f"{floor(low)}{DASH}{ceil(high)}"


def drift_text(tally: Mapping[str, Any]) -> str | None:
    """Return what leaves the range of what the weights were trained on, and since when; None while nothing does."""
    drift = tally["drift"]
    return None if drift is None else f"since cell {drift['since_cell']}: {drift['says']}"


def drift_advice(tally: Mapping[str, Any]) -> str | None:
    """Return `drift_text` with what to do about it; None while nothing leaves the range."""
    text = drift_text(tally)
    return None if text is None else f"{text} ({tally['drift']['mend']})"


def drifted_text(tally: Mapping[str, Any]) -> str | None:
    """Return how much of a session was judged under a drift alarm; None for nothing."""
    drifted = tally["drifted"]
    if not drifted["episodes"]:
        return None
    alarms = "one drift alarm" if drifted["episodes"] == 1 else f"{drifted['episodes']} drift alarms"
    return f"{alarms}, {drifted['cells']} cells judged under {'it' if drifted['episodes'] == 1 else 'them'}"


def state_text(view: View) -> str:
    """Return in a few words where the session stands."""
    if view.paused and view.connection == "live":
        return PAUSED
    if view.trouble and view.connection == "live":
        return view.trouble
    if (phase := phase_text(view) or loading_text(view)) is not None:
        return phase
    if view.connection == "lost":
        return "nothing is heard of the count any more; waiting for it"
    if view.connection == "done":
        return view.ended
    return "counting"


def phase_text(view: View) -> str | None:
    """Return what is being done before the first cell is counted; None from then on, and where nothing is done."""
    tally = view.tally
    if view.connection == "connecting":
        return STARTING
    if view.connection != "live" or tally is None:
        return None
    frames = tally["frames"]
    if tally["cells"] or tally["rejected"] or frames["counted"] or frames["rejected"]:
        return None
    if view.workers is None:
        return STARTING  # no pulse has come yet
    if not view.workers or not view.finders:
        return _missing(view)
    if not frames["seen"]:
        return "waiting for the first field"
    return "searching the first fields" if not tally["cells_found"] else "judging the first cells"


def loading_text(view: View) -> str | None:
    """Return what a count that goes on still waits for, as it did when it was begun; None once cells can be named."""
    if view.connection != "live" or view.tally is None:
        return None
    return _missing(view) if view.workers == 0 or view.finders == 0 else None


def _missing(view: View) -> str:
    """Return who is waited for, the workers first."""
    if not view.workers:
        return NO_WORKER if view.apart else LOADING
    return NO_CAPTURE if view.apart else SEARCH_STARTS


def cells_of_target(view: View) -> str:
    """Return ``62/100``, or only the cells where there is no target."""
    cells = view.tally["cells"] if view.tally else 0
    return f"{cells}/{view.target}" if view.target else str(cells)


def duration_text(seconds: float) -> str:
    """Return a duration as ``12 s``, ``3 min`` or ``2 h``."""
    if seconds < 120:
        return f"{int(seconds)} s"
    return f"{int(seconds // 60)} min" if seconds < 7200 else f"{int(seconds // 3600)} h"


def latency_text(latency_ms: float | None) -> str:
    """Return a latency in seconds, or a dash while none was measured."""
    return DASH if latency_ms is None else f"{latency_ms / 1000:.2f} s"
