"""What a client knows at one moment, ready to be shown: frozen, so that it may be handed between threads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Connection = Literal["connecting", "live", "lost", "done"]
"""Nothing known yet · pulses come · no pulse for a while · the session was closed."""

Ended = Literal["no", "finished", "stopped", "recorded"]
"""Finished: nothing was left to do. Stopped: somebody ended the daemon, which may come back. Recorded: from disk."""


@dataclass(frozen=True, slots=True)
class RecentCell:
    """One of the last counted cells.

    Attributes
    ----------
    probability : float
        The calibrated probability of `cls`, 0 to 1.
    thumbnail : bytes or None
        A small JPEG picture, None where it has not come (yet).
    """

    frame: str
    index: int
    cls: str
    verdict: str
    probability: float
    thumbnail: bytes | None = None


@dataclass(frozen=True, slots=True)
class View:
    """The state of a session as a client sees it.

    Attributes
    ----------
    event : int
        The number of the last event that is in the tally.
    tally : mapping or None
        As `smearwatch.daemon.record.tally_json.tally_json` gives it; None until something is known.
    silent_s : float
        How long ago the daemon was heard of, in seconds.
    idle_s : float or None
        For how many seconds no frame came; None while something is pending, waited for, or not known.
    paused : bool
        Whether no new pictures are read, because a client asked for it.
    apart : bool
        Whether capture and workers are commands of their own, which somebody has to start.
    trouble : str
        What keeps the count from going on well, in words; empty while nothing does.
    latency_ms : float or None
        Median from a closed file to its count, as the daemon measures it.
    recent : tuple of RecentCell
        The last counted cells, the newest first.
    counters : mapping
        What the daemon dropped, refused or did again, by name.
    client_counters : mapping
        The same of this client.
    """

    connection: Connection = "connecting"
    ended: Ended = "no"
    session: str | None = None
    epoch: int = 0
    event: int = 0
    target: int | None = None
    tally: Mapping[str, Any] | None = None
    silent_s: float = 0.0
    finders: int | None = None
    workers: int | None = None
    waiting_files: int | None = None
    idle_s: float | None = None
    paused: bool = False
    apart: bool = False
    trouble: str = ""
    latency_ms: float | None = None
    recent: tuple[RecentCell, ...] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    client_counters: Mapping[str, int] = field(default_factory=dict)
