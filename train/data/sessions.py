"""The labelled cells of a recorded session, cut from the stored frames as they were when they were counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from smearwatch.daemon.one_line import say
from smearwatch.daemon.record.classes import TEACH_NOTHING, is_extra
from smearwatch.daemon.record.events import Labelled, Seen
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.schema import LEDGER_FILE
from smearwatch.daemon.record.sessions import find_session
from smearwatch.daemon.record.views import views_by_cell
from smearwatch.models.classes import CLASSES, NEUTROPHILS
from smearwatch.train.data.copies import Shown, known_by
from smearwatch.train.data.samples import REJECT, DataUnusable, Sample, Target, either, exact
from smearwatch.train.data.session_frames import StoredFrame, StoredFrames, stored_crop

SOURCE: Final = "session"

# Neighbouring frames show the same cells again, so a run of frames stands on one side of every split. It ends where a
# frame without a labelled cell lies between, once it is long enough; in a session without such frames, at the latest.
_RUN_FRAMES: Final = 10
_LONGEST_RUN_FRAMES: Final = 20


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
    say(line)


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
        samples = labelled_samples(ledger, report_line)
    if not samples:
        matter = "no labelled cell in it that can be used"
        raise DataUnusable(folder, matter, "label some with `smearwatch sessions label`, or leave this session out")
    return samples


def read_labelled_sessions(
    folders: Iterable[Path], *, report_line: Callable[[str], None] = to_stderr
) -> Iterator[tuple[Path, list[Sample]]]:
    """Yield each of several sessions with its labelled cells, see `read_labelled_session`; a folder given twice, once.

    Raises
    ------
    DataUnusable
        Two of them show the same labelled cells, as a session and its imported copy do, also one without names: they
        would count twice.
    LedgerUnusable
        See `read_labelled_session`.
    """
    shown: Shown[Path] = Shown()
    for folder in dict.fromkeys(path.resolve() for path in folders):
        samples = read_labelled_session(folder, report_line=report_line)
        names = [sample.digest.split(":") for sample in samples]
        if (other := shown.earlier(known_by(folder, [(f, int(i)) for f, i, *_ in names]), folder)) is not None:
            matter = f"it shows labelled cells that session {other.name} shows too, so they would count twice"
            raise DataUnusable(folder, matter, "name one of the two")
        yield folder, samples


def labelled_samples(ledger: LedgerReader, report_line: Callable[[str], None]) -> list[Sample]:
    """List the labelled cells of a session that is open, none where there are none; see `read_labelled_session`."""
    runs, frames, views = _Runs(ledger.session), StoredFrames(ledger), views_by_cell(ledger)
    samples: list[Sample] = []
    damaged: Counter[str] = Counter()
    untaught = 0
    for recorded in ledger.seen_frames():
        assert isinstance(recorded.event, Seen)
        labels = ledger.labels(recorded.event.frame)
        run = runs.of_next_frame(labelled=bool(labels))
        for index in sorted(labels):
            if labels[index].label in TEACH_NOTHING or is_extra(labels[index].label):
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
        report_line(f"session {ledger.folder.name}: {message}: {names}")
    if untaught:
        why = "their labels say neither that they are of a class nor that they are not"
        report_line(f"session {ledger.folder.name}: {untaught} labelled {_cells(untaught)} left out: {why}")
    return samples


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


def _sample(session: str, run: str, labelled: Labelled, shown: StoredFrame, index: int) -> Sample:
    cell = next(cell for cell in shown.found.cells if cell.index == index)
    um_per_px, cut = shown.found.um_per_px, shown.cut
    counted = f"{labelled.frame}:{labelled.index}"
    view = "" if shown.found.frame == labelled.frame else f":{shown.found.frame}:{index}"
    return Sample(
        sample_id=f"{SOURCE}/{session}/{labelled.frame[:16]}/{labelled.index}",
        source=SOURCE,
        label=labelled.label,
        target=target_of(labelled.label),
        group=run,
        agreed=None,
        draw=partial(stored_crop, shown.path, um_per_px, cell.centre_xy_px, cut),
        digest=f"{counted}:{um_per_px}:{cell.centre_xy_px}:{cut.field_um}{view}",
    )


def target_of(label: str) -> Target:
    """Return what a network should answer for a cell that a person labelled so."""
    names: tuple[str, ...] = CLASSES
    if label in names:
        return exact(names.index(label))
    return either(NEUTROPHILS) if label == "neutrophil" else REJECT
