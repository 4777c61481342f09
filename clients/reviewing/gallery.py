"""Every leukocyte of a session as a reader sees it: a fold over the events, taken on as they come."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final

from smearwatch.clients.reviewing.doubt import why_flagged
from smearwatch.daemon.corrected_text import adjusted_says
from smearwatch.daemon.record.classes import CLASSES, WITHDRAWN
from smearwatch.daemon.record.corrected import WITHIN, corrected_json
from smearwatch.daemon.record.draw import DrawFold
from smearwatch.daemon.record.events import CUT, Counted, Event, Found, FoundCell, Labelled, Reading, Seen
from smearwatch.daemon.record.nucleus import Nucleus
from smearwatch.daemon.record.persons import is_same_person
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.readings import ReadCell, ReadingsFold
from smearwatch.daemon.record.schema import LedgerUnusable
from smearwatch.daemon.record.tally import TallyFold
from smearwatch.daemon.record.tally_json import tally_json
from smearwatch.daemon.record.views import CellKey, counted_as
from smearwatch.daemon.record.worth import worth_labelling
from smearwatch.daemon.share_text import NOT_JUDGED
from smearwatch.daemon.sign_text import when_text

_AHEAD: Final = 100  # keys may come faster than answers
_WORTH: Final = 60
_AGAIN_S: Final = 0.9
READ_S: Final = 0.25
"""For so long a page has a long session read; then it says how far it is, and asks again."""

AT_ONCE: Final = 5_000
"""So many cells it then takes at once."""

_A_LOOK: Final = 100  # events between two looks at the clock


class NoSecondReading(Exception):
    """Labels that cannot be those of a second reader."""

    hint = "a second reading is one other person's, who does not see the first one's labels"


@dataclass(slots=True)
class View:
    """Where a leukocyte is seen whole: its box and centre in px of the frame, that frame's scale and its size in px."""

    frame: str
    index: int
    box: tuple[int, int, int, int]
    centre_xy_px: tuple[float, float]
    um_per_px: float
    size_px: tuple[int, int]
    nucleus: Nucleus | None


@dataclass(slots=True)
class GalleryCell:
    """A counted leukocyte.

    Attributes
    ----------
    number
        Its place in the order of counting, from 1.
    changed
        The event that changed it last.
    views
        By frame and index; `stands` is the one whose verdict stands.
    labels
        Every label it had: what, by whom, when (ns), the last one last.
    label_numbers
        Of the same, the events.
    """

    number: int
    changed: int
    views: dict[CellKey, View] = field(default_factory=dict)
    stands: Counted | None = None
    labels: list[Labelled] = field(default_factory=list)
    label_numbers: list[int] = field(default_factory=list)

    @property
    def label(self) -> str | None:
        """What a person calls it; None where nobody does."""
        return self.labels[-1].label if self.labels and self.labels[-1].label != WITHDRAWN else None


