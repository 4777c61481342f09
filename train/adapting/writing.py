"""Adapted weights as a folder: calibrated, with where they come from, whole or not at all."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smearwatch.daemon.atomic_write import put_in_place, unfinished
from smearwatch.daemon.own_output import ChangedMeanwhile, free_name
from smearwatch.models import memory
from smearwatch.models.checkpoint import Networks
from smearwatch.models.manifest import Manifest
from smearwatch.train.adapting.account import Account, CheckAccount, RejectChanges
from smearwatch.train.adapting.calibration import calibrate
from smearwatch.train.adapting.cross_validation import CrossValidation
from smearwatch.train.adapting.network import put_into
from smearwatch.train.adapting.report import write_account
from smearwatch.train.adapting.scores import AnswerChange, compare_old_answers, compare_rejected
from smearwatch.train.adapting.strategy import Interpolated, Strategy
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.samples import Sample
from smearwatch.train.data.split import split_digest
from smearwatch.train.saving import save_weights
from smearwatch.train.statistics import Paired, Share
from smearwatch.train.training.ranges import add_adapted_ranges, measure_ranges


class OldForgotten(Exception):
    """Old cells kept aside are named worse than the tolerance allows, so nothing was written.

    Attributes
    ----------
    hint
        What the user can do about it.
    """

    def __init__(self, change: Paired, tolerance: float) -> None:
        super().__init__(
            f"old cells kept aside: {change.before.hits} of {change.n} named rightly before, "
            f"{change.after.hits} after, a fall of more than the tolerance of {tolerance:g}; nothing written"
        )
        self.hint = "give more labels, fewer --steps or a larger --tolerance; --keep-anyway writes them all the same"


@dataclass(frozen=True, slots=True)
class Adapted:
    """A strategy with its cross-validation and the weights that it led to."""

    strategy: Strategy
    checked: CrossValidation
    final: Interpolated


def write(
    out: Path,
    name: str,
    networks: Networks,
    adapted: Adapted,
    cells: CellSet,
    check: CheckAccount,
    *,
    keep_anyway: bool,
) -> Account:
    """Calibrate the adapted weights, add their scores to the account, and write both.

    Parameters
    ----------
    networks
        The present ones; they are changed.
    adapted
        The logits of its cross-validation calibrate.
    cells
        The new cells.
    check
        The account so far.

    Raises
    ------
    ChangedMeanwhile
        Where something came into the place of `out`; what was adapted is beside.
    OldForgotten
        Where old cells that decided nothing so far fall by more than the tolerance, unless `keep_anyway`.
    """
    present, samples, strategy = networks.manifest, cells.samples, adapted.strategy
    weights, checked = adapted.final.weights, adapted.checked
    chosen = strategy.predict_chosen_by(weights)
    temperature, policy = calibrate(strategy.chosen_by, chosen, samples, checked.after, present.policy)
    old_before, old_after = strategy.predict_checked_by(strategy.present), strategy.predict_checked_by(weights)
    old = compare_old_answers(strategy.checked_by, old_before, old_after)
    rejected = RejectChanges(
        compare_rejected(samples, checked.before, checked.after, present.policy, policy),
        compare_rejected(strategy.checked_by, old_before, old_after, present.policy, policy),
    )
    change = old.as_labelled
    if change.n and change.lost - change.gained > check.tolerance * change.n and not keep_anyway:
        raise OldForgotten(change, check.tolerance)
    kept = memory.packed(strategy.remember(weights))
    put_into(networks, strategy.of_networks(weights))
    measured = measure_ranges(cells, present.preprocessing)
    ranges = add_adapted_ranges(present, measured, name, by_statistics=strategy.by_statistics)
    update = {"name": name, "temperature": temperature, "policy": policy, "ranges": ranges}
    manifest = present.model_copy(update=update | _provenance(present, samples, check, old))
    with unfinished(out) as partial:
        written = save_weights(partial, networks.resnet, networks.bank, manifest, kept)
        account = Account(check, old, rejected, temperature, len(policy.overrules), written.weights_id())
        write_account(partial, account)
        _put_in_place(partial, out)
    return account


def _put_in_place(partial: Path, out: Path) -> None:
    """Rename the finished folder; where something came into its place meanwhile, under a name beside."""
    if not (os.path.lexists(out) and (not out.is_dir() or out.is_symlink() or any(out.iterdir()))):
        put_in_place(partial, out)
        return
    beside = free_name(out.with_name(f"{out.name}-new"))
    put_in_place(partial, beside)
    raise ChangedMeanwhile(out, beside)


def _provenance(
    present: Manifest, samples: list[Sample], check: CheckAccount, old: AnswerChange
) -> dict[str, dict[str, Any]]:
    """Record in the manifest what was done; scores of the weights before no longer hold, and keep their own name."""
    adapted = {
        "from": check.weights_before,
        "from_name": check.name_before,
        "way": check.strategy,
        "share": check.share,
        "cells": check.cells,
        "cells_sha256": split_digest(samples),
        "tolerance": check.tolerance,
    }
    here = check.gain.as_labelled
    scores = {
        "this microscope, before": _short(here.before),
        "this microscope, each cell by weights adapted without its group": _short(here.after),
        "old cells, before": _short(old.as_labelled.before),
        "old cells": _short(old.as_labelled.after),
    }
    return {"data": {**present.data, "adapted": adapted, "metrics_before": present.metrics}, "metrics": scores}


def _short(share: Share) -> dict[str, Any]:
    return {"n": share.n, "accuracy": share.value}
