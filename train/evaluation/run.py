"""An evaluation from its sets to a folder with the report in all its forms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from smearwatch.models import checkpoint, memory
from smearwatch.models.engine import Engine
from smearwatch.models.manifest import Manifest
from smearwatch.models.outputs import Outputs
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress, shrunken_fields
from smearwatch.train.data.sources import DatasetSpec, ReportLine
from smearwatch.train.data.stains import ReferenceStains
from smearwatch.train.evaluation.analysis import analyse
from smearwatch.train.evaluation.figures import NAMES, draw_figures
from smearwatch.train.evaluation.five_classes import five
from smearwatch.train.evaluation.measure import measure
from smearwatch.train.evaluation.outputs import run_engine
from smearwatch.train.evaluation.page import write_page
from smearwatch.train.evaluation.report import write_report
from smearwatch.train.evaluation.results import EvaluatedSet, Heading, Report
from smearwatch.train.evaluation.seen_in_training import Choice
from smearwatch.train.evaluation.sources import EvaluationSet, distinct, read_sets
from smearwatch.train.evaluation.worst import AnsweredCell, pair_answers
from smearwatch.train.statistics import Share

ALL_SETS = "all sets"

_LIMITS = (
    "No set here says which patient a cell is of, so cells of one patient may stand in training and in the test; "
    "what is scored on a familiar microscope says little about a strange one."
)


@dataclass(frozen=True, slots=True)
class _Answered:
    """A set with the networks' outputs, and how its cells were brought to the weights' reference stain."""

    cells: EvaluationSet
    outputs: Outputs
    stains: ReferenceStains


def evaluate(
    weights: Path,
    spec: DatasetSpec,
    out: Path,
    *,
    choice: Choice,
    cache: Path,
    device: str,
    progress: Progress,
    report_line: ReportLine,
) -> Report:
    """Score weights and write report.json, report.md, report.html and figures/ into `out`.

    Parameters
    ----------
    weights
        Folder of the weights.
    spec
        The sets.
    out
        Gets the report; see `smearwatch.daemon.own_results`.
    cache
        Keeps drawn crops and searched fields.
    report_line
        Gets lines a person should see at once.

    Returns
    -------
    Report
        The scores of all distinct cells first, and those of each set in `sets`.

    Raises
    ------
    WeightsUnusable, DataUnusable, LedgerUnusable
        Where weights or a set cannot be used.
    """
    engine = Engine.load(weights, device=device)
    remembered = memory.load(weights)
    sets, notes = read_sets(spec, choice, remembered, cache, progress, report_line)
    answered = [_answer(engine, each, cache, progress) for each in sets]
    scored = _score(engine, answered)
    report = _report(engine, scored, notes)
    draw_figures(out / "figures", scored)
    cells = [cell for each in _distinct(answered) for cell in _pair(engine, each)]
    write_page(out / "report.html", report, scored, cells, checkpoint.load(weights), progress)
    write_report(out, replace(report, figures=NAMES))
    return report


def _answer(engine: Engine, each: EvaluationSet, cache: Path, progress: Progress) -> _Answered:
    cells = CellSet(each.samples, shrunken_fields(each.samples, engine.preprocessing, cache, progress))
    stains = ReferenceStains(cells, engine.preprocessing)
    return _Answered(each, run_engine(engine, cells, f"{each.name}: cells judged", progress, stains=stains), stains)


def _distinct(answered: Sequence[_Answered]) -> list[_Answered]:
    chosen = distinct([each.cells for each in answered])
    return [each for each in answered if each.cells in chosen]


def _pair(engine: Engine, each: _Answered) -> list[AnsweredCell]:
    cells = pair_answers(each.cells.samples, each.outputs, engine.manifest.policy)
    return [replace(cell, to_reference=each.stains.map_of(cell.sample)) for cell in cells]


def _score(engine: Engine, answered: Sequence[_Answered]) -> dict[str, EvaluatedSet]:
    """Score each set, and all distinct cells together where more than one set has them."""
    policy = engine.manifest.policy
    sets: dict[str, EvaluatedSet] = {}
    for each in answered:
        samples, outputs = each.cells.samples, each.outputs
        sets[each.cells.name] = EvaluatedSet(
            measure(samples, outputs, policy),
            analyse(samples, outputs, policy),
            each.cells.kind,
            each.cells.origin,
            _end_to_end(each),
        )
    distinct_sets = _distinct(answered)
    if len(distinct_sets) > 1:
        samples = [sample for each in distinct_sets for sample in each.cells.samples]
        outputs = Outputs.joined([each.outputs for each in distinct_sets])
        sets[ALL_SETS] = EvaluatedSet(measure(samples, outputs, policy), analyse(samples, outputs, policy), "all")
    return sets


def _report(engine: Engine, sets: dict[str, EvaluatedSet], notes: Sequence[str]) -> Report:
    manifest: Manifest = engine.manifest
    (first,) = [ALL_SETS] if ALL_SETS in sets else [name for name, each in sets.items() if each.kind != "pipeline"]
    return Report(
        title=f"Scores of the weights `{manifest.name}`",
        notes=[
            f"Weights {engine.weights_id} ({manifest.name})",
            f"Band rule: {manifest.band_rule}",
            *notes,
            _LIMITS,
        ],
        sets=sets,
        first=sets[first],
        heading=Heading(engine.weights_id, manifest.name, manifest.band_rule, first),
    )


def _end_to_end(each: _Answered) -> Share | None:
    """Count the cells found whole and named rightly, of all labelled ones; None where nothing had to be found."""
    if each.cells.origin.pipeline is None:
        return None
    truth = np.array([int(np.argmax(sample.target.shares)) for sample in each.cells.samples], dtype=np.int64)
    right = five(truth) == five(each.outputs.probabilities.argmax(axis=1))
    return Share(int(right.sum()), each.cells.origin.pipeline.labelled)
