"""The events of a session, and their one canonical form in bytes.

Everything that is known of a session is an event. An event is frozen, validated when it is built, and has exactly
one spelling in bytes (JSON with sorted keys, no spaces, UTF-8, floats by ``repr``), so that a hash over the bytes
is a hash over the meaning.
"""

import json
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.beside import Analysed as Analysed
from smearwatch.daemon.record.beside import Tallied as Tallied
from smearwatch.daemon.record.classes import CLASSES as CLASSES
from smearwatch.daemon.record.classes import LABELS as LABELS
from smearwatch.daemon.record.classes import ClassName as ClassName
from smearwatch.daemon.record.classes import LabelName as LabelName
from smearwatch.daemon.record.classes import Shares
from smearwatch.daemon.record.description import Described as Described
from smearwatch.daemon.record.extra_classes import ExtraClass
from smearwatch.daemon.record.followed import Followed as Followed
from smearwatch.daemon.record.followed import WaitingFile as WaitingFile
from smearwatch.daemon.record.found import BETTER as BETTER
from smearwatch.daemon.record.found import COUNTS as COUNTS
from smearwatch.daemon.record.found import CUT as CUT
from smearwatch.daemon.record.found import SEEN_BEFORE as SEEN_BEFORE
from smearwatch.daemon.record.found import Found as Found
from smearwatch.daemon.record.found import FoundCell as FoundCell
from smearwatch.daemon.record.left import LeftFile as LeftFile
from smearwatch.daemon.record.location import LocationTested as LocationTested
from smearwatch.daemon.record.location import LocationWithdrawn as LocationWithdrawn
from smearwatch.daemon.record.looks import Look
from smearwatch.daemon.record.looks import LookRange as LookRange
from smearwatch.daemon.record.looks import Ranged as Ranged
from smearwatch.daemon.record.nucleus import Nucleus as Nucleus
from smearwatch.daemon.record.signature import Amended as Amended
from smearwatch.daemon.record.signature import Signed as Signed
from smearwatch.daemon.record.stain import CellStain as CellStain
from smearwatch.daemon.record.stain import SessionStain as SessionStain
from smearwatch.daemon.record.targets import Targets as Targets
from smearwatch.daemon.record.values import (
    STRICT,
    Count,
    Digest,
    EngineWord,
    Frozen,
    Name,
    Ordinal,
    Person,
    Positive,
    Scalar,
    Sha256,
    Word,
    without_none,
)

VERDICTS: Final = ("confirmed", "corrected", "flagged", "rejected")
"""What the verifiers made of a cell."""

POISONED: Final = "poisoned"
"""Why a frame is rejected that ended or hung its process each time."""

Verdict: TypeAlias = Literal["confirmed", "corrected", "flagged", "rejected"]

Reading: TypeAlias = Literal["second"]
"""Which reading a label is of, where it is not the first."""


class EventInvalid(ValueError):
    """Bytes or values that are no event.

    Parameters
    ----------
    detail : str
        What is wrong, in one line.
    """

    hint = "record events as this version of smearwatch writes them"

    def __init__(self, detail: str) -> None:
        super().__init__(f"not an event: {detail}")
        self.detail = detail


@dataclass(frozen=True, slots=True, config=STRICT)
class Opened:
    """A hub began to write the session. One per start; ``epoch`` counts the starts from 1.

    ``target`` is how many leukocytes the session is to reach, ``targets`` what else it is to, from this start on.
    ``extra_classes`` are the laboratory's own; what one start named is known in the session for good.
    """

    epoch: Ordinal
    started_at_ns: Count
    version: str
    session: Word
    target: Ordinal | None
    field_um: Positive
    band_rule: str
    settings: Frozen[Scalar]
    targets: Targets | None = None
    extra_classes: tuple[ExtraClass, ...] | None = None
    kind: Literal["opened"] = "opened"

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "targets", "extra_classes")