class Gallery:
    """A session's cells, kept up to its ledger. Safe for threads.

    Parameters
    ----------
    folder : Path
        The session's.
    reading : Reading, optional
        Whose labels it shows: those of the first reading, or blindly those of the second alone.
    within : float
        How near each share is to be known, in percentage points to either side.
    """

    def __init__(self, folder: Path, reading: Reading | None = None, within: float = WITHIN) -> None:
        self.folder = folder
        self._reading = reading
        self._within = within
        self._readings = ReadingsFold()
        self._disputed: dict[CellKey, ReadCell] = {}
        self._lock = Lock()
        self._fold = TallyFold()
        self._draws = DrawFold()
        self._corrected: dict[str, Any] | None = None
        self._corrected_at = (0, -_AGAIN_S)
        self._drawn: tuple[int, dict[str, Any]] = (-1, {})
        self._number = 0  # of the ledger's last event
        self._clock = 0  # the same as a page hears it: of events that its reader may know of, counted without a gap
        self._session = folder.name
        self._first: str | None = None
        self._names: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._cells: dict[CellKey, GalleryCell] = {}
        self._counted_as: dict[CellKey, CellKey] = {}

    def refresh(self, most_s: float | None = None) -> int:
        """Take in what was recorded since; returns how many percent of the ledger are taken in.

        Parameters
        ----------
        most_s
            Leave off after so many seconds, to go on the next time; None for all of it.

        Raises
        ------
        LedgerUnusable
            The ledger cannot be read, or is another one than before: the session was deleted and begun anew.
        """
        with self._lock, LedgerReader.read(self.folder) as ledger:
            self._session = self.folder.name
            for recorded in ledger.events(limit=1):
                self._first = self._first or recorded.chain
                if recorded.chain != self._first:
                    hint = "end this and open the session again"
                    raise LedgerUnusable(ledger.path, "the session was deleted and begun anew", hint)
            before, began_s = self._number, time.monotonic()
            for recorded in ledger.events(after=before):
                self._number = recorded.number
                self._clock = recorded.number if self._reading is None else self._clock + self._may_know(recorded.event)
                self._fold.apply(recorded.event)
                self._draws.apply(recorded)
                self._readings.apply(recorded.event)
                self._take(recorded.event)
                if most_s is not None and not self._number % _A_LOOK and time.monotonic() - began_s > most_s:
                    break
            if self._number > before:
                self._note_disputes()
            last = ledger.last_number
            return 100 if self._number >= last else 100 * self._number // last

    def tally(self) -> dict[str, Any]:
        """Return both results, as `sessions show --json` has them, and how many cells have a label of this reading.

        A second reader gets no reviewed result, which is made of the first one's labels, and no reasons of theirs.
        """
        with self._lock:
            tally = tally_json(self._fold, self._session, self._clock)
            tally["labelled"] = sum(cell.label is not None for cell in self._cells.values())
            return tally if self._reading is None else tally | _blind(tally)

    def corrected(self) -> dict[str, Any]:
        """Return the adjusted result, and what is to be said of it; nothing for a second reader."""
        if self._reading is not None:
            return {}
        with self._lock:
            # It takes a moment to compute, so not for each of many quick labels; what is left out the next second has.
            if self._corrected_at[0] != self._number and time.monotonic() - self._corrected_at[1] > _AGAIN_S:
                self._corrected = corrected_json(self._draws, self._within)
                self._corrected_at = (self._number, time.monotonic())
            corrected = self._corrected
            signed = self._fold.signed is not None
            says = None if corrected is None else adjusted_says(corrected, signed=signed)
            return {"corrected": corrected, "corrected_says": says}

    def draw(self) -> dict[str, Any]:
        """Return the next cells of the random review, how many it still asks for, and how many were named in it.

        A signed session takes no labels, so nothing is asked for. A second reader gets nothing of this.
        """
        if self._reading is not None:
            return {}
        with self._lock:
            if self._drawn[0] == self._number:  # it takes a moment, and a page asks each second
                return self._drawn[1]
            asked = [] if self._fold.signed else self._draws.sample().asked
            drawn = {
                "next": [f"{frame}:{index}" for frame, index in (cell.key for cell in asked[:_AHEAD])],
                "left": len(asked),
                "named": len(self._draws.drawn()),
                "closed": self._fold.signed is not None,
            }
            self._drawn = (self._number, drawn)
            return drawn

    def worth_labelling(self) -> list[str]:
        """Return the cells without a label whose labels would teach new weights most, the best first."""
        with self._lock:
            stands = {
                key: cell.stands for key, cell in self._cells.items() if cell.stands is not None and cell.label is None
            }
        return [f"{frame}:{index}" for frame, index in worth_labelling(stands)[:_WORTH]]

    def second_reader(self, keys: Iterable[CellKey], by: str) -> str:
        """Return under which name a second reader labels: as it was spelt first.

        Raises
        ------
        NoSecondReading
            The labels are not those of a second, blind reading by one person.
        """
        with self._lock:
            if self._readings.has_read_first(by):
                raise NoSecondReading(f"{by} has labelled this session in the first reading")
            known = self._readings.readers(second=True)
            spelt = next((each for each in known if is_same_person(each, by)), None)
            if known and spelt is None:
                raise NoSecondReading(f"the second reading of {self._session} is {known[0]}'s, not {by}'s")
            cells = (self._readings.cell(key) for key in keys)
            if any(cell is not None and cell.compared for cell in cells):
                raise NoSecondReading("both readers are through, and their readings are compared")
            return spelt or by

    def closed(self) -> str:
        """Return why no label is taken now, and what opens it again; nothing while they are."""
        with self._lock:
            signed = self._fold.signed
            if self._reading is None:
                return "" if signed is None else f"signed by {signed.by}: amend it before you label a cell"
            if signed is not None:
                amend = f'smearwatch sessions amend {self._session} --by WHO --reason "..."'
                return (
                    f"signed by {signed.by}, so nothing can be read a second time until somebody amends it: "
                    f"by amend on its page without --second, or by {amend}"
                )
            if self._readings.through:
                return f"both readers are through; smearwatch sessions readers {self._session} compares them"
            return ""

    def reading_lines(self) -> list[str]:
        """Return whose second reading it is, and why nothing can be named in it now; nothing for the first reading."""
        if self._reading is None:
            return []
        with self._lock:
            known = self._readings.readers(second=True)
        whose = [f"This second reading is {known[0]}'s alone: another name is not taken."] if known else []
        closed = self.closed()
        return [*whose, *([f"Nothing can be named here: {closed}."] if closed else [])]

    def disputed(self, keys: Iterable[CellKey]) -> set[CellKey]:
        """Return those of the keys on which the readers disagree, and nobody has decided."""
        with self._lock:
            return {key for key in keys if key in self._disputed}

    def meanwhile(self, keys: Iterable[CellKey], by: str, after: int) -> list[dict[str, str]]:
        """Return what others than `by` said of cells after an event, which a page had shown last."""
        with self._lock:
            return [
                {"id": f"{key[0]}:{key[1]}", "label": label.label, "by": label.by}
                for key in keys
                for label, number in zip(self._cells[key].labels, self._cells[key].label_numbers, strict=True)
                if number > after and label.by != by
            ]

    def changes(self, after: int, most: int | None = None) -> tuple[int, list[dict[str, Any]], bool]:
        """Return the judged cells that changed after an event, that of the last change among them, if more follow.

        ``most`` cells at once, or a few more that changed with the last one. A second reader's events are counted
        without the first one's labels, so that no number tells of these.
        """
        with self._lock:
            changed = [each for each in self._cells.items() if each[1].changed > after and each[1].stands is not None]
            until, more = self._clock, most is not None and len(changed) > most
            if most is not None and more:
                changed.sort(key=lambda each: each[1].changed)
                until = changed[most - 1][1].changed
            return until, [self._row(key, cell) for key, cell in changed if cell.changed <= until], more

    def cell(self, key: CellKey) -> dict[str, Any] | None:
        """Return all that is known of a cell; None for one that is not judged or not there."""
        with self._lock:
            cell = self._cells.get(key)
            if cell is None or cell.stands is None:
                return None
            stands = cell.stands
            view = cell.views[stands.frame, stands.index]
            return self._row(key, cell) | {
                "probabilities": dict(zip(CLASSES, stands.probabilities, strict=False)),
                "verifiers": dict(zip(CLASSES, stands.verifiers, strict=False)),
                "reject_score": stands.reject_score,
                "why": why_flagged(stands),
                "frame_name": self._names.get(stands.frame, ""),
                "views": [self._seen_in(each) for each in cell.views.values()],
                "nucleus": None if view.nucleus is None else asdict(view.nucleus),
                "labels": [[each.label, each.by, when_text(each.labelled_at_ns)] for each in cell.labels],
            }

    def _seen_in(self, view: View) -> dict[str, Any]:
        """Return a frame that shows a leukocyte whole, by its number in the order of arrival, and where it lies."""
        name, number = self._names.get(view.frame, ""), self._numbers.get(view.frame, 0)
        return {"frame": view.frame, "index": view.index, "name": name, "number": number, "box": view.box}

    def view(self, key: CellKey) -> View | None:
        """Return where a view lies, by its own frame and index; None where there is none."""
        with self._lock:
            counted = self._counted_as.get(key)
            return None if counted is None else self._cells[counted].views[key]

    def frame_size_px(self, frame: str) -> tuple[int, int] | None:
        """Return the size of a frame in which cells were looked for, None for another one."""
        with self._lock:
            return self._sizes.get(frame)

    def keys(self, wanted: Iterable[CellKey]) -> list[CellKey]:
        """Return those of the keys that are counted cells."""
        with self._lock:
            return [key for key in wanted if key in self._cells]

    def _take(self, event: Event) -> None:
        match event:
            case Seen():
                self._names[event.frame] = event.name
                self._numbers[event.frame] = len(self._numbers) + 1
            case Found():
                self._sizes[event.frame] = (event.width_px, event.height_px)
                for found in event.cells:
                    if found.left_out != CUT:
                        self._found(event, found)
            case Counted():
                cell = self._cells[self._counted_as[event.frame, event.index]]
                cell.stands, cell.changed = event, self._clock
            case Labelled() if event.reading == self._reading:
                cell = self._cells[event.frame, event.index]
                cell.labels.append(event)
                cell.label_numbers.append(self._clock)
                cell.changed = self._clock

    def _note_disputes(self) -> None:
        """Note which cells the readers, both through, call otherwise; whoever reads blindly does not hear of it."""
        if self._reading is not None:
            return
        before = self._disputed
        self._disputed = {cell.key: cell for cell in self._readings.disputed if cell.settled is None}
        for key in before.keys() ^ self._disputed.keys():
            self._cells[key].changed = self._clock

    def _may_know(self, event: Event) -> bool:
        """Return whether the reader may hear of an event: of no label of the other reading."""
        return not isinstance(event, Labelled) or event.reading == self._reading

    def _found(self, frame: Found, found: FoundCell) -> None:
        key = counted_as(frame.frame, found)
        cell = self._cells.setdefault(key, GalleryCell(len(self._cells) + 1, self._clock))
        own = (frame.frame, found.index)
        self._counted_as[own], cell.changed = key, self._clock
        cell.views[own] = View(
            *own, found.box, found.centre_xy_px, frame.um_per_px, self._sizes[frame.frame], found.nucleus
        )

    def _row(self, key: CellKey, cell: GalleryCell) -> dict[str, Any]:
        stands = cell.stands
        assert stands is not None
        label = cell.label
        return {
            "id": f"{key[0]}:{key[1]}",
            "number": cell.number,
            "picture": f"{stands.frame}/{stands.index}",
            "class": NOT_JUDGED if stands.poisoned and stands.instead_of is None else stands.cls,
            "verdict": stands.verdict,
            "probability": round(stands.probabilities[CLASSES.index(stands.cls)], 4),
            "seen_in": [[self._numbers[each.frame], self._names[each.frame]] for each in cell.views.values()],
            "label": label,
            "by": cell.labels[-1].by if label else None,
            "readers": None if (disputed := self._disputed.get(key)) is None else _readers(disputed),
        }


def _blind(tally: dict[str, Any]) -> dict[str, Any]:
    signed = tally["signed"]
    bare = None if signed is None else signed | {"overruled": [], "note": None}
    return {"reviewed": None, "signed": bare, "amendments": []}


def _readers(cell: ReadCell) -> list[list[str]]:
    return [[label.label, label.by] for label in (cell.first, cell.second) if label is not None]
