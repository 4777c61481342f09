"""What a person asks of a run while it counts, and what the hub and its sources make of it among themselves."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict
from pydantic.dataclasses import dataclass

from smearwatch.daemon.wire.parts import WIRE_CONFIG, Count, Flag, Line, Many, Message, Sha256Hex, Text


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class DescribeSession(Message):
    """A person says something of the session that is being counted; ``changes`` by name, None takes away."""

    kind: ClassVar[str] = "describe_session"
    request: Count
    session: Text
    by: Annotated[Text, Field(min_length=1, max_length=200)]
    changes: Annotated[dict[Text, Annotated[Text, Field(max_length=1000)] | None], Field(min_length=1, max_length=8)]


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class ControlRun(Message):
    """A client of this computer controls the run; ``session`` None means whichever is counted."""

    kind: ClassVar[str] = "control_run"
    request: Count
    action: Literal["stop", "pause", "resume", "state"]
    session: Text | None = None


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class PauseReading(Message):
    """To a source: offer no more frames than are out already, or go on; said again with each new hello."""

    kind: ClassVar[str] = "pause_reading"
    paused: Flag


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class FileLeft:
    """A file that a source has not brought, were the run to end now; see the ledger's `LeftFile`."""

    name: Text
    size_bytes: Count
    captured_at_ns: Count
    why: Literal["incomplete", "being_written", "unreadable", "waiting"]


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class SourceState(Message):
    """A source's pulse: how many files it still waits for, and whether it will never offer another.

    ``stalled`` of them are incomplete, or cannot be read, and have not changed for as long as the plan's run may idle.
    ``left`` names what would be left, were the run to end now, and there are ``left_more`` beside them.
    """

    kind: ClassVar[str] = "source_state"
    waiting: Count
    scanned: Flag
    finished: Flag
    counters: dict[str, Count]
    stalled: Count = 0
    left: Many[FileLeft] = ()
    left_more: Count = 0


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class TakeStalled(Message):
    """To a source: the run ends when it is idle, and waits for nothing but what has stalled: bring it as it is."""

    kind: ClassVar[str] = "take_stalled"


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class BeginNext(Message):
    """A person puts the next specimen under the microscope: ``said`` is what it is, by name; None leaves it as it is.

    ``session`` is the one that is being counted, None for whichever; ``next_session`` the new one's name, None for
    date and time; ``target`` its wanted number of cells, None for as many as now.
    """

    kind: ClassVar[str] = "begin_next"
    request: Count
    by: Annotated[Text, Field(min_length=1, max_length=200)]
    said: Annotated[dict[Text, Annotated[Text, Field(max_length=1000)]], Field(min_length=1, max_length=8)]
    session: Text | None = None
    next_session: Text | None = None
    target: Annotated[int, Strict(), Field(ge=1, le=2**31)] | None = None


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class KeepTally(Message):
    """A person's tally by hand for the session that is being counted; when it was begun tells it from others."""

    kind: ClassVar[str] = "keep_tally"
    request: Count
    session: Text
    by: Annotated[Text, Field(min_length=1, max_length=200)]
    began_at_ns: Count
    target: Annotated[int, Strict(), Field(ge=1, le=2**31)]
    counts: Annotated[dict[Text, Count], Field(min_length=1, max_length=64)]


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class FileOnWire:
    """A file that a source has not brought yet; see the ledger's `WaitingFile`."""

    name: Text
    size_bytes: Count
    captured_at_ns: Count
    begins: Sha256Hex | None = None


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class DrawLine(Message):
    """To a source: name what has come by now and is not brought yet, bring this, and nothing that comes later."""

    kind: ClassVar[str] = "draw_line"
    request: Count


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class LineDrawn(Message):
    """A source's answer: what it will still bring; or, where it cannot, ``why``, and all is as before."""

    kind: ClassVar[str] = "line_drawn"
    request: Count
    files: Many[FileOnWire] = ()
    why: Text | None = None


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class HoldLine(Message):
    """To a source: bring these files and no others; None: there is no line. Said before each welcome."""

    kind: ClassVar[str] = "hold_line"
    files: Many[FileOnWire] | None


@dataclass(frozen=True, slots=True, config=WIRE_CONFIG)
class Agreed(Message):
    """What a client asked for is done, or surely will be: one line that says what.

    ``trouble`` is what keeps the count from going on well, where its state was asked for.
    """

    kind: ClassVar[str] = "agreed"
    request: Count
    text: Line
    trouble: Text = ""
