"""How much of what is let through unseen is wrong: by the ResNet's own doubt, and as the verdict's policy decides."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.engine import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.evaluation.judged import judged
from smearwatch.train.statistics import Share

COVERAGES = (1.0, 0.99, 0.98, 0.95, 0.9, 0.8)
_MOST_POINTS = 200
_DECIMALS = 5
_UNFLAGGED = ("confirmed", "corrected")


def risk_coverage(outputs: Outputs, truth: NDArray[np.int64], policy: Policy) -> dict[str, Any]:
    """Measure selective answering (El-Yaniv and Wiener, JMLR 2010) on n cells with a label of the six.

    Parameters
    ----------
    outputs
        Of the cells.
    truth : int64 array of shape [n]
    policy
        Turns outputs into verdicts; confirmed and corrected cells are unflagged.

    Returns
    -------
    dict
        `doubt`: cells sorted by 1 - largest probability; `at` (coverage wanted, kept cells' errors with limits),
        `curve` (coverage, risk; up to 200 points) and `aurc`, the mean risk over all coverages. `policy`: coverage and
        errors of the unflagged with limits, and `by_doubt`, the errors among as many cells chosen by doubt alone.
    """
    doubt = 1.0 - outputs.probabilities.max(axis=1)
    wrong = outputs.probabilities.argmax(axis=1) != truth
    ordered = wrong[np.argsort(doubt, kind="stable")]
    errors = np.cumsum(ordered)
    count = len(truth)
    kept = np.arange(1, count + 1)
    points = np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).astype(np.int64)) if count else kept
    return {
        "doubt": {
            "at": [{"coverage": coverage, "errors": _first(ordered, coverage)} for coverage in COVERAGES],
            "curve": [
                [round(float(kept[place]) / count, _DECIMALS), round(float(errors[place] / kept[place]), _DECIMALS)]
                for place in points
            ],
            "aurc": round(float((errors / kept).mean()), _DECIMALS) if count else None,
        },
        "policy": _by_policy(outputs, truth, policy, ordered),
    }


def _first(ordered: NDArray[np.bool_], coverage: float) -> dict[str, Any]:
    kept = round(coverage * len(ordered))
    return Share(int(ordered[:kept].sum()), kept).to_json()


def _by_policy(
    outputs: Outputs, truth: NDArray[np.int64], policy: Policy, ordered: NDArray[np.bool_]
) -> dict[str, Any]:
    answers = judged(outputs, policy)
    let_through = np.isin(answers.verdicts, _UNFLAGGED)
    unflagged = int(let_through.sum())
    wrong = int((answers.places != truth)[let_through].sum())
    return {
        "coverage": Share(unflagged, len(truth)).to_json(),
        "errors": Share(wrong, unflagged).to_json(),
        "by_doubt": Share(int(ordered[:unflagged].sum()), unflagged).to_json(),
    }
