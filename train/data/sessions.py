"""The labelled cells of a recorded session, cut from the stored frames as they were when they were counted."""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from smearwatch.capture.arrays import Image
from smearwatch.capture.formats.decode import DEFAULT_MAX_PIXELS, FrameUnusable, decode
from smearwatch.capture.vision.crop import FIELD_UM, cut_flat_crop
from smearwatch.capture.vision.light import FieldLight, measure_light
from smearwatch.daemon.record.classes import is_extra
from smearwatch.daemon.record.events import Found, Labelled, Opened, Seen
from smearwatch.daemon.record.frame_store import FrameFault
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import find_session
from smearwatch.daemon.record.views import views_by_cell
from smearwatch.models.classes import CLASSES, NEUTROPHILS
from smearwatch.train.data.samples import REJECT, DataUnusable, Sample, Target, either, exact

SOURCE: Final = "session"

# Neighbouring frames show the same cells again, so a run of frames stands on one side of every split. It ends where a
# frame without a labelled cell lies between, once it is long enough; in a session without such frames, at the latest.
_RUN_FRAMES: Final = 10
_LONGEST_RUN_FRAMES: Final = 20

_FRAMES_AT_HAND: Final = 16

_TEACH_NOTHING: Final = frozenset({"cannot_say", "not_one_cell", "reactive_lymphocyte"})
"""Labels of cells that are neither surely of a class nor surely of none; nor are those of a laboratory's own."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """How a session's frames were decoded and cut."""

    field_um: float
    max_pixels: int


def session_path(given: str, state_dir: Path) -> Path:
    """Return the folder of a session that a person named, or whose folder they gave.

    Raises
    ------
    SessionMissing, NameUnusable
        There is none.
    """
    folder = Path(given).expanduser()
    return folder if (folder / LEDGER_FILE).is_file() else find_session(state_dir, given)


def to_stderr(line: str) -> None:
    """Write a line for a person, of something that is no error."""
    sys.stderr.write(f"smearwatch: {line}\n")


def read_labelled_session(folder: Path, *, report_line: Callable[[str], None] = to_stderr) -> list[Sample]:
    """List the cells of a recorded session that a person labelled, by the label that stands, in the frames' order.

    Each leukocyte is cut once, from the best view of it that was judged, which may lie in a later frame; where that
    frame is damaged, from the first view.

    Parameters
    ----------
    folder
        The session's folder. It may be one that is being written.
    report_line
        Gets one line where frames are damaged, whose cells are then left out.

    Returns
    -------
    list of Sample
        `group` is the session and a run of neighbouring frames. `digest` begins with the SHA-256 of the frame under
        which the cell is counted, so that a cell counts as known where another one of its frame is; then comes what
        decides the crop. Neither changes when the session goes on and shows a cell better, so that no two views of one
        are ever on two sides.

    Raises
    ------
    LedgerUnusable
        There is no ledger, or it is damaged.
    DataUnusable
        No cell is labelled, or every labelled one lies in a damaged frame.
    """
    with LedgerReader.read(folder) as ledger, ledger.at_one_moment():
        runs, frames, views = _Runs(ledger.session), _Frames(ledger), views_by_cell(ledger)
        samples: list[Sample] = []
        damaged: Counter[str] = Counter()
        untaught = 0
        for recorded in ledger.seen_frames():
            assert isinstance(recorded.event, Seen)
            labels = ledger.labels(recorded.event.frame)
            run = runs.of_next_frame(labelled=bool(labels))
            for index in sorted(labels):
                if labels[index].label in _TEACH_NOTHING or is_extra(labels[index].label):
                    untaught += 1
                    continue
                counted = (recorded.event.frame, index)
                frame, at = views[counted].best
                if frames.of(frame).fault is not None:
                    frame, at = counted
                shown = frames.of(frame)
                if shown.fault is None:
                    samples.append(_sample(ledger.session, run, labels[index], shown, at))
                else:
                    damaged[f"{shown.name} ({shown.fault})"] += 1
    if damaged:
        names = ", ".join(damaged)
        message = f"{damaged.total()} labelled cells left out, their frames are damaged"
        report_line(f"session {folder.name}: {message}: {names}")
    if untaught:
        why = "their labels say neither that they are of a class nor that they are not"
        report_line(f"session {folder.name}: {untaught} labelled {_cells(untaught)} left out: {why}")
    if not samples:
        matter = "no labelled cell in it that can be used"
        raise DataUnusable(folder, matter, "label some with `smearwatch sessions label`")
    return samples


