"""A session's result as one frozen document, from which every format draws: so every file gives the same counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from smearwatch.daemon.record.extra_classes import ExtraClass
from smearwatch.daemon.record.targets import Progress

RowKind: TypeAlias = Literal["class", "sum", "undivided", "extra", "per_100"]
Status: TypeAlias = Literal["preliminary", "signed", "amended"]


@dataclass(frozen=True, slots=True)
class Share:
    """A share in percent with its 95 % limits; without cells the value is None and nothing is known (0 to 100)."""

    value: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """What a session's cells come to under one name.

    Attributes
    ----------
    name
        A class, ``neutrophils`` (band, segmented and those of which nobody said which, together),
        ``neutrophils_undivided``, an extra class by its name, or another nucleated cell.
    label
        As the ledger writes it; of the two rows of neutrophils the name.
    kind
        ``class``, ``undivided`` and ``extra`` add up to the leukocytes; ``sum`` is made of others; ``per_100`` is
        beside the leukocytes, for each 100 of them.
    counted, counted_share
        By the machine; None of what it does not name.
    reviewed, reviewed_share
        With a person's labels; None where nobody has labelled a cell. Limits are of sampling alone.
    corrected
        The share as a random review says it, with limits for sampling and the machine's errors; None without one, or
        where too few cells are named in it.
    per_100
        For each 100 leukocytes, of a row of that kind that a person has named.
    """

    name: str
    label: str
    kind: RowKind
    counted: int | None
    counted_share: Share | None
    reviewed: int | None
    reviewed_share: Share | None
    corrected: Share | None = None
    per_100: float | None = None

    @property
    def cells(self) -> int | None:
        """The cells of the result that stands: as reviewed, or as counted where nobody has labelled a cell."""
        return self.counted if self.reviewed is None else self.reviewed

    @property
    def share(self) -> Share | None:
        """The share of the result that stands, see `cells`."""
        return self.counted_share if self.reviewed is None else self.reviewed_share


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Cells that were found and are not among the counted ones: why, and how many.

    ``rejected`` (by the machine), ``at_edge``, ``seen_again`` (the same leukocyte in an earlier frame), ``pending``.
    """

    why: Literal["rejected", "at_edge", "seen_again", "pending"]
    cells: int


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames: seen = counted + rejected (by ``reasons``) + pending; ``unplaced`` overlapped no earlier one."""

    seen: int
    counted: int
    rejected: int
    pending: int
    unplaced: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale that frames were searched by, in um per pixel: median, smallest, largest, of how many frames, whence."""

    source: str
    um_per_px: float
    low: float
    high: float
    frames: int


@dataclass(frozen=True, slots=True)
class ScaleContradicted:
    """What the red cells say where they contradict a scale, in um per pixel; in words, and what to do about it."""

    red_cells_um_per_px: float
    says: str
    mend: str


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights that named cells: their identity (SHA-256), and their name where they are known here."""

    identity: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Overruled:
    """A gate that was open at the signature, and the signer's reason."""

    gate: str
    reason: str


@dataclass(frozen=True, slots=True)
class Signature:
    """The signature that holds under the result."""

    by: str
    at: datetime
    ordinal: int
    note: str | None
    overruled: tuple[Overruled, ...]


@dataclass(frozen=True, slots=True)
class Amendment:
    """A signed session was reopened."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Reader:
    """A person whose labels stand, in the first reading (whose labels make the result) or the second; on how many."""

    name: str
    reading: Literal["first", "second"]
    cells: int


@dataclass(frozen=True, slots=True)
class OtherCount:
    """A tally by hand beside the session's count, in no sum with it. ``cells`` are its leukocytes."""

    by: str
    at: datetime
    ordinal: int
    cells: int
    counts: Mapping[str, int]
    neutrophils: int
    shares: Mapping[str, Share]
    others: Mapping[str, int]
    set_aside: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Printout:
    """An analyser's differential of the same blood, as it was typed in: percentages as printed, or counts."""

    by: str
    at: datetime
    ordinal: int
    percent: Mapping[str, str] | None
    counts: Mapping[str, int] | None
    cells: int | None