@dataclass(frozen=True, slots=True, config=STRICT)
class Seen:
    """A frame arrived and its bytes are safe. ``frame`` is the SHA-256 of the bytes."""

    frame: Sha256
    name: Name
    size_bytes: Count
    captured_at_ns: Count
    um_per_px: Positive | None
    um_per_px_source: Word | None
    stored: bool
    source: str
    kind: Literal["seen"] = "seen"

    @model_validator(mode="after")
    def _check_scale_source(self) -> "Seen":
        if self.um_per_px is not None and self.um_per_px_source is None:
            raise ValueError("um_per_px without um_per_px_source")
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class Rejected:
    """A frame could not be used. ``value`` is the number that decided it, where there is one.

    ``um_per_px`` is the scale at which it was judged, so that a replay judges it alike.
    """

    frame: Sha256
    reason: Word
    detail: Name
    value: float | None
    um_per_px: Positive | None = None
    kind: Literal["rejected"] = "rejected"


@dataclass(frozen=True, slots=True, config=STRICT)
class Replaced:
    """The verdict on a leukocyte that stood until now, the view that it was given on, and if that was unfamiliar."""

    frame: Sha256
    index: Count
    cls: ClassName
    verdict: Verdict
    unfamiliar: Literal[True] | None = None

    @classmethod
    def of(cls, stands: "Counted") -> "Replaced":
        """Return what is replaced where a verdict stands until now."""
        return cls(stands.frame, stands.index, stands.cls, stands.verdict, stands.unfamiliar)

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "unfamiliar")


@dataclass(frozen=True, slots=True, config=STRICT)
class Counted:
    """A cell has its class and verdict. ``weights`` is the SHA-256 over the weights that gave them.

    ``probabilities`` and ``verifiers`` have a share for each class that there was when the verdict was given. ``look``
    holds its appearance features before anything was normalised, but for the stain where ``stain`` is given: that of
    the session, from which the cell was brought to the one that the weights learnt. On a better view of a leukocyte
    that was judged before, ``instead_of`` is the verdict that this one replaces. ``unfamiliar`` is true, or not there:
    the cell looks beyond all that the weights were trained on, by the factor that they name; ``strange`` likewise: it
    does so to their first layers alone, and the last ones were adapted to its like. ``statistics`` is how many of the
    session's cells gave the statistics by which it was judged, where they were not those of the training.
    ``moments`` is the digest of what the ledger keeps beside it of the networks' first stages. ``anew`` is true, or not
    there: the cell is one of a strange session's first, and this verdict, by the statistics of all of these, is
    ``instead_of`` its own first one. ``poisoned`` is true, or not there: whoever was to judge it ended or hung each
    time, so it was set aside as rejected with shares of nothing; a better view keeps the verdict of the view before.
    ``engine`` names what ran the networks, where it was not the reference: numbers may differ in their last digits. An
    extra's version follows its name after a ``_``.
    """

    frame: Sha256
    index: Count
    cls: ClassName
    verdict: Verdict
    probabilities: Shares
    verifiers: Shares
    reject_score: float
    weights: str
    look: Look | None = None
    instead_of: Replaced | None = None
    stain: SessionStain | None = None
    unfamiliar: Literal[True] | None = None
    statistics: Ordinal | None = None
    moments: Digest | None = None
    anew: Literal[True] | None = None
    strange: Literal[True] | None = None
    poisoned: Literal[True] | None = None
    engine: EngineWord | None = None
    kind: Literal["counted"] = "counted"

    @model_validator(mode="after")
    def _of_the_same_classes(self) -> "Counted":
        if len(self.probabilities) != len(self.verifiers) or self.cls not in CLASSES[: len(self.probabilities)]:
            raise ValueError("probabilities and verifiers are not of the same classes, or its class is not among them")
        if self.unfamiliar and self.statistics is None and self.verdict not in ("flagged", "rejected"):
            raise ValueError(f"an unfamiliar cell cannot be {self.verdict}, but by the session's statistics")
        before = self.instead_of
        if (before is not None and (before.frame, before.index) == (self.frame, self.index)) != (self.anew is True):
            raise ValueError("a verdict given anew, and no other, is instead of one on the same view")
        if self.poisoned and (self.moments is not None or self.anew):
            raise ValueError("a cell that nobody could judge has no moments and is not judged anew")
        if self.poisoned and before is None and self.verdict != "rejected":
            raise ValueError(f"a cell that nobody could judge cannot be {self.verdict}")
        if self.anew and self.statistics is None:
            raise ValueError("a verdict is given anew by the session's statistics alone")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        names = ("look", "instead_of", "stain", "unfamiliar", "statistics", "moments", "anew", "strange", "poisoned")
        return without_none(handler(self), *names, "engine")