def counted_crop(ledger: LedgerReader, frame: str, index: int) -> Image:
    """Cut a view of a leukocyte as it was cut for the networks: uint8 [750, 750, 3].

    Raises
    ------
    DataUnusable
        Its frame is damaged or gone.
    """
    shown = _Frames(ledger).of(frame)
    if shown.fault is not None:
        raise DataUnusable(Path(shown.name), shown.fault, "restore the session from a copy")
    cell = next(cell for cell in shown.found.cells if cell.index == index)
    return _crop(shown.path, shown.found.um_per_px, cell.centre_xy_px, shown.cut)


def _cells(count: int) -> str:
    return "cell" if count == 1 else "cells"


class _Runs:
    """Gives runs of neighbouring frames their numbers."""

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


@dataclass(frozen=True, slots=True)
class _Frame:
    """A stored frame: what was found in it, how it was cut, and what is wrong with its bytes."""

    name: str
    path: Path
    found: Found
    cut: _Cut
    fault: FrameFault | None


class _Frames:
    """The stored frames of a session; the last few are at hand."""

    def __init__(self, ledger: LedgerReader) -> None:
        self._ledger = ledger
        self._openings = _openings(ledger)
        self.of = lru_cache(maxsize=_FRAMES_AT_HAND)(self._read)

    def _read(self, frame: str) -> _Frame:
        seen, found = self._ledger.seen(frame), self._ledger.found(frame)
        assert seen is not None
        assert found is not None
        store = self._ledger.frames
        cut = _cut(self._openings, self._ledger, frame)
        return _Frame(seen.name, store.path(frame), found, cut, store.verify(frame))


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
    """Find how a frame was cut: a session that was continued may have had other settings before."""
    ((outcome,),) = ledger.rows("SELECT outcome_number FROM frames WHERE frame = ?", frame)
    standing = [cut for number, cut in openings if outcome is not None and number < outcome]
    return standing[-1] if standing else _Cut(FIELD_UM, DEFAULT_MAX_PIXELS)


def _sample(session: str, run: str, labelled: Labelled, shown: _Frame, index: int) -> Sample:
    cell = next(cell for cell in shown.found.cells if cell.index == index)
    um_per_px, cut = shown.found.um_per_px, shown.cut
    counted = f"{labelled.frame}:{labelled.index}"
    view = "" if shown.found.frame == labelled.frame else f":{shown.found.frame}:{index}"
    return Sample(
        sample_id=f"{SOURCE}/{session}/{labelled.frame[:16]}/{labelled.index}",
        source=SOURCE,
        label=labelled.label,
        target=_target(labelled.label),
        group=run,
        agreed=None,
        draw=partial(_crop, shown.path, um_per_px, cell.centre_xy_px, cut),
        digest=f"{counted}:{um_per_px}:{cell.centre_xy_px}:{cut.field_um}{view}",
    )


def _target(label: str) -> Target:
    names: tuple[str, ...] = CLASSES
    if label in names:
        return exact(names.index(label))
    return either(NEUTROPHILS) if label == "neutrophil" else REJECT


def _crop(path: Path, um_per_px: float, centre_xy_px: tuple[float, float], cut: _Cut) -> Image:
    bgr, light = _lit_frame(path, um_per_px, cut.max_pixels)
    return cut_flat_crop(bgr, light, centre_xy_px, um_per_px, field_um=cut.field_um)


@lru_cache(maxsize=4)
def _lit_frame(path: Path, um_per_px: float, max_pixels: int) -> tuple[Image, FieldLight]:
    try:
        bgr = decode(path.read_bytes(), max_pixels=max_pixels)
        return bgr, measure_light(bgr, um_per_px)
    except FrameUnusable as error:
        raise DataUnusable(path, str(error), error.hint) from error
    except OSError as error:
        raise DataUnusable(path, (error.strerror or str(error)).lower(), "restore the session from a copy") from error
