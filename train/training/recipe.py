"""From configuration to weights and their report: gather, train, calibrate on validation, measure on test, write."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smearwatch.models import checkpoint, memory
from smearwatch.models.engine import Engine
from smearwatch.models.manifest import Manifest
from smearwatch.models.verdict import Policy
from smearwatch.train.data import simulated
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.laboratories import Laboratory, Layout
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.data.sessions import SOURCE as SESSIONS
from smearwatch.train.data.split import SALT, split_digest
from smearwatch.train.data.stains import as_seen
from smearwatch.train.evaluation.measure import measure
from smearwatch.train.evaluation.outputs import run_engine
from smearwatch.train.evaluation.report import write_report
from smearwatch.train.evaluation.results import Report, ScoredSet
from smearwatch.train.evaluation.scores import Scores
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.saving import save_weights
from smearwatch.train.thresholds import Thresholds, read_thresholds
from smearwatch.train.training.calibrate import fit_policy, fit_temperature
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.gather import Gathered, gather
from smearwatch.train.training.loop import Trainer
from smearwatch.train.training.ranges import add_start_ranges, measure_ranges
from smearwatch.train.training.remembering import remember

_TWICE = "The cells of whole fields are trained on twice, as boxed and as the pipeline finds them, and counted so."
_NAMES: dict[Layout, str] = {
    "cells": "single-cell pictures",
    "fields": "cells of whole fields, another microscope",
    "outlined": "leukocytes of unknown class, and places without one",
}


@dataclass(frozen=True, slots=True)
class _SetSummary(JsonRecord):
    """What the manifest keeps of a set's scores."""

    n: int
    accuracy: float | None
    agreed: float | None
    five_class: float | None
    ece: float | None
    reject_auroc: float | None

    @staticmethod
    def of(scores: Scores) -> "_SetSummary":
        return _SetSummary(
            n=scores.n,
            accuracy=scores.accuracy,
            agreed=scores.agreed.value,
            five_class=scores.five_class.value,
            ece=scores.ece,
            reject_auroc=scores.reject.auroc,
        )


def train(config: TrainConfig, out: Path, state: Path, cache: Path, progress: Progress) -> Report:
    """Train, calibrate, measure and write; a run that was interrupted continues from the last kept state.

    Parameters
    ----------
    out
        Gets the weights, `report.json` and `report.md`, at the very end.
    state, cache
        What a restart needs, and the shrunken crops.

    Returns
    -------
    Report
        As `report.json` holds it.

    Raises
    ------
    DataUnusable
        Where labelled cells or kept state cannot be used.
    """
    trainer = Trainer(config, state)  # first, for what cannot begin need not be drawn
    gathered = gather(config, cache, progress)
    trainer.run(gathered.train, gathered.validation, progress)
    return finish(config, trainer, gathered, out, progress)


def finish(config: TrainConfig, trainer: Trainer, gathered: Gathered, out: Path, progress: Progress) -> Report:
    """Calibrate, measure and write what a trainer has learnt so far."""
    plain = Manifest(name=config.name, norm=config.norm, preprocessing=config.preprocessing, tensors={})
    rounded = trainer.folder / "uncalibrated"
    save_weights(rounded, trainer.resnet, trainer.bank, plain)
    temperature, policy = _calibrate(rounded, gathered.validation, progress)
    if config.thresholds is not None:
        policy = _read_thresholds(config.thresholds).put_into(policy)
    if policy.unfamiliar_beyond is None:
        policy = policy.model_copy(update={"unfamiliar_beyond": config.unfamiliar_beyond})
    seen, watched = (as_seen(cells, config.preprocessing) for cells in (gathered.train, gathered.validation))
    start = checkpoint.read_manifest(config.start) if config.start else None
    # Measured before the report, for a policy may make verdicts depend on them.
    ranges = add_start_ranges(measure_ranges(seen, config.preprocessing), start, config.preprocessing)
    chosen = {
        "temperature": temperature,
        "policy": policy,
        "ranges": ranges,
        "session_statistics": config.session_statistics,
    }
    manifest = plain.model_copy(update=chosen | _provenance(gathered) | {"licences": config.credits})
    final = trainer.folder / "calibrated"
    save_weights(final, trainer.resnet, trainer.bank, manifest)
    report = _report(Engine.load(final), config, gathered, progress)
    served = checkpoint.load(final)
    before = memory.load(config.start) if config.start else None
    kept = memory.packed(remember(served, seen, watched, before))
    measured = manifest.model_copy(update={"metrics": _summary(report)})
    save_weights(out, served.resnet, served.bank, measured, kept)
    write_report(out, report)
    return report


