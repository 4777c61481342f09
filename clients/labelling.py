"""Labels from a table into a recorded session: every row is checked first, and all are written or none."""

import difflib
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from smearwatch.clients.label_table import Row
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.plain_words import nearest
from smearwatch.daemon.record.events import LABELS, Found, FoundCell, Labelled, LabelName, Seen
from smearwatch.daemon.record.extra_classes import extra_classes_of
from smearwatch.daemon.record.labels import next_label
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.views import counted_as
from smearwatch.daemon.share_text import label_text

_AS_SCREENS_SAY: Final[Mapping[str, LabelName]] = {label_text(name).replace(" ", "_"): name for name in LABELS}

_YES: Final = frozenset(("yes", "true", "1"))
_NO: Final = frozenset(("", "no", "false", "0"))


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be written: its line in the file, what is wrong, and how to mend it."""

    line: int
    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a table comes to.

    Attributes
    ----------
    labels
        The events to write.
    bad
        Rows that cannot be written; then none is to be.
    unchanged
        Rows with the label that the same person gave last.
    empty
        Rows without a label, as an exported table has them for the cells that nobody labelled.
    """

    labels: tuple[Labelled, ...]
    bad: tuple[BadRow, ...]
    unchanged: int
    empty: int


class _Unfit(Hinted):
    pass


def check(rows: Sequence[Row], ledger: LedgerReader, *, by: str, labelled_at_ns: int) -> Checked:
    """Compare a table with a session.

    Parameters
    ----------
    rows : sequence of Row
        From `smearwatch.clients.label_table.read_table`.
    ledger : LedgerReader
        The session; nobody else may write it meanwhile.
    by : str
        The person whose labels they are.
    labelled_at_ns : int
        When, in nanoseconds since 1970.
    """
    session = _Session(ledger)
    labels: list[Labelled] = []
    bad: list[BadRow] = []
    first: dict[tuple[str, int], tuple[int, str]] = {}
    counts: Counter[str] = Counter()
    for line, row in rows:
        try:
            if not row.get("label"):
                counts["empty"] += 1
                continue
            cell = session.cell(row)
            name = session.label(row["label"])
            before = first.setdefault(cell, (line, name))
            if before[1] != name:
                raise _Unfit(f"the same cell as in line {before[0]}, with another label", "delete one of the two lines")
            if before[0] != line:  # another view of the same leukocyte
                counts["unchanged"] += 1
                continue
            last = session.labels(cell[0]).get(cell[1])
            if session.is_as_exported(cell, row, name, last):
                counts["unchanged"] += 1
                continue
            drawn = _drawn(row.get("drawn", ""))
            event = next_label(ledger, *cell, name, by=by, labelled_at_ns=labelled_at_ns, last=last, drawn=drawn)
            if event is None:
                counts["unchanged"] += 1
            else:
                labels.append(event)
        except _Unfit as unfit:
            bad.append(BadRow(line, str(unfit), unfit.hint))
    return Checked(tuple(labels), tuple(bad), counts["unchanged"], counts["empty"])


def _drawn(text: str) -> bool:
    """Return whether a row says that its cell was named out of the random review, without the machine's word."""
    typed = text.lower()
    if typed not in _YES | _NO:
        raise _Unfit(f"{text!r} in the column drawn", "write yes, or leave it empty")
    return typed in _YES