@dataclass(frozen=True, slots=True)
class Review:
    """How far persons have reviewed the cells.

    Attributes
    ----------
    labelled, changed
        Labelled cells, and those of them that are called something else than the machine called them.
    flagged, rejected
        Cells that the machine flagged or rejected, and nobody has labelled.
    set_aside
        Labelled cells that are no leukocyte and not for each 100, by label.
    """

    labelled: int
    changed: int
    flagged: int
    rejected: int
    set_aside: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Corrected:
    """The random review: drawn cells that the adjusted shares stand on, all labelled ones, those without a name.

    With fewer drawn than ``needed`` no row has a share.
    """

    drawn: int
    labelled: int
    left: int
    needed: int

    @property
    def few(self) -> bool:
        """Whether too few cells were drawn to give shares."""
        return self.drawn < self.needed


@dataclass(frozen=True, slots=True)
class SessionResult:
    """A session's result, folded once from its ledger.

    Attributes
    ----------
    session, title, specimen, operator, note
        What it is called, and what people say of it; ``described_by`` the last who did. None where nobody did.
    event, chain
        The last event that is in it, and the hash over all up to that one.
    began_at, last_at
        Of the first and the last event, with their offset from UTC.
    running, complete
        Whether it is being counted, and whether nothing is pending.
    version, counted_by
        This program's version, and those that counted.
    rows
        The six classes in their order, the neutrophils together, and what else there is; see `Row`.
    cells, reviewed_cells
        The denominators: leukocytes as counted, and as reviewed; the second None where nobody has labelled a cell.
    found, left_out
        All leukocytes found = ``cells`` + those left out.
    flagged, unfamiliar
        Of the counted cells.
    mark
        Why the percentages of the result that stands may be wrong; None for nothing.
    counted_mark
        The same of the percentages as counted.
    scale_contradicted
        A scale that the red cells contradict; None for none.
    drift
        What is beyond what the weights were trained on, now; None where nothing is.
    drifted
        How many cells were judged under a drift alarm.
    watched
        Cells that the drift alarm looks at by now; 0 where the weights do not know what they were trained on.
    corrected
        None without a random review.
    targets
        How far each is reached in the result that stands.
    standing
        Lines that say how the result stands: signed by whom, or preliminary.
    """

    session: str
    title: str | None
    specimen: str | None
    operator: str | None
    note: str | None
    described_by: str | None
    follows: str | None
    followed_by: str | None
    event: int
    chain: str | None
    began_at: datetime | None
    last_at: datetime | None
    running: bool
    complete: bool
    version: str
    counted_by: tuple[str, ...]
    weights: tuple[Weights, ...]
    band_rule: str | None
    field_um: float | None
    scales: tuple[Scale, ...]
    rows: tuple[Row, ...]
    cells: int
    reviewed_cells: int | None
    found: int
    left_out: tuple[LeftOut, ...]
    judged_again: int
    flagged: int
    unfamiliar: int
    frames: Frames
    review: Review | None
    corrected: Corrected | None
    mark: str | None
    counted_mark: str | None
    scale_contradicted: ScaleContradicted | None
    pictures_elsewhere: Mapping[str, int]
    drift: str | None
    drifted: int
    watched: int
    targets: tuple[Progress, ...]
    extra_classes: tuple[ExtraClass, ...]
    readers: tuple[Reader, ...]
    status: Status
    signature: Signature | None
    amendments: tuple[Amendment, ...]
    standing: tuple[str, ...]
    tallies: tuple[OtherCount, ...]
    analysers: tuple[Printout, ...]
    research_use: str

    @property
    def denominator(self) -> int:
        """The leukocytes of the result that stands."""
        return self.cells if self.reviewed_cells is None else self.reviewed_cells

    @property
    def stands(self) -> Literal["counted", "reviewed"]:
        """Which result stands: as reviewed where a person has labelled a cell, else as counted."""
        return "counted" if self.reviewed_cells is None else "reviewed"

    def row(self, name: str) -> Row:
        """Return the row of a name; raises KeyError."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)
