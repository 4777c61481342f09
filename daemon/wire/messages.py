"""Every message that crosses a process, as frozen typed dataclasses.

The conversation goes over one ROUTER socket of the hub (everybody else is a DEALER) and one PUB socket::

    all     WantTerms, before they join (`joining`)             → Welcome
    source  Hello · OfferFrame · RefuseFrame · SourceState · Bye → Welcome · FrameTaken · what `control` has
    finder  Hello · Ready · CellsFound · FrameRejected · Bye    → Welcome · FrameLease
    worker  Hello · Ready · CropJudged · LeaseFailed · Bye      → Welcome · CropLease
    client  (`following`) WantSnapshot · WantEvents · …         → Snapshot · Events · Thumbnails
    client  LabelCells · and what `control` has                 → LabelsTaken · Agreed
    all     whatever cannot be read                             → Refused
    finder  of another computer: WantEvents · WantFrame · …     → Events · FrameBytes · Thumbnails
    client  of another computer: Follow                         → what PUB has
    PUB     EventNotice · Pulse

Pictures travel as raw buffers behind the header, never inside it. The docstring of each class that carries
buffers names them in their order.
"""

from dataclasses import field
from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict
from pydantic.dataclasses import dataclass

from smearwatch.daemon.wire.control import Agreed as Agreed
from smearwatch.daemon.wire.control import BeginNext as BeginNext
from smearwatch.daemon.wire.control import ControlRun as ControlRun
from smearwatch.daemon.wire.control import DescribeSession as DescribeSession
from smearwatch.daemon.wire.control import DrawLine as DrawLine
from smearwatch.daemon.wire.control import HoldLine as HoldLine
from smearwatch.daemon.wire.control import KeepTally as KeepTally
from smearwatch.daemon.wire.control import LineDrawn as LineDrawn
from smearwatch.daemon.wire.control import PauseReading as PauseReading
from smearwatch.daemon.wire.control import SourceState as SourceState
from smearwatch.daemon.wire.control import TakeStalled as TakeStalled
from smearwatch.daemon.wire.following import EventNotice as EventNotice
from smearwatch.daemon.wire.following import Events as Events
from smearwatch.daemon.wire.following import Follow as Follow
from smearwatch.daemon.wire.following import FrameBytes as FrameBytes
from smearwatch.daemon.wire.following import LabelCells as LabelCells
from smearwatch.daemon.wire.following import LabelsTaken as LabelsTaken
from smearwatch.daemon.wire.following import Snapshot as Snapshot
from smearwatch.daemon.wire.following import Thumbnails as Thumbnails
from smearwatch.daemon.wire.following import WantEvents as WantEvents
from smearwatch.daemon.wire.following import WantFrame as WantFrame
from smearwatch.daemon.wire.following import WantSnapshot as WantSnapshot
from smearwatch.daemon.wire.following import WantThumbnails as WantThumbnails
from smearwatch.daemon.wire.joining import Bye as Bye
from smearwatch.daemon.wire.joining import Hello as Hello
from smearwatch.daemon.wire.joining import Terms as Terms
from smearwatch.daemon.wire.joining import WantTerms as WantTerms
from smearwatch.daemon.wire.joining import Welcome as Welcome
from smearwatch.daemon.wire.parts import (
    WIRE_CONFIG,
    CellOnWire,
    Count,
    Flag,
    Line,
    Many,
    PlaceOnWire,
    RangeOnWire,
    Real,
    ScaleUmPerPx,
    Sha256Hex,
    StainOnWire,
    StatisticsOnWire,
    Text,
)
from smearwatch.daemon.wire.parts import Message as Message

