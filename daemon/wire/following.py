"""What clients ask of a session while it is counted, what they are told of it, and the labels they send."""

from typing import Annotated, ClassVar

from pydantic import Field, Strict, model_validator
from pydantic.dataclasses import dataclass

from smearwatch.daemon.wire.parts import WIRE_CONFIG, Count, Flag, LabelOnWire, Many, Message, Sha256Hex, Text


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class WantSnapshot(Message):
    """A client joins: the tally now, and the last ``recent`` counted cells."""

    kind: ClassVar[str] = "want_snapshot"
    request: Count
    recent: Annotated[int, Strict(), Field(ge=0, le=256)] = 24


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class Snapshot(Message):
    """The tally after event ``number`` (a fold's snapshot as JSON text) and the latest events that counted a cell."""

    kind: ClassVar[str] = "snapshot"
    request: Count
    session: Text
    epoch: Count
    number: Count
    target: Count
    tally: Annotated[str, Strict()]
    recent: Many["EventNotice"]


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class WantEvents(Message):
    """A client missed something: the events after number ``after``."""

    kind: ClassVar[str] = "want_events"
    request: Count
    after: Count
    limit: Annotated[int, Strict(), Field(ge=1, le=1000)] = 500


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class EventNotice(Message):
    """One committed event of the ledger; ``body`` is its canonical JSON."""

    kind: ClassVar[str] = "event"
    number: Count
    epoch: Count
    recorded_at_ns: Count
    event: Text
    body: Annotated[str, Strict()]
    chain: Sha256Hex


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class Events(Message):
    """The answer to `WantEvents`, in order; ``last_event`` shows whether more follow."""

    kind: ClassVar[str] = "events"
    request: Count
    epoch: Count
    last_event: Count
    events: Many[EventNotice]


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class WantThumbnails(Message):
    """Small pictures of cells, asked for by frame and index."""

    kind: ClassVar[str] = "want_thumbnails"
    request: Count
    cells: Annotated[Many[tuple[Sha256Hex, Count]], Field(max_length=64)]


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class Follow(Message):
    """A client of another computer wants the feed over this socket; said again every few seconds, else it ends."""

    kind: ClassVar[str] = "follow"


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class WantFrame(Message):
    """A finder of another computer needs a frame that it had before."""

    kind: ClassVar[str] = "want_frame"
    request: Count
    frame: Sha256Hex


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class FrameBytes(Message):
    """The answer to `WantFrame`. Buffers: the file's bytes, one; none where they are lost."""

    kind: ClassVar[str] = "frame_bytes"
    request: Count
    frame: Sha256Hex


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class Thumbnails(Message):
    """The thumbnails that exist, in order. Buffers: one JPEG for each of ``cells``."""

    kind: ClassVar[str] = "thumbnails"
    request: Count
    cells: Many[tuple[Sha256Hex, Count]]


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class LabelCells(Message):
    """A person's labels on cells of the session that is being counted; all are written, or none.

    ``second`` says that they are those of a second reader, who does not see the first one's, and has no random review.
    """

    kind: ClassVar[str] = "label_cells"
    request: Count
    session: Text
    by: Annotated[Text, Field(min_length=1, max_length=200)]
    labels: Annotated[Many[LabelOnWire], Field(min_length=1, max_length=1000)]
    second: Flag = False

    @model_validator(mode="after")
    def _drawn_in_the_first_reading(self) -> "LabelCells":
        if self.second and any(label.drawn for label in self.labels):
            raise ValueError("a label of the second reading is none of the random review")
        return self


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class LabelsTaken(Message):
    """The labels are in the ledger: how many were new, and how many the same person had given already."""

    kind: ClassVar[str] = "labels_taken"
    request: Count
    written: Count
    unchanged: Count
