"""Scores of an engine's outputs against labels; every number that a report shows is made here."""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from smearwatch.models.classes import CLASSES, Verdict
from smearwatch.models.engine import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.data.samples import Sample
from smearwatch.train.evaluation.five import FIVE, confusion_table, five, five_confidence, neutrophils, per_class
from smearwatch.train.evaluation.judged import judged
from smearwatch.train.evaluation.reliability import calibration_error, reliability
from smearwatch.train.statistics import Share

_DECIMALS = 5


def measure(samples: Sequence[Sample], outputs: Outputs, policy: Policy) -> dict[str, Any]:
    """Score the answers for n labelled cells.

    Accuracy and confusion are the ResNet's, before verifiers and rejection, over the cells whose label is one of the
    six; where a label joins band and segmented, the cell counts for `five_class` alone.

    Parameters
    ----------
    samples
        n labelled cells.
    outputs
        Of the same cells, in the same order.
    policy
        Turns them into verdicts.

    Returns
    -------
    dict
        For JSON: n, accuracy, accuracy_share, agreed, disputed, five_class, confusion (rows are labels), per_class,
        confusion_five and per_class_five (band and segmented as one, joined labels among them), neutrophils, ece,
        ece_agreed, ece_five, reliability, verifiers, verdicts, reject.
    """
    kinds = np.array([sample.target.kind for sample in samples])
    truth = np.array([int(np.argmax(sample.target.shares)) for sample in samples], dtype=np.int64)
    said = outputs.probabilities.argmax(axis=1)
    six = kinds == "exact"
    agreed = np.array([sample.agreed is not False for sample in samples], dtype=bool)
    right = said == truth
    known = kinds != "reject"
    confusion = confusion_table(truth[six], said[six], len(CLASSES))
    confusion_of_five = confusion_table(five(truth[known]), five(said[known]), len(FIVE))
    merged_said, merged_confidence = five_confidence(outputs.probabilities[known])
    accuracy = _share(right[six])
    return {
        "n": int(six.sum()),
        "accuracy": accuracy["value"],
        "accuracy_share": accuracy,
        "agreed": _share(right[six & agreed]),
        "disputed": _share(right[six & ~agreed]),
        "five_class": _share((five(said) == five(truth))[known]),
        "confusion": confusion.tolist(),
        "per_class": per_class(confusion, CLASSES),
        "confusion_five": confusion_of_five.tolist(),
        "per_class_five": per_class(confusion_of_five, FIVE),
        "neutrophils": {
            "all": neutrophils(truth, said, six, known),
            "agreed": neutrophils(truth, said, six & agreed, known & agreed),
        },
        "ece": expected_calibration_error(outputs.probabilities[six], truth[six]),
        "ece_agreed": expected_calibration_error(outputs.probabilities[six & agreed], truth[six & agreed]),
        "ece_five": calibration_error(reliability(merged_confidence, merged_said == five(truth[known]))),
        "reliability": reliability(outputs.probabilities[six].max(axis=1), right[six]),
        "verifiers": _verifiers(outputs, truth, six),
        "verdicts": _verdicts(outputs, truth, six, policy),
        "reject": _reject(samples, outputs.reject_scores, policy.reject_at),
    }


def expected_calibration_error(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float | None:
    """Mean gap between confidence and accuracy over 15 equal bins (Guo et al., ICML 2017); None without cells.

    Parameters
    ----------
    probabilities : float64 array of shape [n, 6]
    truth : int64 array of shape [n]
    """
    right = probabilities.argmax(axis=1) == truth
    return calibration_error(reliability(probabilities.max(axis=1), right))


def _share(hits: NDArray[np.bool_]) -> dict[str, Any]:
    return Share(int(hits.sum()), len(hits)).to_json()


def _verifiers(outputs: Outputs, truth: NDArray[np.int64], six: NDArray[np.bool_]) -> dict[str, Any]:
    """Each verifier alone, at 0.5: its class against the rest, both sides weighed as they come and balanced."""
    table: dict[str, Any] = {}
    for place, name in enumerate(CLASSES):
        fires = outputs.verifiers[six, place] >= 0.5
        own = truth[six] == place
        sensitivity, specificity = _share(fires[own]), _share(~fires[~own])
        sides = [side["value"] for side in (sensitivity, specificity)]
        balanced = None if None in sides else round(sum(sides) / 2, _DECIMALS)
        table[name] = {
            "accuracy": _share(fires == own),
            "balanced_accuracy": balanced,
            "sensitivity": sensitivity,
            "specificity": specificity,
        }
    return table


def _verdicts(outputs: Outputs, truth: NDArray[np.int64], six: NDArray[np.bool_], policy: Policy) -> dict[str, Any]:
    """Count what the policy makes of the cells of the six: each verdict, what it fixed, what it broke."""
    chosen = outputs.at(np.flatnonzero(six).tolist())
    answers = judged(chosen, policy)
    was_right = chosen.probabilities.argmax(axis=1) == truth[six]
    is_right = answers.places == truth[six]
    confirmed = answers.verdicts == "confirmed"
    return {
        "counts": {name: int((answers.verdicts == name).sum()) for name in get_args(Verdict)},
        "confirmed_wrong": _share(~is_right[confirmed]),
        "errors_noticed": _share(~confirmed[~was_right]),
        "right_challenged": _share(~confirmed[was_right]),
        "fixed": int((is_right & ~was_right).sum()),
        "broken": int((was_right & ~is_right).sum()),
    }


def _reject(samples: Sequence[Sample], scores: NDArray[np.float64], reject_at: float) -> dict[str, Any]:
    strange = np.array([sample.target.kind == "reject" for sample in samples], dtype=bool)
    both = bool(strange.any() and (~strange).any())
    names = sorted({sample.label for sample in samples if sample.target.kind == "reject"})
    labels = np.array([sample.label for sample in samples])
    return {
        "auroc": round(float(roc_auc_score(strange, scores)), _DECIMALS) if both else None,
        "reject_at": reject_at,
        "true_cells_rejected": _share(scores[~strange] >= reject_at),
        "others_rejected": {name: _share(scores[labels == name] >= reject_at) for name in names},
        "all_others_rejected": _share(scores[strange] >= reject_at),
    }
