"""Leave out each laboratory in turn: train without it, then measure on all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch

from smearwatch.daemon.own_results import Publish, publish_nothing
from smearwatch.models.engine import Engine
from smearwatch.models.outputs import Outputs
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress, shrunken_fields
from smearwatch.train.data.laboratories import read_laboratory
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.evaluation.outputs import run_engine
from smearwatch.train.leave_out.cells import CutCells, Way, check_unseen, choose_cells, cut_both_ways
from smearwatch.train.leave_out.choosing import Answers, choose_thresholds
from smearwatch.train.leave_out.folds import Fold, make_folds
from smearwatch.train.leave_out.report import LeaveOutReport, LeftOut, answer_rows, write_answers, write_leave_out
from smearwatch.train.leave_out.scores import WayScores, score_cells
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.distributed import Ranks
from smearwatch.train.training.launch import train_into

_NOTES: Final = (
    "Nothing of a laboratory that is left out was trained on, nor did it choose a threshold or when to stop: its "
    "thresholds of rejection and of doubt were chosen on the answers about the other laboratories, each left out too.",
    "A cell that the pipeline does not find is counted as not right and not confirmed.",
    "Right or wrong is the class that stands in the verdict; five classes are those with band and segmented as one.",
    "Mean and worst are over the laboratories, each counting alike.",
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    only
        Laboratories to leave out; empty for all, or for all that have `ready` weights where there are such.
    ready
        Weights that are measured instead of being trained, by the name of the laboratory that they never met.
    at_most
        Cells of each label that are measured; None for all.
    state, cache
        What a restart needs, and what was drawn and found.
    publish
        Called after each laboratory, when `out` holds whole files.
    """

    config: TrainConfig
    out: Path
    state: Path
    cache: Path
    only: Sequence[str] = ()
    ready: Mapping[str, Path] = field(default_factory=dict)
    at_most: int | None = None
    device: str = "auto"
    publish: Publish = publish_nothing


def leave_out(request: Request, progress: Progress) -> LeaveOutReport:
    """Train without each laboratory and measure on it; an interrupted run continues where it was.

    Writes `report.json` and `report.md` into `out`, anew after each laboratory, and for each one `NAME/weights` (where
    they are trained) and `NAME/cells.csv`.

    Raises
    ------
    DataUnusable, WeightsUnusable
        Where cells, weights, kept state or a folder cannot be used, or weights have seen the laboratory.
    """
    if Ranks.from_environment().count > 1:
        hint = "run smearwatch train without one laboratory under torchrun, then give --weights NAME=DIR"
        raise DataUnusable(Path("leave-out"), "it trains in one process", hint)
    threads = torch.get_num_threads()
    done: dict[str, _Answered] = {}
    for fold in make_folds(request.config, [*request.only, *request.ready]):
        torch.set_num_threads(threads)  # an engine takes one
        done[fold.name] = _leave_out_one(fold, request, progress)
        report = _report(done, request)
        write_leave_out(request.out, report)
        request.publish()
    return report


@dataclass(frozen=True, slots=True)
class _Answered:
    """What the networks that never met a laboratory answered about its cells."""

    weights_id: str
    weights_name: str
    trained: bool
    known: bool
    cells: Mapping[Way, CutCells]
    answers: Mapping[Way, Answers]


def _report(done: Mapping[str, _Answered], request: Request) -> LeaveOutReport:
    """Score each laboratory by thresholds that were chosen on the others, and write each cell's answer."""
    laboratories = {}
    for name, each in done.items():
        others = {other: [*answered.answers.values()] for other, answered in done.items() if other != name}
        thresholds = choose_thresholds(others) if others else None
        ways: dict[Way, WayScores] = {}
        rows: list[list[str]] = []
        for way, answers in each.answers.items():
            policy = answers.policy if thresholds is None else thresholds.put_into(answers.policy)
            ways[way] = score_cells(each.cells[way], answers.outputs, policy)
            rows += answer_rows(way, each.cells[way].samples, answers.outputs, policy)
        write_answers(request.out / name / "cells.csv", rows)
        laboratories[name] = LeftOut(each.weights_id, each.weights_name, each.trained, each.known, ways, thresholds)
    chosen = choose_thresholds({name: [*each.answers.values()] for name, each in done.items()})
    return LeaveOutReport(_notes(request), request.at_most, laboratories, chosen)


def _leave_out_one(fold: Fold, request: Request, progress: Progress) -> _Answered:
    force = request.config.data.force_scale
    samples = read_laboratory(fold.name, fold.laboratory, request.cache, progress, force_scale=force)
    ready = request.ready.get(fold.name)
    if ready is None:
        weights = request.out / fold.name / "weights"
        _train(fold, samples, weights, request)
    else:
        weights = ready
    known = check_unseen(weights, fold.name, samples)
    engine = Engine.load(weights, device=request.device)
    chosen = choose_cells(samples, request.at_most)
    cut = cut_both_ways(fold.laboratory, chosen, request.cache, progress)
    policy = engine.manifest.policy
    answers: dict[Way, Answers] = {}
    for way, cells in cut.items():
        outputs = _answer(engine, cells.samples, f"{fold.name}, {way}: cells judged", request.cache, progress)
        answers[way] = Answers(cells.samples, outputs, policy)
    return _Answered(engine.weights_id, engine.manifest.name, ready is None, known, cut, answers)


def _answer(engine: Engine, samples: list[Sample], what: str, cache: Path, progress: Progress) -> Outputs:
    """Let the networks answer all cells of a laboratory at once, as one set."""
    side = engine.preprocessing.field_px
    nothing = np.empty((0, side, side, 3), dtype=np.uint8)
    fields = shrunken_fields(samples, engine.preprocessing, cache, progress) if samples else nothing
    return run_engine(engine, CellSet(samples, fields), what, progress)


def _train(fold: Fold, samples: Sequence[Sample], weights: Path, request: Request) -> None:
    if fold.config.start is not None:
        check_unseen(fold.config.start, fold.name, samples)
    train_into(fold.config, weights, request.state / fold.name, request.cache)


def _notes(request: Request) -> list[str]:
    few = f"Of each label at most {request.at_most} cells are measured, chosen by a hash of their names."
    return [*_NOTES, *([few] if request.at_most is not None else [])]
