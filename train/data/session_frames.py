"""The stored frames of a recorded session, and crops of their cells as they were when they were counted."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from smearwatch.capture.arrays import Image
from smearwatch.capture.formats.decode import DEFAULT_MAX_PIXELS, FrameUnusable, decode
from smearwatch.capture.vision.crop import FIELD_UM, cut_flat_crop
from smearwatch.capture.vision.field_part import FieldPart, find_part
from smearwatch.capture.vision.light import FieldLight
from smearwatch.capture.vision.round_field import find_round_field, flatten_inside, without_surround
from smearwatch.daemon.record.events import Found, Opened
from smearwatch.daemon.record.frame_store import FrameFault
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.regular_file import read_regular
from smearwatch.train.data.samples import DataUnusable

_FRAMES_AT_HAND: Final = 16


@dataclass(frozen=True, slots=True)
class FrameCut:
    """How a session's frames were decoded and cut."""

    field_um: float
    max_pixels: int


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A stored frame: what was found in it, how it was cut, and what is wrong with its bytes."""

    name: str
    path: Path
    found: Found
    cut: FrameCut
    fault: FrameFault | None


class StoredFrames:
    """The stored frames of a session; the last few are at hand."""

    def __init__(self, ledger: LedgerReader) -> None:
        self._ledger = ledger
        self._openings = _openings(ledger)
        self.of = lru_cache(maxsize=_FRAMES_AT_HAND)(self._read)

    def _read(self, frame: str) -> StoredFrame:
        seen, found = self._ledger.seen(frame), self._ledger.found(frame)
        assert seen is not None
        assert found is not None
        store = self._ledger.frames
        cut = _cut(self._openings, self._ledger, frame)
        return StoredFrame(seen.name, store.path(frame), found, cut, store.verify(frame))


def _openings(ledger: LedgerReader) -> list[tuple[int, FrameCut]]:
    numbers = ledger.rows("SELECT number FROM events WHERE key GLOB 'opened:*' ORDER BY number")
    openings = []
    for (number,) in numbers:
        (recorded,) = ledger.events(after=number - 1, limit=1)
        assert isinstance(recorded.event, Opened)
        pixels = recorded.event.settings.get("max_frame_pixels")
        cut = FrameCut(recorded.event.field_um, pixels if isinstance(pixels, int) else DEFAULT_MAX_PIXELS)
        openings.append((number, cut))
    return openings


def _cut(openings: list[tuple[int, FrameCut]], ledger: LedgerReader, frame: str) -> FrameCut:
    """Find how a frame was cut: a session that was continued may have had other settings before."""
    ((outcome,),) = ledger.rows("SELECT outcome_number FROM frames WHERE frame = ?", frame)
    standing = [cut for number, cut in openings if outcome is not None and number < outcome]
    return standing[-1] if standing else FrameCut(FIELD_UM, DEFAULT_MAX_PIXELS)


def stored_crop(path: Path, um_per_px: float, centre_xy_px: tuple[float, float], cut: FrameCut) -> Image:
    """Cut a cell out of a stored frame as the finder did, to the byte; raises `DataUnusable`."""
    part, bgr, light = _lit_frame(path, um_per_px, cut.max_pixels)
    return cut_flat_crop(bgr, light, part.centre_in_part(centre_xy_px), um_per_px, field_um=cut.field_um)


def counted_crop(ledger: LedgerReader, frame: str, index: int) -> Image:
    """Cut a view of a leukocyte as it was cut for the networks: uint8 [750, 750, 3].

    Raises
    ------
    DataUnusable
        Its frame is damaged or gone.
    """
    shown = StoredFrames(ledger).of(frame)
    if shown.fault is not None:
        raise DataUnusable(Path(shown.name), shown.fault, "restore the session from a copy")
    cell = next(cell for cell in shown.found.cells if cell.index == index)
    return stored_crop(shown.path, shown.found.um_per_px, cell.centre_xy_px, shown.cut)


@lru_cache(maxsize=4)
def _lit_frame(path: Path, um_per_px: float, max_pixels: int) -> tuple[FieldPart, Image, FieldLight]:
    try:
        bgr = decode(read_regular(path), max_pixels=max_pixels)
        part = find_part(bgr)  # as it was searched
        bgr = part.cut(bgr)
        round_field = find_round_field(bgr)
        bgr = without_surround(bgr, round_field)
        return part, bgr, flatten_inside(bgr, round_field, um_per_px).light
    except FrameUnusable as error:
        raise DataUnusable(path, str(error), error.hint) from error
    except OSError as error:
        raise DataUnusable(path, (error.strerror or str(error)).lower(), "restore the session from a copy") from error
