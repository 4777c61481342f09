"""From labelled cells of one microscope to weights for it, or to the finding that there is nothing to gain."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from smearwatch.models import checkpoint, memory
from smearwatch.models.checkpoint import Networks, WeightsUnusable
from smearwatch.models.manifest import Manifest
from smearwatch.models.memory import Memory
from smearwatch.train.adapting.account import Account, CheckAccount
from smearwatch.train.adapting.adabn import AdaBN
from smearwatch.train.adapting.cross_validation import CrossValidation, FoldPlan, cross_validate
from smearwatch.train.adapting.fine_tuning import FineTuning
from smearwatch.train.adapting.folds import is_divided_singly
from smearwatch.train.adapting.heads import HeadFitting
from smearwatch.train.adapting.labelled_cells import count_families, read_labelled_cells
from smearwatch.train.adapting.learning_curve import forecast
from smearwatch.train.adapting.logits import named_rightly, use_all_cores
from smearwatch.train.adapting.old_cells import divide_old_cells, draw_old_cells
from smearwatch.train.adapting.scores import compare_answers, is_gain
from smearwatch.train.adapting.strategy import Strategy, interpolate, old_accuracy
from smearwatch.train.adapting.writing import Adapted, write
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.sources import DatasetSpec, ReportLine, read_sources
from smearwatch.train.data.stains import cells_as_seen
from smearwatch.train.evaluation.seen_in_training import part

# Heads and statistics are fitted in seconds, the networks in a minute or two: so many checks are affordable.
_FOLDS: Final = {HeadFitting.name: 5, AdaBN.name: 5, FineTuning.name: 3}
_SHARES: Final = {HeadFitting.name: (0.25, 0.5, 1.0), AdaBN.name: (0.5, 1.0), FineTuning.name: (0.5, 1.0)}
_NO_GAIN: Final = "label more cells, or write the weights all the same with --keep-anyway"


class NothingGained(Exception):
    """The check shows no gain, so nothing was written.

    Attributes
    ----------
    hint
        What the user can do about it.
    check
        What the check showed, and what more labels would bring.
    """

    def __init__(self, check: CheckAccount) -> None:
        change = check.gain.as_labelled
        super().__init__(
            f"no gain shown on {change.n} cells: {change.before.hits} named rightly before, "
            f"{change.after.hits} after (exact McNemar p {change.p_value:.3g}); nothing written"
        )
        self.hint = _NO_GAIN
        self.check = check


@dataclass(frozen=True, slots=True)
class AdaptRequest:
    """What somebody wants adapted.

    Attributes
    ----------
    given, old
        The labelled cells of this microscope; old pictures, if any.
    weights, out, name
        From which weights, to which folder, under which name.
    tolerance
        By how much the accuracy on old cells may fall.
    folds, steps
        How many folds (None for the usual number), and how many steps where whole networks learn.
    keep_anyway
        Write the weights even where no gain is shown or old cells fall by more than the tolerance.
    """

    given: DatasetSpec
    old: DatasetSpec
    weights: Path
    out: Path
    name: str
    tolerance: float = 0.005
    folds: int | None = None
    steps: int = 120
    keep_anyway: bool = False
    seed: int = 1


def adapt(request: AdaptRequest, cache: Path, progress: Progress, report_line: ReportLine) -> Account:
    """Adapt, check, and write weights with `adapt.json` and `adapt.md` beside them.

    Returns
    -------
    Account
        As `adapt.json` holds it.

    Raises
    ------
    DataUnusable, LedgerUnusable
        Where cells cannot be used or are too few, or `out` is in use.
    WeightsUnusable
        Where the weights cannot be used, or have no memory of old cells and no old pictures are named.
    NothingGained, OldForgotten
        Where the check shows no gain, or old cells kept aside fall by more than the tolerance.
    """
    started_s = time.monotonic()
    if request.out.exists() and (not request.out.is_dir() or any(request.out.iterdir())):
        raise DataUnusable(request.out, "there is something already", "name a new folder with --out")
    networks, old_memory = checkpoint.load(request.weights), memory.load(request.weights)
    _refuse_without_old(request, old_memory)
    samples = read_labelled_cells(request.given, report_line)
    seen = part(samples, old_memory, "all")
    seen_count = seen.train + seen.validation
    if seen_count:
        report_line(f"{seen_count} of {len(samples)} cells were seen in training, so the gain is understated")
    use_all_cores()
    cells = cells_as_seen(samples, networks.manifest.preprocessing, cache, progress)
    strategies = _strategies(request, networks, old_memory, cells, cache, progress, report_line)
    least = old_accuracy(strategies[0], strategies[0].present) - request.tolerance
    tried = []
    for strategy in strategies:
        plan = FoldPlan(request.folds or _FOLDS[strategy.name], _SHARES[strategy.name], least, request.seed)
        tried.append((strategy, cross_validate(strategy, samples, plan, progress)))
    # Of equals the first, which changes less.
    strategy, checked = max(tried, key=lambda each: _right_after(samples, each[1]))
    everything = np.arange(len(samples), dtype=np.int64)
    final = interpolate(strategy, strategy.fit(everything), least)
    hits = {each.name: _right_after(samples, found) for each, found in tried}
    adapted = Adapted(strategy, checked, final)
    account = _account(request, networks.manifest, samples, adapted, hits, seen_count, started_s)
    if not (account.gained or request.keep_anyway):
        raise NothingGained(account)
    return write(request.out, request.name, networks, adapted, cells, account, keep_anyway=request.keep_anyway)


def _refuse_without_old(request: AdaptRequest, old_memory: Memory | None) -> None:
    if not request.old.nothing:
        return
    if old_memory is None or not len(old_memory.fitted.kinds) or not len(old_memory.held.kinds):
        raise WeightsUnusable(
            request.weights,
            "they keep no memory of old cells, so adapting would lose what they know",
            "name the old pictures with --old, or take weights that keep a memory",
        )


def _strategies(
    request: AdaptRequest,
    networks: Networks,
    old_memory: Memory | None,
    cells: CellSet,
    cache: Path,
    progress: Progress,
    report_line: ReportLine,
) -> list[Strategy]:
    if request.old.nothing:
        assert old_memory is not None
        return [HeadFitting(networks, old_memory, cells, request.seed, progress)]
    every = [sample for source in read_sources(request.old, report_line) for sample in source.samples]
    parts = divide_old_cells(every, old_memory)
    old = draw_old_cells(request.old.folders[0], parts, networks.manifest.preprocessing, cache, progress, request.seed)
    return [
        AdaBN(networks, old_memory, cells, old, seed=request.seed),
        FineTuning(networks, old_memory, cells, old, steps=request.steps, seed=request.seed, progress=progress),
    ]


def _right_after(samples: list[Sample], checked: CrossValidation) -> int:
    """Count the leukocytes named rightly by weights that were adapted without them."""
    known = [samples[int(index)] for index in checked.leukocytes]
    return int(named_rightly(known, checked.after.at(checked.leukocytes)).sum())


def _account(
    request: AdaptRequest,
    present: Manifest,
    samples: list[Sample],
    adapted: Adapted,
    tried: dict[str, int],
    seen_in_training: int,
    started_s: float,
) -> CheckAccount:
    checked = adapted.checked
    known = [samples[int(index)] for index in checked.leukocytes]
    before, after = (logits.at(checked.leukocytes) for logits in (checked.before, checked.after))
    changes = compare_answers(known, before, after)
    counts = count_families(samples)
    more_labels = None
    if len(checked.points) > 1:
        more_labels = forecast(checked.points, [sample.group for sample in known], len(known), len(known), request.seed)
    return CheckAccount(
        weights_before=present.weights_id(),
        name_before=present.name,
        strategy=adapted.strategy.name,
        share=adapted.final.share,
        fold_shares=checked.shares,
        cells=counts,
        missing=[name for name, count in counts.items() if not count and name != "reject"],
        groups=len({sample.group for sample in samples}),
        divided_singly=is_divided_singly(samples),
        tolerance=request.tolerance,
        gain=changes,
        gained=is_gain(changes.as_labelled) and adapted.final.share > 0,
        more_labels=more_labels,
        tried=tried,
        seen_in_training=seen_in_training,
        by_statistics=adapted.strategy.by_statistics,
        minutes=round((time.monotonic() - started_s) / 60, 2),
    )
