"""A recorded session to be reviewed: real frames with drawn cells, verdicts written by hand, nothing counted."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from smearwatch.daemon.record.band_rules import WORDS
from smearwatch.daemon.record.events import (
    CLASSES,
    Closed,
    Counted,
    Found,
    FoundCell,
    LookRange,
    Opened,
    Ranged,
    Seen,
    Verdict,
)
from smearwatch.daemon.record.extra_classes import ExtraClass
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.placement import CellName
from smearwatch.daemon.record.tally import TallyFold

WIDTH, HEIGHT, ACROSS = 640, 480, 6
_VERDICTS: tuple[Verdict, ...] = ("confirmed", "flagged", "confirmed", "rejected", "corrected", "confirmed")


def record(
    folder: Path,
    cells: int,
    *,
    name: str = "{}.jpg",
    a_frame: int = 24,
    extra: tuple[ExtraClass, ...] | None = None,
    store: Callable[[np.ndarray], bytes] | None = None,
    again: int = 0,
    look: dict[str, float] | None = None,
    red_cells_um_per_px: float | None = None,
) -> None:
    """Record a session of so many cells; class and verdict of each follow from its number.

    `store` writes a field (red first) as a file; so many of the first frame's cells are seen again in a last frame.
    With a `look` each cell has it, and the weights met only such that have half of each measure. The scale is given as
    0.1; `red_cells_um_per_px` is what the red cells of each field say of it.
    """
    first: list[FoundCell] = []
    first_frame = ""
    with Ledger.open(folder) as ledger:
        ledger.append([Opened(ledger.epoch, 1, "test", folder.name, 100, 33.0, WORDS["filament"], {}, None, extra)])
        if look is not None:
            limits = {measure: (value / 4, value / 2) for measure, value in look.items()}
            ledger.append([Ranged("w", (LookRange("home", 99, limits),))])
        for start in range(0, cells, a_frame):
            count = min(a_frame, cells - start)
            frame = ledger.frames.put((store or jpeg)(_field(start, count)))
            boxes = [(index % ACROSS * 100 + 20, index // ACROSS * 110 + 20, 60, 60) for index in range(count)]
            found = tuple(
                FoundCell(index, box, (box[0] + 30.0, box[1] + 30.0), 100.0, False, 0.9)
                for index, box in enumerate(boxes)
            )
            first, first_frame = first or list(found), first_frame or frame
            ledger.append(
                [
                    Seen(frame, name.format(start), 9, 1, None, None, True, "folder"),
                    Found(frame, WIDTH, HEIGHT, 0.1, "configured", red_cells_um_per_px, 0.8, found),
                    *(_counted(frame, index, start + index, look) for index in range(count)),
                ]
            )
        if again:
            frame = ledger.frames.put((store or jpeg)(_field(cells, again)))
            same = tuple(replace(each, same_as=CellName(first_frame, each.index)) for each in first[:again])
            ledger.append(
                [
                    Seen(frame, name.format("again"), 9, 1, None, None, True, "folder"),
                    Found(frame, WIDTH, HEIGHT, 0.1, "configured", None, 0.8, same),
                ]
            )


def close(folder: Path) -> None:
    """End the count of a recorded session in good order."""
    with Ledger.open(folder) as ledger:
        fold = TallyFold()
        for recorded in ledger.events():
            fold.apply(recorded.event)
        ledger.append([Closed(ledger.epoch, fold.complete, {}, {})])


def _counted(frame: str, index: int, number: int, look: dict[str, float] | None) -> Counted:
    shares = np.full(6, 0.02)
    shares[number % 6] = 0.9
    six = tuple(float(share) for share in shares)
    return Counted(frame, index, CLASSES[number % 6], _VERDICTS[number // 6 % 6], six, six, 0.1, "w", look)


def _field(start: int, count: int) -> np.ndarray:
    """Draw a field: discs whose shade says which cell it is, on a ground whose shade says which field."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    field = np.full((HEIGHT, WIDTH, 3), (230, 220, 200 + start // 24 % 50), np.uint8)
    for index in range(count):
        x, y = index % ACROSS * 100 + 50, index // ACROSS * 110 + 50
        field[(columns - x) ** 2 + (rows - y) ** 2 < 900] = (90, 40 + 5 * index, 160)
    field[0, 0] = start % 256  # no two are the same file
    return field


def jpeg(field: np.ndarray) -> bytes:
    """Write a field as JPEG."""
    data = io.BytesIO()
    Image.fromarray(field).save(data, "JPEG", quality=90, comment=str(field[0, 0, 0]).encode())
    return data.getvalue()
