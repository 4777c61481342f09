"""Scores and calibration on answers whose right score is known."""

import numpy as np
import pytest

from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.data.samples import LEUKOCYTE, REJECT, Sample, Target, either, exact
from smearwatch.train.evaluation.measure import expected_calibration_error, measure
from smearwatch.train.statistics import Share
from smearwatch.train.training.calibrate import fit_policy, fit_temperature


def cell(target: Target, label: str = "x", agreed: bool | None = None) -> Sample:
    def no_picture():
        raise AssertionError("scores need no picture")

    return Sample("", "cells", label, target, "", agreed, no_picture, digest="")


def answers(predicted: list[int], *, sure: float = 0.95, verifiers: np.ndarray | None = None, reject=None) -> Outputs:
    probabilities = np.full((len(predicted), 6), (1 - sure) / 5)
    probabilities[np.arange(len(predicted)), predicted] = sure
    agreeing = np.zeros((len(predicted), 6))
    agreeing[np.arange(len(predicted)), predicted] = 1.0
    scores = np.zeros(len(predicted)) if reject is None else np.array(reject)
    return Outputs(probabilities, agreeing if verifiers is None else verifiers, scores)


def test_a_leukocyte_of_unknown_class_counts_among_the_true_cells_alone():
    samples = [cell(exact(2)), cell(LEUKOCYTE, "leukocyte"), cell(LEUKOCYTE, "leukocyte"), cell(REJECT, "platelet")]
    outputs = answers([2, 0, 3, 1], reject=[0.1, 0.9, 0.2, 0.8])
    scores = measure(samples, outputs, Policy())
    assert (scores.n, scores.five_class) == (1, Share(1, 1))
    assert np.array(scores.confusion_five).sum() == 1
    assert scores.reject.true_cells_rejected == Share(1, 3)
    assert scores.reject.all_others_rejected == Share(1, 1)
    assert fit_temperature(samples, outputs.probabilities) == fit_temperature(samples[:1], outputs.probabilities[:1])


def test_scores_of_known_answers():
    samples = [
        cell(exact(0), agreed=True),
        cell(exact(0), agreed=True),
        cell(exact(1, 0.7, other=0), agreed=False),
        cell(exact(5)),
        cell(either((0, 1))),
        cell(REJECT, "platelet"),
    ]
    outputs = answers([0, 1, 0, 5, 1, 3], reject=[0.1, 0.1, 0.6, 0.1, 0.2, 0.9])
    scores = measure(samples, outputs, Policy())
    assert scores.n == 4
    assert scores.accuracy == 0.5
    assert scores.agreed == Share(2, 3)
    assert scores.disputed == Share(0, 1)
    assert scores.five_class == Share(5, 5)
    assert np.array(scores.confusion).sum() == 4
    assert scores.confusion[0][:2] == [1, 1]
    assert scores.per_class["band"].recall == Share(1, 2)
    assert scores.per_class["band"].precision == Share(1, 2)
    assert scores.reject.auroc == 1.0
    assert scores.reject.true_cells_rejected == Share(1, 5)
    assert scores.reject.others_rejected == {"platelet": Share(1, 1)}
    assert scores.verdicts.counts == {"confirmed": 3, "corrected": 0, "flagged": 0, "rejected": 1}
    assert scores.verdicts.errors_noticed == Share(1, 2)
    assert scores.verdicts.right_challenged == Share(0, 2)


@pytest.mark.parametrize(("sure", "right", "expected"), [(0.9, 9, 0.0), (0.9, 5, 0.4), (0.6, 10, 0.4)])
def test_calibration_error(sure: float, right: int, expected: float):
    outputs = answers([0] * 10, sure=sure)
    truth = np.array([0] * right + [1] * (10 - right))
    assert expected_calibration_error(outputs.probabilities, truth) == pytest.approx(expected, abs=1e-6)


def test_temperature_makes_confidence_honest():
    """Seven of ten right and 0.95 sure of each: the temperature must bring confidence down to about 0.7."""
    samples = [cell(exact(0))] * 700 + [cell(exact(1))] * 300
    outputs = answers([0] * 1000)
    temperature = fit_temperature(samples, outputs.probabilities)
    logits = np.log(outputs.probabilities) / temperature
    softened = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert temperature > 1.5
    assert softened[0, 0] == pytest.approx(0.7, abs=0.03)


def verifiers_claiming_segmented(count: int) -> np.ndarray:
    claims = np.full((count, 6), 0.01)
    claims[:, 1] = 0.99
    return claims


@pytest.mark.parametrize(("fixed", "broken", "earned"), [(30, 2, True), (16, 14, False), (2, 0, False)])
def test_overruling_must_be_earned(fixed: int, broken: int, earned: bool):
    right = 200
    verifiers = np.vstack([verifiers_claiming_segmented(fixed + broken), np.eye(6)[[0] * right]])
    samples = [cell(exact(1))] * fixed + [cell(exact(0))] * (broken + right)
    outputs = answers([0] * len(samples), verifiers=verifiers)
    overrules = fit_policy(samples, outputs).overrules
    assert [(o.said, o.instead) for o in overrules] == ([(0, 1)] if earned else [])


def test_rejecting_costs_at_most_a_hundredth():
    scores = np.linspace(0, 1, 1000)
    samples = [cell(exact(0))] * 1000
    policy = fit_policy(samples, answers([0] * 1000, reject=scores))
    assert (scores >= policy.reject_at).mean() == pytest.approx(0.01, abs=0.002)
    quiet = fit_policy(samples, answers([0] * 1000, reject=scores / 10))
    assert quiet.reject_at == 0.5
