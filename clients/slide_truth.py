"""A session of a simulated slide held against the slide's own truth, cell by cell."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from smearwatch.daemon.record.events import CLASSES, COUNTS, Counted, Found, FoundCell, Seen
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.views import counted_as
from smearwatch.daemon.regular_file import read_text

# A found cell belongs to the truth's cell whose centre lies nearest, and no farther than this.
NEAR_UM = 5.0


@dataclass(slots=True)
class Held:
    """What came of holding a session against the truth, over the frames that were counted.

    Attributes
    ----------
    truth, named : Counter
        Whole cells by class, as the slide made them and as the session counted them.
    pairs : Counter
        (true class, counted class or ``rejected``) of the cells that belong together.
    left_at_edge : int
        Whole true cells so near the border that they were left out as possibly cut.
    missed, invented : int
        Whole true cells that were not found, counted cells that are none.
    frames : int
        Frames that were counted; the cells of rejected ones are in neither column.
    scale_ratio : list of float
        Estimated over true µm/px, one a frame.
    """

    truth: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_at_edge: int = 0
    missed: int = 0
    invented: int = 0
    frames: int = 0
    scale_ratio: list[float] = field(default_factory=list)

    @property
    def named_rightly(self) -> int:
        """How many cells were given the class that they have."""
        return sum(count for (true, counted), count in self.pairs.items() if true == counted)

    @property
    def matched(self) -> int:
        """How many whole true cells were found and judged."""
        return self.pairs.total()


def read_truth(path: Path) -> dict[str, dict[str, object]]:
    """Return the truth of each field by its file's name."""
    return {entry["file"]: entry for entry in map(json.loads, read_text(path).splitlines())}


def hold(session: Path, truth: dict[str, dict[str, object]]) -> Held:
    """Hold a recorded session against the truth of the slide that it counted."""
    held = Held()
    names: dict[str, str] = {}
    found: dict[str, Found] = {}
    verdicts: dict[tuple[str, int], str] = {}
    with LedgerReader.read(session) as ledger:
        for recorded in ledger.events():
            event = recorded.event
            if isinstance(event, Seen):
                names[event.frame] = event.name
            elif isinstance(event, Found):
                found[event.frame] = event
            elif isinstance(event, Counted):
                # A better view's verdict stands for the cell as it is counted.
                cell = next(cell for cell in found[event.frame].cells if cell.index == event.index)
                verdicts[counted_as(event.frame, cell)] = "rejected" if event.verdict == "rejected" else event.cls
    for frame, field_found in found.items():
        if (entry := truth.get(names[frame])) is not None:
            _hold_field(held, field_found, entry, verdicts)
    return held


def _hold_field(held: Held, found: Found, entry: dict[str, object], verdicts: dict[tuple[str, int], str]) -> None:
    held.frames += 1
    scale = float(str(entry["um_per_px"]))
    held.scale_ratio.append(found.um_per_px / scale)
    true_cells = entry["cells"]
    assert isinstance(true_cells, list)
    free = {cell.index: cell for cell in found.cells}
    for true in true_cells:
        nearest = _nearest(free.values(), true["centre"], NEAR_UM / scale)
        if nearest is not None:
            del free[nearest.index]
            if nearest.left_out == COUNTS and (found.frame, nearest.index) not in verdicts:
                continue  # it waits: the count was full before it
        if true["at_edge"]:
            # Whether a cut cell is found or not, it belongs to neither count.
            named = verdicts.get((found.frame, nearest.index)) if nearest is not None else None
            if named is not None and named != "rejected":
                held.invented += 1
                held.named[named] += 1
            continue
        held.truth[true["class"]] += 1
        name = verdicts.get((found.frame, nearest.index)) if nearest is not None else None
        if name is None:
            held.left_at_edge += nearest is not None
            held.missed += nearest is None
            continue
        held.pairs[true["class"], name] += 1
        held.named[name] += name != "rejected"
    for cell in free.values():
        name = verdicts.get((found.frame, cell.index))
        if name is not None and name != "rejected":
            held.invented += 1
            held.named[name] += 1


def _nearest(cells: Iterable[FoundCell], centre: list[float], within_px: float) -> FoundCell | None:
    def distance_px(cell: FoundCell) -> float:
        return float(((cell.centre_xy_px[0] - centre[0]) ** 2 + (cell.centre_xy_px[1] - centre[1]) ** 2) ** 0.5)

    near = [cell for cell in cells if distance_px(cell) <= within_px]
    return min(near, key=distance_px) if near else None


def rows(held: Held) -> list[tuple[str, int, int]]:
    """Return (class, true, counted) in the order of the classes."""
    return [(name, held.truth[name], held.named[name]) for name in CLASSES]