def _calibrate(weights: Path, validation: CellSet, progress: Progress) -> tuple[float, Policy]:
    """Fit temperature and policy to the real validation cells; drawn ones are too easy to calibrate doubt by."""
    real = [index for index, sample in enumerate(validation.samples) if sample.source != simulated.SOURCE]
    cells = CellSet([validation.samples[index] for index in real], validation.fields[real])
    if not real:
        return 1.0, Policy()
    outputs = run_engine(Engine.load(weights), cells, "calibration", progress)
    temperature = fit_temperature(cells.samples, outputs.probabilities)
    return temperature, fit_policy(cells.samples, outputs)


def _read_thresholds(path: Path) -> Thresholds:
    try:
        return read_thresholds(path)
    except OSError as error:
        raise DataUnusable(path, (error.strerror or str(error)).lower(), "check the file's name and rights") from error
    except ValueError as error:
        hint = "give the thresholds.json that smearwatch leave-out wrote"
        raise DataUnusable(path, "no thresholds in it", hint) from error


def _report(engine: Engine, config: TrainConfig, gathered: Gathered, progress: Progress) -> Report:
    cells = gathered.test
    outputs = run_engine(engine, cells, "test cells", progress)
    policy = engine.manifest.policy
    sets: dict[str, ScoredSet] = {}
    for title, sources in _sets(config.used_laboratories()).items():
        indices = [index for index, sample in enumerate(cells.samples) if sample.source in sources]
        if indices:
            chosen = [cells.samples[index] for index in indices]
            sets[title] = ScoredSet(measure(chosen, outputs.at(indices), policy))
    trained_on = {sample.source for sample in gathered.train.samples}
    laboratories = config.used_laboratories().items()
    fields = [each for name, each in laboratories if each.layout == "fields" and name in trained_on]
    sizes = {part: len(getattr(gathered, part).samples) for part in ("train", "validation", "test")}
    notes = [
        "This run took nothing from the test cells; temperature and thresholds come from validation.",
        f"Cells: {sizes['train']} to train on, {sizes['validation']} for validation, {sizes['test']} to test on; split "
        "by near-duplicate cluster, by run of ten neighbouring frames, and by seed, before anything was augmented.",
        "No set tells patients apart, so cells of one patient stand on both sides and the scores are optimistic.",
        *(["The whole fields' slides are in training too, with other frames."] if fields else []),
        *([_TWICE] if any(each.found for each in fields) else []),
        f"{config.epochs} and {config.again_epochs} epochs, the first {config.small_epochs} at {config.small_px} px, "
        f"the others at {config.preprocessing.view_px} px; norm {config.norm}, from {_origin(config)}; temperature "
        f"{engine.manifest.temperature}; verifiers that may overrule: {len(policy.overrules)}.",
        f"Weights {engine.weights_id}",
    ]
    return Report(f"Scores of the weights `{config.name}`", notes, sets, first=next(iter(sets.values()), None))


def _sets(laboratories: Mapping[str, Laboratory]) -> dict[str, set[str]]:
    """Name the sets of the report, and whose cells each holds.

    What is to be rejected is measured against single-cell pictures, their own laboratory's or another's.
    """
    rejects = {name for name, each in laboratories.items() if each.layout in ("blanks", "empty")}
    sets = {
        f"{_NAMES[each.layout]} ({name})": {name, *rejects} if each.layout == "cells" else {name}
        for name, each in laboratories.items()
        if each.layout in _NAMES
    }
    sets |= {"labelled cells of recorded sessions": {SESSIONS}}
    return {**sets, f"drawn cells ({simulated.SOURCE})": {simulated.SOURCE}}


def _origin(config: TrainConfig) -> str:
    if config.start is None:
        return config.init
    started = checkpoint.read_manifest(config.start)
    back = f", and {config.start_share:g} of the way back to them" if config.start_share else ""
    return f"the weights `{started.name}` ({started.weights_id()[:12]}){back}"


def _provenance(gathered: Gathered) -> dict[str, Any]:
    sides = {"train": gathered.train, "validation": gathered.validation, "test": gathered.test}
    counts = {part: dict(Counter(sample.source for sample in cells.samples)) for part, cells in sides.items()}
    digests = {part: split_digest(cells.samples) for part, cells in sides.items()}
    every = [sample for cells in sides.values() for sample in cells.samples]
    return {
        "data": {"counts": counts, "sha256": split_digest(every)},
        "split": {"salt": SALT, "sha256": digests},
    }


def _summary(report: Report) -> dict[str, Any]:
    return {name: _SetSummary.of(each.scores).to_json() for name, each in report.sets.items()}
