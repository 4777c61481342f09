"""A recorded session judged again under two weights, each cell as a replay with them would judge it.

Crops, stains and the session's statistics come from what is recorded, in the order of finding; nothing is searched
again, so that both answers are to the very cells of the record.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smearwatch.capture.arrays import Image
from smearwatch.daemon.record.events import Counted, Found, FoundCell
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.session_stain import StainWindow
from smearwatch.daemon.record.views import CellKey, counted_as
from smearwatch.models.engine import Engine
from smearwatch.models.judgement import Judgement
from smearwatch.train.data.cells_in_order import CellsInOrder
from smearwatch.train.data.copies import known_by
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.session_frames import StoredFrames, stored_crop
from smearwatch.train.data.sessions import labelled_samples
from smearwatch.train.data.sources import ReportLine
from smearwatch.train.data.stains import as_model


@dataclass(frozen=True, slots=True)
class Answer:
    """What weights say of a cell."""

    cls: str
    verdict: str
    unfamiliar: bool

    @staticmethod
    def of(given: Counted | Judgement) -> "Answer":
        """Take it from a recorded verdict, or from an engine's."""
        return Answer(given.cls, given.verdict, bool(given.unfamiliar))


@dataclass(frozen=True, slots=True)
class CellAnswers:
    """Of one leukocyte: what the record says and by which weights, and what the old and the new weights say."""

    recorded: Answer
    recorded_by: str
    before: Answer
    after: Answer


@dataclass(frozen=True, slots=True)
class SessionAnswers:
    """All counted leukocytes of a session.

    Attributes
    ----------
    signed
        By whom and when it was signed, if a signature holds.
    cells
        By the frame and index under which each is counted; the answers are to the best view that was judged.
    labels
        What a person calls a cell, the label that stands.
    samples
        The labelled cells whose label says what the networks should answer.
    known_by
        See `smearwatch.train.data.copies.known_by`.
    """

    name: str
    signed: dict[str, Any] | None
    cells: dict[CellKey, CellAnswers]
    labels: dict[CellKey, str]
    samples: dict[CellKey, Sample]
    known_by: list[str]


def judge_session(
    folder: Path, before: Engine, after: Engine, progress: Progress, report_line: ReportLine
) -> SessionAnswers:
    """Judge every counted cell of a session again.

    Raises
    ------
    DataUnusable
        A frame is damaged, or the session was recorded before cells had a stain that the weights need.
    LedgerUnusable
        The ledger cannot be read.
    """
    engines = (before, after)
    needs_stain = any(engine.preprocessing.reference_stain is not None for engine in engines)
    with LedgerReader.read(folder) as ledger, ledger.at_one_moment():
        frames, window, orders = StoredFrames(ledger), StainWindow(), [CellsInOrder() for _ in engines]
        cells: dict[CellKey, CellAnswers] = {}
        places: dict[CellKey, CellKey] = {}  # of each view, under which its leukocyte is counted
        total = ledger.summary().cells_counted
        for found in ledger.found_frames():
            whole = sorted((cell for cell in found.cells if cell.is_judged), key=lambda cell: cell.index)
            recorded = {event.index: event for event in ledger.counted(found.frame)}
            if needs_stain and any(cell.stain is None for cell in whole):
                hint = f"count it again first: smearwatch replay {folder.name}"
                raise DataUnusable(folder, "it was recorded before each cell's stain was", hint)
            stains = {cell.index: as_model(window.add(cell.stain)) for cell in whole}
            for cell in whole:
                for order in orders:
                    order.found((found.frame, cell.index), better=cell.better_than is not None)
            for cell in whole:
                if cell.index not in recorded:  # its count ended before it
                    continue
                crop, event = _crop(frames, found, cell), recorded[cell.index]
                view = (found.frame, cell.index)
                instead = None if cell.better_than is None else (cell.better_than.frame, cell.better_than.index)
                one, two = (
                    Answer.of(order.judge(view, crop, stains[cell.index], engine, instead))
                    for order, engine in zip(orders, engines, strict=True)
                )
                places[view] = counted_as(found.frame, cell)
                cells[places[view]] = CellAnswers(Answer.of(event), event.weights, one, two)
                for key, anew in orders[0].judged_anew(before).items():
                    cells[places[key]] = replace(cells[places[key]], before=Answer.of(anew))
                for key, anew in orders[1].judged_anew(after).items():
                    cells[places[key]] = replace(cells[places[key]], after=Answer.of(anew))
                progress(f"judging {folder.name}", len(cells), max(total, len(cells)))
        labels: dict[CellKey, str] = {
            (frame, index): label.label
            for frame in dict.fromkeys(frame for frame, _ in cells)
            for index, label in ledger.labels(frame).items()
        }
        samples = _by_key(labelled_samples(ledger, report_line), cells)
        signature = ledger.signature()
    signed = None if signature is None else {"by": signature.by, "at_ns": signature.signed_at_ns}
    return SessionAnswers(folder.name, signed, cells, labels, samples, known_by(folder, cells))


def _crop(frames: StoredFrames, found: Found, cell: FoundCell) -> Image:
    shown = frames.of(found.frame)
    if shown.fault is not None:
        matter = f"its frame {shown.name} is damaged ({shown.fault})"
        raise DataUnusable(shown.path, matter, "restore the session from a copy, or name others")
    return stored_crop(shown.path, found.um_per_px, cell.centre_xy_px, shown.cut)


def _by_key(samples: Sequence[Sample], cells: dict[CellKey, CellAnswers]) -> dict[CellKey, Sample]:
    """Find the counted cell of each sample, which names its frame by the first letters."""
    keys = {f"{frame[:16]}/{index}": (frame, index) for frame, index in cells}
    found = ((keys.get("/".join(sample.sample_id.split("/")[-2:])), sample) for sample in samples)
    return {key: sample for key, sample in found if key is not None}
