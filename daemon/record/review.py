"""The reviewed result: what a person called the labelled cells, and the machine the others; a fold over the events."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from smearwatch.daemon.record.classes import (
    CLASSES,
    NEUTROPHILS,
    UNDIVIDED,
    WITHDRAWN,
    ClassName,
    LabelName,
    in_their_order,
    is_for_each_100,
    is_leukocyte,
)
from smearwatch.daemon.record.events import Counted, Labelled, Verdict


@dataclass(slots=True)
class LabelledCell:
    """A leukocyte that a person labelled.

    Attributes
    ----------
    label
        The one that stands.
    cls, verdict
        The machine's, None where it has not judged the cell yet.
    """

    label: LabelName
    cls: ClassName | None = None
    verdict: Verdict | None = None


_STATE: Final = TypeAdapter(dict[str, tuple[str, LabelName, ClassName | None, Verdict | None]])


class ReviewFold:
    """Remembers the labelled cells, and nothing of the others.

    A better view of a labelled leukocyte changes what the machine says of it, and not its label.
    """

    def __init__(self) -> None:
        # By the view whose verdict stands; with the cell under which the leukocyte is counted.
        self._cells: dict[str, tuple[str, LabelledCell]] = {}
        self._views: dict[str, str] = {}

    def labelled(self, event: Labelled) -> None:
        """Take in a label."""
        counted = _key(event.frame, event.index)
        machine = event.machine
        view = counted if machine is None else _key(machine.frame, machine.index)
        before = self._cells.pop(self._views.get(counted, view), None)
        if event.label == WITHDRAWN:
            self._views.pop(counted, None)
            return
        cell = LabelledCell(event.label)
        if machine is not None:
            cell.cls, cell.verdict = machine.cls, machine.verdict
        elif before is not None:
            cell.cls, cell.verdict = before[1].cls, before[1].verdict
            view = self._views.get(counted, view)
        self._cells[view] = (counted, cell)
        self._views[counted] = view

    def counted(self, event: Counted) -> None:
        """Take in a verdict, where it is on a leukocyte that has a label already."""
        view = _key(event.frame, event.index)
        stood = view if event.instead_of is None else _key(event.instead_of.frame, event.instead_of.index)
        found = self._cells.pop(stood, None)
        if found is None:
            return
        counted, cell = found
        cell.cls, cell.verdict = event.cls, event.verdict
        self._cells[view] = (counted, cell)
        self._views[counted] = view

    def snapshot(self) -> dict[str, Any]:
        """Return everything the fold remembers as plain dictionaries, lists and strings."""
        return {view: [counted, cell.label, cell.cls, cell.verdict] for view, (counted, cell) in self._cells.items()}

    def restore(self, snapshot: object) -> None:
        """Go on where a snapshot was taken; raises `pydantic.ValidationError` where it is none."""
        state = _STATE.validate_python(snapshot)
        self._cells = {
            view: (counted, LabelledCell(label, cls, verdict)) for view, (counted, label, cls, verdict) in state.items()
        }
        self._views = {counted: view for view, (counted, _) in self._cells.items()}

    @property
    def cells(self) -> list[LabelledCell]:
        """The labelled cells, in no order."""
        return [cell for _, cell in self._cells.values()]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A session's cells by name: a person's where there is a label, else the machine's.

    Attributes
    ----------
    labelled, changed
        Labelled cells; those of them that are called something else than the machine called them.
    counts
        Leukocytes by class: the six, then those of the laboratory's own that count among them, where there are any.
    undivided
        Leukocytes that a person called neutrophil, and the machine neither band nor segmented.
    others, set_aside
        Other nucleated cells by label, and by label what is none or could not be told. Neither is among the leukocytes.
    flagged, rejected
        Cells that the machine flagged or rejected, and nobody has labelled.
    """

    labelled: int
    changed: int
    counts: dict[str, int]
    undivided: int
    others: dict[str, int]
    set_aside: dict[str, int]
    flagged: int
    rejected: int

    @property
    def cells(self) -> int:
        """How many leukocytes there are: the denominator of every share."""
        return sum(self.counts.values()) + self.undivided

    @property
    def neutrophils(self) -> int:
        """How many are neutrophils, divided into band and segmented or not."""
        return sum(self.counts[name] for name in NEUTROPHILS) + self.undivided


def review(cells: list[LabelledCell], counts: Mapping[str, int], verdicts: Mapping[str, int]) -> Reviewed:
    """Put a person's labels in the place of the machine's names.

    Parameters
    ----------
    cells
        The labelled ones.
    counts, verdicts
        All cells as the machine counted them: by class without the rejected ones, and by verdict.
    """
    named: Counter[str] = Counter(counts)
    left = Counter(verdicts)
    apart: Counter[str] = Counter()
    undivided = changed = 0
    for cell in cells:
        if cell.verdict is not None:
            left[cell.verdict] -= 1
        if cell.cls is not None and cell.verdict != "rejected":
            named[cell.cls] -= 1
        name = name_of(cell)
        changed += not _agrees(name, cell)
        if name in CLASSES:
            named[name] += 1
        elif name == UNDIVIDED:
            undivided += 1
        else:
            apart[name] += 1
    return Reviewed(
        labelled=len(cells),
        changed=changed,
        counts={name: named[name] for name in CLASSES if name in named}
        | {name: n for name, n in sorted(apart.items()) if is_leukocyte(name)},
        undivided=undivided,
        others={name: apart[name] for name in in_their_order(apart) if is_for_each_100(name)},
        set_aside={name: n for name, n in sorted(apart.items()) if not (is_leukocyte(name) or is_for_each_100(name))},
        flagged=left["flagged"],
        rejected=left["rejected"],
    )


def name_of(cell: LabelledCell) -> str:
    """Return what a cell is called: whoever says neutrophil leaves the machine's word on band or segmented."""
    if cell.label == UNDIVIDED and cell.cls in NEUTROPHILS and cell.verdict != "rejected":
        return cell.cls
    return cell.label


def _agrees(name: str, cell: LabelledCell) -> bool:
    """Return whether the machine said the same; what it rejected is none of the classes."""
    if cell.verdict == "rejected":
        return not is_leukocyte(name)
    return cell.cls is None or name == cell.cls


def _key(frame: str, index: int) -> str:
    return f"{frame}:{index}"
