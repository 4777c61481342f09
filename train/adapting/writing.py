"""Adapted weights as a folder: calibrated, with where they come from, whole or not at all."""

import os
import shutil
from pathlib import Path
from typing import Any

from smearwatch.models import checkpoint, memory
from smearwatch.models.checkpoint import Networks
from smearwatch.train.adapting.calibration import calibrate
from smearwatch.train.adapting.cross_validation import CrossValidation
from smearwatch.train.adapting.network import put_into
from smearwatch.train.adapting.report import write_account
from smearwatch.train.adapting.scores import compare_old_answers, compare_rejected
from smearwatch.train.adapting.strategy import Interpolated, Strategy
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.samples import Sample
from smearwatch.train.data.split import split_digest
from smearwatch.train.training.ranges import add_adapted_ranges, measure_ranges


class OldForgotten(Exception):
    """Old cells kept aside are named worse than the tolerance allows, so nothing was written.

    Attributes
    ----------
    hint
        What the user can do about it.
    """

    def __init__(self, change: dict[str, Any], tolerance: float) -> None:
        super().__init__(
            f"old cells kept aside: {change['before']['hits']} of {change['n']} named rightly before, "
            f"{change['after']['hits']} after, a fall of more than the tolerance of {tolerance:g}; nothing written"
        )
        self.hint = "give more labels, fewer --steps or a larger --tolerance; --keep-anyway writes them all the same"


def write(
    out: Path,
    name: str,
    networks: Networks,
    strategy: Strategy,
    cells: CellSet,
    checked: CrossValidation,
    final: Interpolated,
    account: dict[str, Any],
    *,
    keep_anyway: bool,
) -> dict[str, Any]:
    """Calibrate the adapted weights, add their scores to the account, and write both.

    Parameters
    ----------
    networks
        The present ones; they are changed.
    cells
        The new cells.
    checked
        Its logits of the new cells, each by weights adapted without it, calibrate.

    Returns
    -------
    dict
        The account with `old`, `rejected`, `temperature` and `weights_after`.

    Raises
    ------
    OldForgotten
        Where old cells that decided nothing so far fall by more than the tolerance, unless `keep_anyway`.
    """
    present, samples = networks.manifest, cells.samples
    chosen = strategy.predict_chosen_by(final.weights)
    temperature, policy = calibrate(strategy.chosen_by, chosen, samples, checked.after, present.policy)
    old_before, old_after = strategy.predict_checked_by(strategy.present), strategy.predict_checked_by(final.weights)
    account = account | {
        "old": compare_old_answers(strategy.checked_by, old_before, old_after),
        "rejected": {
            "new": compare_rejected(samples, checked.before, checked.after, present.policy, policy),
            "old": compare_rejected(strategy.checked_by, old_before, old_after, present.policy, policy),
        },
        "temperature": temperature,
        "overrules": len(policy.overrules),
    }
    old = account["old"]["as_labelled"]
    if old["n"] and old["lost"] - old["gained"] > account["tolerance"] * old["n"] and not keep_anyway:
        raise OldForgotten(old, account["tolerance"])
    kept = memory.packed(strategy.remember(final.weights))
    put_into(networks, strategy.of_networks(final.weights))
    ranges = add_adapted_ranges(present, measure_ranges(cells, present.preprocessing), name)
    chosen_here = {"name": name, "temperature": temperature, "policy": policy, "ranges": ranges}
    manifest = present.model_copy(update=chosen_here | _provenance(present.data, present.metrics, samples, account))
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        written = checkpoint.save(partial, networks.resnet, networks.bank, manifest, kept)
        account["weights_after"] = written.weights_id()
        write_account(partial, account)
        if out.is_dir():
            out.rmdir()
        os.replace(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return account


def _provenance(
    data: dict[str, Any], metrics: dict[str, Any], samples: list[Sample], account: dict[str, Any]
) -> dict[str, Any]:
    """Record in the manifest what was done; scores of the weights before no longer hold, and keep their own name."""
    adapted = {
        "from": account["weights_before"],
        "from_name": account["name_before"],
        "way": account["way"],
        "share": account["share"],
        "cells": account["cells"],
        "cells_sha256": split_digest(samples),
        "tolerance": account["tolerance"],
    }
    scores = {
        "this microscope, before": _short(account["gain"]["as_labelled"], "before"),
        "this microscope, each cell by weights adapted without its group": _short(
            account["gain"]["as_labelled"], "after"
        ),
        "old cells, before": _short(account["old"]["as_labelled"], "before"),
        "old cells": _short(account["old"]["as_labelled"], "after"),
    }
    return {"data": {**data, "adapted": adapted, "metrics_before": metrics}, "metrics": scores}


def _short(entry: dict[str, Any], which: str) -> dict[str, Any]:
    return {"n": entry["n"], "accuracy": entry[which]["value"]}
