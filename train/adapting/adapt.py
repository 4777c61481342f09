"""From labelled cells of one microscope to weights for it, or to the finding that there is nothing to gain."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from smearwatch.models import checkpoint, memory
from smearwatch.models.checkpoint import Networks, WeightsUnusable
from smearwatch.models.memory import Memory
from smearwatch.train.adapting.adabn import AdaBN
from smearwatch.train.adapting.checking import Checked, Plan, check
from smearwatch.train.adapting.fine_tuning import FineTuning
from smearwatch.train.adapting.folds import divided_singly
from smearwatch.train.adapting.given import families, read_given
from smearwatch.train.adapting.heads import HeadFitting
from smearwatch.train.adapting.logits import named_rightly, use_all_cores
from smearwatch.train.adapting.more_labels import forecast
from smearwatch.train.adapting.old import old_cells, old_sides
from smearwatch.train.adapting.scores import gain, is_gain
from smearwatch.train.adapting.strategy import Followed, Strategy, follow, old_accuracy
from smearwatch.train.adapting.writing import write
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress, shrunken_fields
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.data.sources import DatasetSpec, Tell, read_sources
from smearwatch.train.evaluation.seen_in_training import part

# Heads and statistics are fitted in seconds, the networks in a minute or two: so many checks are affordable.
_FOLDS: Final = {HeadFitting.name: 5, AdaBN.name: 5, FineTuning.name: 3}
_SHARES: Final = {HeadFitting.name: (0.25, 0.5, 1.0), AdaBN.name: (0.5, 1.0), FineTuning.name: (0.5, 1.0)}
_NO_GAIN: Final = "--keep-anyway writes them all the same; more labels may help"


class NothingGained(Exception):
    """The check shows no gain, so nothing was written.

    Attributes
    ----------
    hint
        What the user can do about it.
    """

    def __init__(self, account: dict[str, Any]) -> None:
        change = account["gain"]["as_labelled"]
        super().__init__(
            f"no gain shown on {change['n']} cells: {change['before']['hits']} named rightly before, "
            f"{change['after']['hits']} after (exact McNemar p {change['p_value']:.3g}); nothing written"
        )
        self.hint = _NO_GAIN


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


def adapt(request: AdaptRequest, cache: Path, progress: Progress, tell: Tell) -> dict[str, Any]:
    """Adapt, check, and write weights with `adapt.json` and `adapt.md` beside them.

    Returns
    -------
    dict
        The account, as `adapt.json` holds it.

    Raises
    ------
    DataUnusable, LedgerUnusable
        Where cells cannot be used or are too few, or `out` is in use.
    WeightsUnusable
        Where the weights cannot be used, or remember nothing and no old pictures are named.
    NothingGained, OldForgotten
        Where the check shows no gain, or old cells kept aside fall by more than the tolerance.
    """
    started = time.monotonic()
    if request.out.exists() and (not request.out.is_dir() or any(request.out.iterdir())):
        raise DataUnusable(request.out, "there is something already", "name a new folder with --out")
    networks, remembered = checkpoint.load(request.weights), memory.load(request.weights)
    _refuse_without_old(request, remembered)
    samples = read_given(request.given, tell)
    met = part(samples, remembered, "all")
    if met.train + met.validation:
        tell(f"{met.train + met.validation} of {len(samples)} cells were met in training; the gain looks smaller so")
    use_all_cores()
    cells = CellSet(samples, shrunken_fields(samples, networks.manifest.preprocessing, cache, progress))
    ways = _ways(request, networks, remembered, cells, cache, progress, tell)
    least = old_accuracy(ways[0], ways[0].present) - request.tolerance
    tried = []
    for way in ways:
        plan = Plan(request.folds or _FOLDS[way.name], _SHARES[way.name], least, request.seed)
        tried.append((way, check(way, samples, plan, progress)))
    way, checked = max(tried, key=lambda each: _right_after(samples, each[1]))  # the first of equals: the slighter one
    everything = np.arange(len(samples), dtype=np.int64)
    final = follow(way, way.fit(everything), least)
    account = _account(request, networks, way, samples, checked, final)
    account["tried"] = {each.name: _right_after(samples, found) for each, found in tried}
    account["met"] = met.train + met.validation
    account["minutes"] = round((time.monotonic() - started) / 60, 2)
    if not (account["gained"] or request.keep_anyway):
        raise NothingGained(account)
    return write(
        request.out, request.name, networks, way, cells, checked, final, account, keep_anyway=request.keep_anyway
    )


def _refuse_without_old(request: AdaptRequest, remembered: Memory | None) -> None:
    if not request.old.nothing:
        return
    if remembered is None or not len(remembered.fitted.kinds) or not len(remembered.held.kinds):
        raise WeightsUnusable(
            request.weights,
            "they remember no old cells, so they would forget them",
            "name the old pictures with --old, or take weights that remember",
        )


def _ways(
    request: AdaptRequest,
    networks: Networks,
    remembered: Memory | None,
    cells: CellSet,
    cache: Path,
    progress: Progress,
    tell: Tell,
) -> list[Strategy]:
    if request.old.nothing:
        assert remembered is not None
        return [HeadFitting(networks, remembered, cells, request.seed, progress)]
    every = [sample for source in read_sources(request.old, tell) for sample in source.samples]
    parts = old_sides(every, remembered)
    old = old_cells(request.old.folders[0], parts, networks.manifest.preprocessing, cache, progress, request.seed)
    return [
        AdaBN(networks, remembered, cells, old, seed=request.seed),
        FineTuning(networks, remembered, cells, old, steps=request.steps, seed=request.seed, progress=progress),
    ]


def _right_after(samples: list[Sample], checked: Checked) -> int:
    """How many leukocytes are named rightly by weights that were adapted without them."""
    known = [samples[int(place)] for place in checked.leukocytes]
    return int(named_rightly(known, checked.after.at(checked.leukocytes)).sum())


def _account(
    request: AdaptRequest, networks: Networks, way: Strategy, samples: list[Sample], checked: Checked, final: Followed
) -> dict[str, Any]:
    known = [samples[int(place)] for place in checked.leukocytes]
    before, after = (logits.at(checked.leukocytes) for logits in (checked.before, checked.after))
    changes = gain(known, before, after)
    counts = families(samples)
    further = None
    if len(checked.points) > 1:
        further = forecast(checked.points, [sample.group for sample in known], len(known), len(known), request.seed)
    return {
        "weights_before": networks.manifest.weights_id(),
        "name_before": networks.manifest.name,
        "way": way.name,
        "share": final.share,
        "fold_shares": checked.shares,
        "cells": counts,
        "missing": [name for name, count in counts.items() if not count and name != "reject"],
        "groups": len({sample.group for sample in samples}),
        "divided_singly": divided_singly(samples),
        "tolerance": request.tolerance,
        "gain": changes,
        "gained": is_gain(changes) and final.share > 0,
        "more_labels": further,
    }
