"""The whole evaluation: sets, answers, scores, and a folder with the report in all its forms."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smearwatch.models import checkpoint, memory
from smearwatch.models.engine import Engine, Outputs
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress, shrunken_fields
from smearwatch.train.data.sources import DatasetSpec, ReportLine
from smearwatch.train.evaluation.figures import NAMES, draw_figures
from smearwatch.train.evaluation.five import five
from smearwatch.train.evaluation.outputs import run_engine
from smearwatch.train.evaluation.page import write_page
from smearwatch.train.evaluation.placing import placed
from smearwatch.train.evaluation.report import write_report
from smearwatch.train.evaluation.scores import scores_of
from smearwatch.train.evaluation.seen_in_training import Choice
from smearwatch.train.evaluation.sources import EvaluationSet, distinct, read_sets
from smearwatch.train.evaluation.worst import Noted, note
from smearwatch.train.statistics import Share

ALL = "all sets"

_LIMITS = (
    "No set here says which patient a cell is of, so cells of one patient may stand in training and in the test; "
    "what is scored on a familiar microscope says little about a strange one."
)


@dataclass(frozen=True, slots=True)
class _Answered:
    """A set with the networks' outputs."""

    asked: EvaluationSet
    outputs: Outputs


def evaluate(
    weights: Path,
    asked: DatasetSpec,
    out: Path,
    *,
    choice: Choice,
    cache: Path,
    device: str,
    progress: Progress,
    tell: ReportLine,
) -> dict[str, Any]:
    """Score weights and write report.json, report.md, report.html and figures/ into `out`.

    Parameters
    ----------
    weights
        Folder of the weights.
    asked
        The sets.
    out
        Gets the report when all of it is made; other files there are left alone.
    cache
        Keeps drawn crops and searched fields.

    Returns
    -------
    dict
        The report as report.json holds it: the scores of all distinct cells at the top, and those of each set in
        `sets`.

    Raises
    ------
    WeightsUnusable, DataUnusable, LedgerUnusable
        Where weights or a set cannot be used; nothing is written then.
    """
    engine = Engine.load(weights, device=device)
    remembered = memory.load(weights)
    with placed(out, "report.json") as folder:
        sets, notes = read_sets(asked, choice, remembered, cache, progress, tell)
        answered = [_answer(engine, each, cache, progress) for each in sets]
        report = _report(engine, answered, notes)
        draw_figures(folder / "figures", report["sets"])
        noted = [cell for each in distinct(sets) for cell in _noted(engine, answered, each)]
        write_page(folder / "report.html", report, noted, checkpoint.load(weights), progress)
        write_report(folder, {**report, "figures": list(NAMES)})
    return report


def _answer(engine: Engine, each: EvaluationSet, cache: Path, progress: Progress) -> _Answered:
    cells = CellSet(each.samples, shrunken_fields(each.samples, engine.preprocessing, cache, progress))
    return _Answered(each, run_engine(engine, cells, f"{each.name}: cells judged", progress))


def _noted(engine: Engine, answered: Sequence[_Answered], wanted: EvaluationSet) -> list[Noted]:
    (each,) = (one for one in answered if one.asked is wanted)
    return note(wanted.samples, each.outputs, engine.manifest.policy)


def _report(engine: Engine, answered: Sequence[_Answered], notes: Sequence[str]) -> dict[str, Any]:
    policy = engine.manifest.policy
    sets: dict[str, Any] = {}
    for each in answered:
        scores = scores_of(each.asked.samples, each.outputs, policy)
        sets[each.asked.name] = {"kind": each.asked.kind, **each.asked.about, **scores}
        if "pipeline" in each.asked.about:
            account = each.asked.about["pipeline"]
            sets[each.asked.name]["pipeline"] = {**account, "end_to_end": _end_to_end(each, account["labelled"])}
    chosen = distinct([each.asked for each in answered])
    whole = [each for each in answered if each.asked in chosen]
    if len(whole) > 1:
        samples = [sample for each in whole for sample in each.asked.samples]
        overall = scores_of(samples, Outputs.joined([each.outputs for each in whole]), policy)
        sets[ALL] = {"kind": "all", **overall}
    else:
        overall = sets[whole[0].asked.name]
    manifest = engine.manifest
    return {
        "title": f"Scores of the weights `{manifest.name}`",
        "notes": [
            f"Weights {engine.weights_id} ({manifest.name})",
            f"Band rule: {manifest.band_rule}",
            *notes,
            _LIMITS,
        ],
        "weights_id": engine.weights_id,
        "weights_name": manifest.name,
        "band_rule": manifest.band_rule,
        "set": ALL if len(whole) > 1 else whole[0].asked.name,
        **overall,
        "sets": sets,
    }


def _end_to_end(each: _Answered, labelled: int) -> dict[str, Any]:
    """Cells found whole and named rightly, of all labelled ones; band and segmented as one."""
    truth = np.array([int(np.argmax(sample.target.shares)) for sample in each.asked.samples], dtype=np.int64)
    right = five(truth) == five(each.outputs.probabilities.argmax(axis=1))
    return Share(int(right.sum()), labelled).to_json()