@dataclass(frozen=True, slots=True, config=STRICT)
class Labelled:
    """A person labelled a cell. ``ordinal`` counts one cell's labels from 1: all are kept, the last stands.

    ``machine`` is the verdict that stood on the leukocyte then, on whichever view; None where there was none yet, and
    in ledgers of before. ``reading`` is not there for the first reading, whose labels make the reviewed result; those
    of a second reader, who does not see the first one's, are numbered for themselves and change no result. ``drawn`` is
    true, or not there: the cell was named out of the random review, which is of the first reading, without the
    machine's word.
    """

    frame: Sha256
    index: Count
    label: LabelName
    by: Person
    ordinal: Ordinal
    labelled_at_ns: Count
    machine: Replaced | None = None
    reading: Reading | None = None
    drawn: Literal[True] | None = None
    kind: Literal["labelled"] = "labelled"

    @model_validator(mode="after")
    def _drawn_in_the_first_reading(self) -> "Labelled":
        if self.drawn and self.reading is not None:
            raise ValueError("a label of the second reading is none of the random review")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "machine", "reading", "drawn")


@dataclass(frozen=True, slots=True, config=STRICT)
class Stage:
    """How long one stage of the pipeline took, over ``n`` frames or cells."""

    n: Count
    median_ms: Annotated[float, Field(ge=0)]
    p95_ms: Annotated[float, Field(ge=0)]


@dataclass(frozen=True, slots=True, config=STRICT)
class Closed:
    """The hub ended in good order. ``counters`` names everything that was dropped, with zeros.

    ``left`` are files that were waited for, and ``left_more`` so many more; neither is there where there are none.
    """

    epoch: Ordinal
    complete: bool
    stages: Frozen[Stage]
    counters: Frozen[int]
    left: tuple[LeftFile, ...] | None = None
    left_more: Ordinal | None = None
    kind: Literal["closed"] = "closed"

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "left", "left_more")


Event: TypeAlias = (
    Opened
    | Seen
    | Rejected
    | Found
    | Ranged
    | Counted
    | Labelled
    | Described
    | Tallied
    | Analysed
    | Signed
    | Amended
    | Followed
    | LocationTested
    | LocationWithdrawn
    | Closed
)


@dataclass(frozen=True, slots=True, config=STRICT)
class Recorded:
    """An event in its place in the ledger. ``chain`` is the hash over it and everything before it."""

    number: Ordinal
    epoch: Ordinal
    recorded_at_ns: Count
    event: Annotated[Event, Field(discriminator="kind")]
    chain: Sha256


_EVENT: Final[TypeAdapter[Any]] = TypeAdapter(
    Annotated[Event, Field(discriminator="kind")], config=ConfigDict(defer_build=True)
)


def canonical_json(value: Any) -> bytes:
    """Spell a JSON value in its one canonical way.

    Parameters
    ----------
    value : Any
        Dictionaries with string keys, lists, tuples, strings, numbers, booleans, None.

    Returns
    -------
    bytes
        UTF-8 with sorted keys, no spaces, floats by ``repr``.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def event_to_bytes(event: Event) -> bytes:
    """Return the canonical bytes of an event: equal events, equal bytes."""
    return canonical_json(_EVENT.dump_python(event))


def event_from_bytes(body: bytes | str) -> Event:
    """Read an event back from its bytes.

    Raises
    ------
    EventInvalid
        The bytes are not JSON, of an unknown kind, or hold a wrong, missing or unknown value.
    """
    try:
        return _EVENT.validate_json(body)  # type: ignore[no-any-return]
    except ValidationError as error:
        raise EventInvalid(flaw_of(error)) from error


def flaw_of(error: Exception) -> str:
    """Return in one line why an event could not be made or was refused."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what
