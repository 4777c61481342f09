"""The labelled cells of a recorded session, cut from the stored frames as they were when they were counted."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.crop import FIELD_UM, cut_flat_crop
from smearwatch.capture.decode import DEFAULT_MAX_PIXELS, FrameUnusable, decode
from smearwatch.capture.light import FieldLight, measure_light
from smearwatch.daemon.record.events import Found, FoundCell, Labelled, Opened, Seen
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import find_session
from smearwatch.models.classes import CLASSES, NEUTROPHILS
from smearwatch.train.samples import REJECT, DataUnusable, Sample, Target, either, exact

SOURCE: Final = "session"

# Neighbouring frames show the same cells again, so a run of frames stands on one side of every split. It ends where a
# frame without a labelled cell lies between, once it is long enough; in a session without such frames, at the latest.
_RUN_FRAMES: Final = 10
_LONGEST_RUN_FRAMES: Final = 20


@dataclass(frozen=True, slots=True)
class _Cut:
    """How a session's frames were decoded and cut."""

    field_um: float
    max_pixels: int


def session_path(given: str, state_dir: Path) -> Path:
    """Give the folder of a session that a person named, or whose folder they gave.

    Raises
    ------
    SessionMissing, SessionNameInvalid
        There is none.
    """
    folder = Path(given).expanduser()
    return folder if (folder / LEDGER_FILE).is_file() else find_session(state_dir, given)


def to_stderr(line: str) -> None:
    """Tell a person something that is no error."""
    sys.stderr.write(f"smearwatch: {line}\n")


def read_labelled_session(folder: Path, *, tell: Callable[[str], None] = to_stderr) -> list[Sample]:
    """List the cells of a recorded session that a person labelled, by the label that stands, in the frames' order.

    Parameters
    ----------
    folder
        The session's folder. It may be one that is being written.
    tell
        Gets one line where frames are damaged, whose cells are then left out.

    Returns
    -------
    list of Sample
        `group` is the session and a run of neighbouring frames. `digest` begins with the frame's SHA-256, so that a
        cell counts as known where another one of its frame is; then comes what decides the crop.

    Raises
    ------
    LedgerUnusable
        There is no ledger, or it is damaged.
    DataUnusable
        No cell is labelled, or every labelled one lies in a damaged frame.
    """
    with LedgerReader.read(folder) as ledger:
        runs = _Runs(ledger.session)
        samples: list[Sample] = []
        damaged: Counter[str] = Counter()
        for seen, found, labels, cut in _frames(ledger):
            run = runs.of_next_frame(labelled=bool(labels))
            if found is None or not labels:
                continue
            fault = ledger.frames.verify(seen.frame)
            if fault is not None:
                damaged[f"{seen.name} ({fault})"] += len(labels)
                continue
            path = ledger.frames.path(seen.frame)
            cells = {cell.index: cell for cell in found.cells}
            samples += [_sample(ledger.session, run, path, found, cells[i], labels[i], cut) for i in sorted(labels)]
    if damaged:
        names = ", ".join(damaged)
        tell(f"session {folder.name}: {damaged.total()} labelled cells left out, their frames are damaged: {names}")
    if not samples:
        matter = "no labelled cell in it that can be used"
        raise DataUnusable(folder, matter, "label some with `smearwatch sessions label`")
    return samples


class _Runs:
    """Numbers runs of neighbouring frames."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._number = 0
        self._length = 0

    def of_next_frame(self, *, labelled: bool) -> str:
        long_enough = self._length >= _RUN_FRAMES and not labelled
        if long_enough or self._length >= _LONGEST_RUN_FRAMES:
            self._number, self._length = self._number + 1, 0
        self._length += 1
        return f"{SOURCE}/{self._session}/{self._number}"


def _frames(ledger: LedgerReader) -> Iterator[tuple[Seen, Found | None, dict[int, Labelled], _Cut]]:
    """Frames in the order they were seen, with their cells, standing labels, and how they were cut."""
    openings = _openings(ledger)
    for recorded in ledger.seen_frames():
        seen = recorded.event
        assert isinstance(seen, Seen)
        found = ledger.found(seen.frame)
        labels = ledger.labels(seen.frame) if found else {}
        yield seen, found, labels, _cut(openings, ledger, seen.frame)


def _openings(ledger: LedgerReader) -> list[tuple[int, _Cut]]:
    numbers = ledger.rows("SELECT number FROM events WHERE key GLOB 'opened:*' ORDER BY number")
    openings = []
    for (number,) in numbers:
        (recorded,) = ledger.events(after=number - 1, limit=1)
        assert isinstance(recorded.event, Opened)
        pixels = recorded.event.settings.get("max_frame_pixels")
        cut = _Cut(recorded.event.field_um, pixels if isinstance(pixels, int) else DEFAULT_MAX_PIXELS)
        openings.append((number, cut))
    return openings


def _cut(openings: list[tuple[int, _Cut]], ledger: LedgerReader, frame: str) -> _Cut:
    """Find how a frame was cut: a session that was carried on may have been set otherwise before."""
    ((outcome,),) = ledger.rows("SELECT outcome_number FROM frames WHERE frame = ?", frame)
    standing = [cut for number, cut in openings if outcome is not None and number < outcome]
    return standing[-1] if standing else _Cut(FIELD_UM, DEFAULT_MAX_PIXELS)


def _sample(session: str, run: str, path: Path, found: Found, cell: FoundCell, labelled: Labelled, cut: _Cut) -> Sample:
    return Sample(
        sample_id=f"{SOURCE}/{session}/{found.frame[:16]}/{cell.index}",
        source=SOURCE,
        label=labelled.label,
        target=_target(labelled.label),
        group=run,
        agreed=None,
        draw=partial(_crop, path, found.um_per_px, cell.centre_xy_px, cut),
        digest=f"{found.frame}:{cell.index}:{found.um_per_px}:{cell.centre_xy_px}:{cut.field_um}",
    )


def _target(label: str) -> Target:
    names: tuple[str, ...] = CLASSES
    if label in names:
        return exact(names.index(label))
    return either(NEUTROPHILS) if label == "neutrophil" else REJECT


def _crop(path: Path, um_per_px: float, centre_xy_px: tuple[float, float], cut: _Cut) -> NDArray[np.uint8]:
    bgr, light = _lit_frame(path, um_per_px, cut.max_pixels)
    return cut_flat_crop(bgr, light, centre_xy_px, um_per_px, field_um=cut.field_um)


@lru_cache(maxsize=4)
def _lit_frame(path: Path, um_per_px: float, max_pixels: int) -> tuple[NDArray[np.uint8], FieldLight]:
    try:
        bgr = decode(path.read_bytes(), max_pixels=max_pixels)
        return bgr, measure_light(bgr, um_per_px)
    except FrameUnusable as error:
        raise DataUnusable(path, str(error), error.mend) from error
    except OSError as error:
        raise DataUnusable(path, (error.strerror or str(error)).lower(), "restore the session from a copy") from error
