"""What is chosen on validation cells, after training: temperature, thresholds, and who may overrule whom."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from smearwatch.daemon.record.intervals import clopper_pearson
from smearwatch.models.classes import CLASSES
from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Overrule, Policy
from smearwatch.train.data.samples import Sample, has_class

_CHALLENGED_SHARE = 0.02
_REJECTED_SHARE = 0.01
_DOUBTED_SHARE = 0.04
_LEAST_DOUBTED = 25  # right answers below which a quantile of them means nothing
_LEAST_REJECT_AT = 0.5
_CLAIM_AT = 0.9
_LEAST = 1e-12


def fit_temperature(samples: Sequence[Sample], probabilities: NDArray[np.float64]) -> float:
    """Fit the temperature that makes the labels likeliest (Guo et al., ICML 2017), for outputs made at temperature 1.

    Parameters
    ----------
    samples
        n validation cells; those to reject or of unknown class are left out.
    probabilities : float64 array of shape [n, 6]
    """
    chosen = [index for index, sample in enumerate(samples) if has_class(sample)]
    if not chosen:
        return 1.0
    logits = np.log(np.maximum(probabilities[chosen], _LEAST))
    # A disputed label counts as given: the calibration is to the labels that the scores are measured by.
    shares = np.array([samples[index].target.shares for index in chosen])
    allowed = np.where(shares >= shares.max(axis=1, keepdims=True), 1.0, 0.0)

    def unlikeliness(log_temperature: float) -> float:
        likely = (np.exp(log_softmax(logits / np.exp(log_temperature), axis=1)) * allowed).sum(axis=1)
        return float(-np.log(np.maximum(likely, _LEAST)).mean())

    found = minimize_scalar(unlikeliness, bounds=(np.log(0.2), np.log(5.0)), method="bounded")
    return round(float(np.exp(found.x)), 4)


def fit_policy(samples: Sequence[Sample], outputs: Outputs) -> Policy:
    """Choose the verdict's thresholds on validation cells.

    A verifier agrees from 0.5 on, or from less where 0.5 would challenge more than 2 % of the right answers of its
    class. An answer is doubted where fewer than 4 % of the right answers are as improbable: the ResNet's own
    probability notices more of its errors than the verifiers do. A cell is rejected where fewer than 1 % of the true
    cells score as high, never below 0.5. One verifier may overrule where, among the cells it would change, the lower
    95 % limit of the share that it mends (of mended and spoilt) is above one half, which is a net gain whose interval
    lies above zero.
    """
    certain = np.array([sample.target.kind == "exact" for sample in samples], dtype=bool)
    known = np.array([sample.target.kind != "reject" for sample in samples], dtype=bool)
    truth = np.array([int(np.argmax(sample.target.shares)) for sample in samples])
    answers = outputs.probabilities.argmax(axis=1)
    agree = [
        _agree_at(outputs.verifiers[certain & (answers == index) & (truth == index), index])
        for index in range(len(CLASSES))
    ]
    scores = outputs.reject_scores[known]
    reject_at = float(np.quantile(scores, 1 - _REJECTED_SHARE)) if len(scores) else _LEAST_REJECT_AT
    return Policy(
        agree_at=tuple(agree),
        overrules=_overrules(outputs, truth, answers, certain, agree),
        reject_at=round(max(_LEAST_REJECT_AT, reject_at), 6),
        doubt_below=_doubt_below(outputs.probabilities[certain & (answers == truth)]),
    )


def _agree_at(right_scores: NDArray[np.float64]) -> float:
    if len(right_scores) == 0:
        return 0.5
    return round(min(0.5, float(np.quantile(right_scores, _CHALLENGED_SHARE))), 6)


def _doubt_below(right_probabilities: NDArray[np.float64]) -> float | None:
    if len(right_probabilities) < _LEAST_DOUBTED:
        return None
    return round(float(np.quantile(right_probabilities.max(axis=1), _DOUBTED_SHARE)), 6)


def _overrules(
    outputs: Outputs,
    truth: NDArray[np.int64],
    answers: NDArray[np.int64],
    certain: NDArray[np.bool_],
    agree: list[float],
) -> tuple[Overrule, ...]:
    verifiers = outputs.verifiers
    rows = np.arange(len(answers))
    disagrees = certain & (verifiers[rows, answers] < np.array(agree)[answers])
    rivals = verifiers.copy()
    rivals[rows, answers] = -1.0
    challenger = rivals.argmax(axis=1)
    claims = disagrees & (verifiers[rows, challenger] >= _CLAIM_AT)
    earned = []
    for one in range(len(CLASSES)):
        for two in range(len(CLASSES)):
            changed = claims & (answers == one) & (challenger == two)
            fixed = int((truth[changed] == two).sum())
            broken = int((truth[changed] == one).sum())
            if fixed + broken and clopper_pearson(fixed, fixed + broken)[0] > 0.5:
                earned.append(Overrule(said=one, instead=two, claim_at=_CLAIM_AT))
    return tuple(earned)
