"""A recorded session whose fields have places on the slide: empty pictures, cells and verdicts written by hand."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from smearwatch.daemon.record.classes import CLASSES, ClassName
from smearwatch.daemon.record.events import Counted, Event, Found, FoundCell, Opened, Seen, Verdict
from smearwatch.daemon.record.ledger import Ledger
from smearwatch.daemon.record.placement import CellName, Placement

WIDTH, HEIGHT, UM = 640, 480, 0.1


@dataclass
class At:
    """A cell: its middle in px, its class, which (field, index) it was seen as before."""

    x: float
    y: float
    cls: ClassName = "lymphocyte"
    at_edge: bool = False
    same_as: tuple[int, int] | None = None
    verdict: Verdict = "confirmed"


@dataclass
class Laid:
    """A field: its middle in um, its island, None for a session that is not registered, and its cells."""

    x_um: float = 0.0
    y_um: float = 0.0
    island: int | None = 0
    cells: Sequence[At] = field(default_factory=tuple)
    angle_deg: float = 0.0
    plain: bool = True


def record(folder: Path, fields: Sequence[Laid]) -> list[str]:
    """Record a session of such fields; returns the frames."""
    with Ledger.open(folder) as ledger:
        ledger.append([Opened(ledger.epoch, 1, "test", folder.name, 100, 33.0, "filament", {})])
        frames: list[str] = []
        for number, laid in enumerate(fields):
            frame = ledger.frames.put(_picture(number, plain=laid.plain))
            frames.append(frame)
            cells = tuple(_cell(index, at, frames) for index, at in enumerate(laid.cells))
            placement = None
            if laid.island is not None:
                placement = Placement("placed", laid.island, laid.x_um, laid.y_um, laid.angle_deg, 1.0)
            events: list[Event] = [
                Seen(frame, f"{number}.png", 9, 1, None, None, True, "folder"),
                Found(frame, WIDTH, HEIGHT, UM, "configured", None, 0.8, cells, placement),
            ]
            events += [_counted(frame, index, at) for index, at in enumerate(laid.cells) if cells[index].left_out == 0]
            ledger.append(events)
    return frames


def _cell(index: int, at: At, frames: list[str]) -> FoundCell:
    before = None if at.same_as is None else CellName(frames[at.same_as[0]], at.same_as[1])
    box = (round(at.x) - 50, round(at.y) - 50, 100, 100)
    return FoundCell(index, box, (at.x, at.y), 78.5, at.at_edge, 0.9, before)


def _counted(frame: str, index: int, at: At) -> Counted:
    shares = tuple(0.9 if name == at.cls else 0.02 for name in CLASSES)
    return Counted(frame, index, at.cls, at.verdict, shares, shares, 0.1, "w")


def _picture(number: int, *, plain: bool) -> bytes:
    pixels = np.full((HEIGHT, WIDTH, 3), (230, 220, number % 200), np.uint8)
    data = io.BytesIO()
    if plain:
        Image.fromarray(pixels).save(data, "PNG")
    else:  # 16 bits a colour: no page shows it
        Image.fromarray(pixels[..., 0].astype(np.uint16)).save(data, "TIFF")
        data.write(bytes([number]))
    return data.getvalue()