WIRE_VERSION = 4


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class OfferFrame(Message):
    """A complete frame from a source. Buffers: the file's bytes, one."""

    kind: ClassVar[str] = "offer_frame"
    ticket: Count
    name: Text
    captured_at_ns: Count
    source: Text
    um_per_px: ScaleUmPerPx | None = None
    um_per_px_source: Text | None = None


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class RefuseFrame(Message):
    """A file that a source could not take (too large to send, unreadable): counted, not carried."""

    kind: ClassVar[str] = "refuse_frame"
    ticket: Count
    name: Text
    captured_at_ns: Count
    source: Text
    frame: Sha256Hex
    size_bytes: Count
    reason: Text
    detail: Text


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class FrameTaken(Message):
    """The frame is on disk and in the ledger; the source may forget it. ``known``: it was there before."""

    kind: ClassVar[str] = "frame_taken"
    ticket: Count
    frame: Sha256Hex
    known: Flag


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class Ready(Message):
    """Credits: how many leases the sender is willing to hold at once. Sent every second, also as its pulse.

    ``at_work`` means that it is busy with what it holds, which is then not given to another.
    """

    kind: ClassVar[str] = "ready"
    capacity: Annotated[int, Strict(), Field(ge=0, le=1024)]
    at_work: Flag = False


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class FrameLease(Message):
    """One frame for a finder. Buffers: the file's bytes, one.

    ``turn`` counts the session's finders: one that has not had this turn's leases reads what others found first.
    ``known_cells`` are the indices that have their verdict already: their crops need not come;
    with ``two_objectives`` a field was rejected as one of another magnification.
    """

    kind: ClassVar[str] = "frame_lease"
    lease: Count
    frame: Sha256Hex
    name: Text
    um_per_px: ScaleUmPerPx | None
    um_per_px_source: Text | None
    known_cells: Many[Count]
    turn: Count = 0
    two_objectives: bool = False


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class CellsFound(Message):
    """A finder's answer.

    Buffers: for each index in ``cropped`` its crop (uint8 [750, 750, 3] BGR, C order), then for each cell of
    ``cells`` its thumbnail (JPEG).
    """

    kind: ClassVar[str] = "cells_found"
    lease: Count
    frame: Sha256Hex
    width_px: Count
    height_px: Count
    um_per_px: ScaleUmPerPx
    um_per_px_source: Text
    um_per_px_estimate: ScaleUmPerPx | None
    focus: Real
    cells: Many[CellOnWire]
    cropped: Many[Count]
    stages_ms: dict[str, Real]
    placement: PlaceOnWire | None = None
    scale_unsure: Flag = False
    unsearched_percent: Annotated[int, Strict(), Field(ge=0, le=100)] = 0
    um_per_px_own: ScaleUmPerPx | None = None


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class FrameRejected(Message):
    """A finder's answer for a frame that cannot be used, with the reason and its number."""

    kind: ClassVar[str] = "frame_rejected"
    lease: Count
    frame: Sha256Hex
    reason: Text
    detail: Text
    value: Real | None
    um_per_px: ScaleUmPerPx | None
    stages_ms: dict[str, Real]


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class CropLease(Message):
    """One crop for a worker. Buffers: uint8 [750, 750, 3] BGR in C order, and one more where ``statistics`` are given.

    ``stain`` and ``statistics`` are the session's at this cell, None where they are not known; they are the same
    whenever the cell is leased.
    """

    kind: ClassVar[str] = "crop_lease"
    lease: Count
    frame: Sha256Hex
    index: Count
    size_px: Count
    stain: StainOnWire | None = None
    statistics: StatisticsOnWire | None = None


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class CropJudged(Message):
    """A worker's answer: class, verdict, calibrated probabilities and verifiers.

    Of these there is one number for each class, in the classes' order; the hub, which knows the classes, checks it.
    ``look`` holds the cell's appearance features, ``ranges`` those of the cells that the weights were trained on.
    ``restained`` says that the cell was brought from the leased stain to the one that the weights learnt,
    ``unfamiliar`` that it looks beyond all that they were trained on, ``strange`` that it does so to their first layers
    alone, ``by_statistics`` that the leased statistics were used, ``engine`` what ran the networks, where it was not
    the reference. A buffer, if any, is for the hub to keep: moments.
    """

    kind: ClassVar[str] = "crop_judged"
    lease: Count
    frame: Sha256Hex
    index: Count
    cls: Text
    verdict: Literal["confirmed", "corrected", "flagged", "rejected"]
    probabilities: Many[Real]
    verifiers: Many[Real]
    reject_score: Real
    weights: Sha256Hex
    stages_ms: dict[str, Real]
    look: dict[str, Real] | None = None
    ranges: Many[RangeOnWire] = ()
    restained: Flag = False
    unfamiliar: Flag = False
    strange: Flag = False
    by_statistics: Flag = False
    engine: Text | None = None


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class LeaseFailed(Message):
    """A lease that its holder cannot serve; it goes back to the queue at once."""

    kind: ClassVar[str] = "lease_failed"
    lease: Count
    detail: Text


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class Pulse(Message):
    """The hub's pulse, once a second: what is in no event. Lost pulses cost nothing."""

    kind: ClassVar[str] = "pulse"
    session: Text
    epoch: Count
    last_event: Count
    sent_at_ns: Count
    state: Literal["running", "draining", "done", "stopping"]
    finders: Count
    workers: Count
    waiting_files: Count
    latency_ms: Real | None
    counters: dict[str, Count]
    idle_s: Real | None = None
    """How long nothing came while nothing was pending and no file was waited for; None where something is."""
    paused: Flag = False
    apart: Flag = False
    """Whether pictures and workers come from commands of their own, which somebody has to start."""
    trouble: Text = ""
    """What keeps the count from going on well, in words; empty while nothing does."""
    gauges: dict[str, Count] = field(default_factory=dict)
    """What is out and queued in the hub just now, and how often each role has come, by name."""
    stages: dict[str, tuple[Real, ...]] = field(default_factory=dict)
    """For each stage: all its milliseconds, then how many took how long, see `smearwatch.daemon.hub.histograms`."""


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class Refused(Message):
    """The hub's answer to what it cannot accept: a short code and one line."""

    kind: ClassVar[str] = "refused"
    code: Line
    detail: Line


MESSAGES: dict[str, type[Message]] = {
    message.kind: message
    for message in (
        Hello,
        Bye,
        WantTerms,
        Welcome,
        OfferFrame,
        RefuseFrame,
        FrameTaken,
        SourceState,
        Ready,
        FrameLease,
        CellsFound,
        FrameRejected,
        CropLease,
        CropJudged,
        LeaseFailed,
        WantSnapshot,
        Snapshot,
        WantEvents,
        Events,
        WantThumbnails,
        Thumbnails,
        Follow,
        WantFrame,
        FrameBytes,
        LabelCells,
        LabelsTaken,
        DescribeSession,
        ControlRun,
        PauseReading,
        TakeStalled,
        BeginNext,
        KeepTally,
        DrawLine,
        LineDrawn,
        HoldLine,
        Agreed,
        EventNotice,
        Pulse,
        Refused,
    )
}
