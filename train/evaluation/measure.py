"""Scores of an engine's outputs against labels; every number that a report shows is made here."""

from collections.abc import Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from smearwatch.models.classes import CLASSES, Verdict
from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.data.samples import Sample
from smearwatch.train.evaluation.confusion import confusion_table, per_class
from smearwatch.train.evaluation.five_classes import FIVE, five, five_confidence, neutrophils
from smearwatch.train.evaluation.judged import judge
from smearwatch.train.evaluation.reliability import calibration_error, reliability
from smearwatch.train.evaluation.scores import RejectScores, Scores, VerdictScores, VerifierScores
from smearwatch.train.statistics import NetGain, Share

_DECIMALS = 5


def measure(samples: Sequence[Sample], outputs: Outputs, policy: Policy) -> Scores:
    """Score the answers for n labelled cells.

    Accuracy and confusion are the ResNet's, before verifiers and rejection, over the cells whose label is one of the
    six; where a label joins band and segmented, the cell counts for `five_class` alone. A leukocyte of unknown class
    counts only among the true cells that are or are not rejected.

    Parameters
    ----------
    samples
        n labelled cells.
    outputs
        Of the same cells, in the same order.
    policy
        Turns them into verdicts.
    """
    kinds = np.array([sample.target.kind for sample in samples], dtype=np.str_)
    truth = np.array([int(np.argmax(sample.target.shares)) for sample in samples], dtype=np.int64)
    predicted = outputs.probabilities.argmax(axis=1)
    six = kinds == "exact"
    agreed = np.array([sample.agreed is not False for sample in samples], dtype=bool)
    right = predicted == truth
    known = np.isin(kinds, ("exact", "either"))
    confusion = confusion_table(truth[six], predicted[six], len(CLASSES))
    confusion_of_five = confusion_table(five(truth[known]), five(predicted[known]), len(FIVE))
    merged, merged_confidence = five_confidence(outputs.probabilities[known])
    accuracy = Share.of(right[six])
    return Scores(
        n=int(six.sum()),
        accuracy=accuracy.value,
        accuracy_share=accuracy,
        agreed=Share.of(right[six & agreed]),
        disputed=Share.of(right[six & ~agreed]),
        five_class=Share.of((five(predicted) == five(truth))[known]),
        confusion=confusion.tolist(),
        per_class=per_class(confusion, CLASSES),
        confusion_five=confusion_of_five.tolist(),
        per_class_five=per_class(confusion_of_five, FIVE),
        neutrophils={
            "all": neutrophils(truth, predicted, six, known),
            "agreed": neutrophils(truth, predicted, six & agreed, known & agreed),
        },
        ece=expected_calibration_error(outputs.probabilities[six], truth[six]),
        ece_agreed=expected_calibration_error(outputs.probabilities[six & agreed], truth[six & agreed]),
        ece_five=calibration_error(reliability(merged_confidence, merged == five(truth[known]))),
        reliability=reliability(outputs.probabilities[six].max(axis=1), right[six]),
        verifiers=_score_verifiers(outputs, truth, six),
        verdicts=_score_verdicts(outputs, truth, six, policy),
        reject=_score_rejection(samples, outputs.reject_scores, policy.reject_at),
    )


def expected_calibration_error(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float | None:
    """Return the mean gap between confidence and accuracy over 15 equal bins (Guo et al., ICML 2017).

    Parameters
    ----------
    probabilities : float64 array of shape [n, 6]
    truth : int64 array of shape [n]

    Returns
    -------
    float or None
        None without cells.
    """
    right = probabilities.argmax(axis=1) == truth
    return calibration_error(reliability(probabilities.max(axis=1), right))


def _score_verifiers(outputs: Outputs, truth: NDArray[np.int64], six: NDArray[np.bool_]) -> dict[str, VerifierScores]:
    table: dict[str, VerifierScores] = {}
    for index, name in enumerate(CLASSES):
        fires = outputs.verifiers[six, index] >= 0.5
        own = truth[six] == index
        sensitivity, specificity = Share.of(fires[own]), Share.of(~fires[~own])
        if sensitivity.value is None or specificity.value is None:
            balanced = None
        else:
            balanced = round((sensitivity.value + specificity.value) / 2, _DECIMALS)
        table[name] = VerifierScores(Share.of(fires == own), balanced, sensitivity, specificity)
    return table


def _score_verdicts(
    outputs: Outputs, truth: NDArray[np.int64], six: NDArray[np.bool_], policy: Policy
) -> VerdictScores:
    chosen = outputs.at(np.flatnonzero(six).tolist())
    answers = judge(chosen, policy)
    was_right = chosen.probabilities.argmax(axis=1) == truth[six]
    is_right = answers.class_indices == truth[six]
    confirmed = answers.verdicts == "confirmed"
    change = NetGain.of(was_right, is_right)
    return VerdictScores(
        counts={name: int((answers.verdicts == name).sum()) for name in get_args(Verdict)},
        confirmed_wrong=Share.of(~is_right[confirmed]),
        errors_noticed=Share.of(~confirmed[~was_right]),
        right_challenged=Share.of(~confirmed[was_right]),
        fixed=change.fixed,
        broken=change.broken,
    )


def _score_rejection(samples: Sequence[Sample], scores: NDArray[np.float64], reject_at: float) -> RejectScores:
    strange = np.array([sample.target.kind == "reject" for sample in samples], dtype=bool)
    both = bool(strange.any() and (~strange).any())
    names = sorted({sample.label for sample in samples if sample.target.kind == "reject"})
    labels = np.array([sample.label for sample in samples], dtype=np.str_)
    return RejectScores(
        auroc=round(float(roc_auc_score(strange, scores)), _DECIMALS) if both else None,
        reject_at=reject_at,
        true_cells_rejected=Share.of(scores[~strange] >= reject_at),
        others_rejected={name: Share.of(scores[labels == name] >= reject_at) for name in names},
        all_others_rejected=Share.of(scores[strange] >= reject_at),
    )