class _Session:
    """Finds the cell that a row speaks of; what was read of a frame is kept, since a table goes frame by frame."""

    def __init__(self, ledger: LedgerReader) -> None:
        self._ledger = ledger
        self._by_name = _frames_by_name(ledger)
        self._found: dict[str, Found | None] = {}
        self._labels: dict[str, Mapping[int, Labelled]] = {}
        extra = extra_classes_of(each.extra_classes for each in ledger.openings())
        self._extra = {name: each.label for each in extra for name in (each.name, each.label)}

    def label(self, text: str) -> LabelName:
        """Return what a person calls a cell, by the ledger's name; raises `_Unfit`."""
        typed = text.lower().replace(" ", "_")
        name = self._extra.get(typed) or _AS_SCREENS_SAY.get(typed, typed)
        known = (*LABELS, *(each for each in self._extra if ":" not in each))
        if name in known or name in self._extra.values():
            return name
        near = nearest(name, known)
        hint = f"did you mean {near}?" if near else f"one of {', '.join(known)}"
        raise _Unfit(f"{text!r} is no label in this session", hint)

    def labels(self, frame: str) -> Mapping[int, Labelled]:
        if frame not in self._labels:
            self._labels[frame] = self._ledger.last_labels(frame)
        return self._labels[frame]

    def cell(self, row: dict[str, str]) -> tuple[str, int]:
        frame = self._frame(row.get("frame") or row.get("name", ""))
        if frame not in self._found:
            self._found[frame] = self._ledger.found(frame)
        found = self._found[frame]
        if found is None:
            raise _Unfit("no cells were found in that frame", "delete this line")
        cell = _by_index(found, row["index"]) if row.get("index") else _by_point(found, row)
        if cell.at_edge:
            raise _Unfit(f"cell {cell.index} is cut by the edge of its frame, so never counted", "delete this line")
        return counted_as(frame, cell)  # whichever view of a leukocyte the row names, the label is the leukocyte's

    def is_as_exported(self, cell: tuple[str, int], row: dict[str, str], label: str, last: Labelled | None) -> bool:
        """Return whether a row has the label still that it was exported with, whatever was said since.

        A label that was changed in the table is refused where the cell has got another one since it was exported.
        """
        number = row.get("label_number", "").removesuffix(".0")  # as programs write it in a column with gaps
        if not number.isdecimal() or last is None:
            return False
        exported = self._ledger.label(*cell, int(number[:9]))
        if exported is not None and exported.label == label:
            return True
        if last.ordinal > int(number[:9]):
            what = f"labelled {last.label} by {last.by} after this table was made"
            raise _Unfit(what, "export the table again, or delete this line")
        return False

    def _frame(self, given: str) -> str:
        if self._ledger.has_seen(given.lower()):
            return given.lower()
        frames = self._by_name.get(given, [])
        if not frames:
            near = difflib.get_close_matches(given, self._by_name, n=1)
            raise _Unfit(
                f"no frame {given!r} in the session",
                f"did you mean {near[0]}?" if near else "name a frame of this session",
            )
        if len(frames) > 1:
            raise _Unfit(f"{len(frames)} frames of the session are called {given!r}", "name the frame by its SHA-256")
        return frames[0]


def _frames_by_name(ledger: LedgerReader) -> dict[str, list[str]]:
    frames: dict[str, list[str]] = defaultdict(list)
    for seen in _seen(ledger):
        frames[seen.name].append(seen.frame)
    return frames


def _seen(ledger: LedgerReader) -> Iterator[Seen]:
    for recorded in ledger.seen_frames():
        assert isinstance(recorded.event, Seen)
        yield recorded.event


def _by_index(found: Found, text: str) -> FoundCell:
    for cell in found.cells:
        if str(cell.index) == text:
            return cell
    known = ", ".join(str(cell.index) for cell in found.cells)
    raise _Unfit(f"no cell {text!r} in that frame", f"give one of {known}" if known else "delete this line")


def _by_point(found: Found, row: dict[str, str]) -> FoundCell:
    """Return the cell whose box holds the point; where boxes overlap, the one with the nearer centre."""
    try:
        x, y = (float(row.get(name, "").replace(",", ".")) for name in ("x", "y"))  # some lands write a comma
    except ValueError:
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise _Unfit("neither an index nor x and y in pixels", "give one or the other")
    inside = [cell for cell in found.cells if _holds(cell.box, x, y)]
    if not inside:
        raise _Unfit(f"no cell was found at {x:g}, {y:g}", "give a point within the cell, in pixels of the frame")
    return min(inside, key=lambda cell: math.dist(cell.centre_xy_px, (x, y)))


def _holds(box: tuple[int, int, int, int], x: float, y: float) -> bool:
    left, top, width, height = box
    return left <= x <= left + width and top <= y <= top + height
