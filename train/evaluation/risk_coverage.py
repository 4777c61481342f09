"""How much of what is let through unseen is wrong: by the ResNet's own doubt, and as the verdict's policy decides."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.evaluation.judged import judge
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.statistics import Share

COVERAGES = (1.0, 0.99, 0.98, 0.95, 0.9, 0.8)
_MOST_POINTS = 200
_DECIMALS = 5
_UNFLAGGED = ("confirmed", "corrected")


@dataclass(frozen=True, slots=True)
class CoverageErrors(JsonRecord):
    """The errors among the surest cells, as many as a coverage asks for."""

    coverage: float
    errors: Share


@dataclass(frozen=True, slots=True)
class DoubtRisk(JsonRecord):
    """Selective answering by doubt, which is 1 - largest probability.

    Attributes
    ----------
    at
        At each of `COVERAGES`.
    curve
        Coverage and risk, up to 200 points.
    aurc
        Mean risk over all coverages; None without cells.
    """

    at: list[CoverageErrors]
    curve: list[tuple[float, float]]
    aurc: float | None


@dataclass(frozen=True, slots=True)
class PolicyRisk(JsonRecord):
    """Selective answering as the policy decides.

    Attributes
    ----------
    coverage
        The unflagged, of all.
    errors
        Of the unflagged.
    by_doubt
        The errors among as many cells chosen by doubt alone.
    """

    coverage: Share
    errors: Share
    by_doubt: Share


@dataclass(frozen=True, slots=True)
class RiskCoverage(JsonRecord):
    """What is wrong among cells that nobody is asked to look at."""

    doubt: DoubtRisk
    policy: PolicyRisk


def risk_coverage(outputs: Outputs, truth: NDArray[np.int64], policy: Policy) -> RiskCoverage:
    """Measure selective answering (El-Yaniv and Wiener, JMLR 2010) on n cells with a label of the six.

    Parameters
    ----------
    outputs
        Of the cells.
    truth : int64 array of shape [n]
    policy
        Turns outputs into verdicts; confirmed and corrected cells are unflagged.
    """
    doubt = 1.0 - outputs.probabilities.max(axis=1)
    wrong = outputs.probabilities.argmax(axis=1) != truth
    ordered = wrong[np.argsort(doubt, kind="stable")]
    return RiskCoverage(_by_doubt(ordered), _by_policy(outputs, truth, policy, ordered))


def _by_doubt(ordered: NDArray[np.bool_]) -> DoubtRisk:
    """Measure by errors in the order of doubt, the surest first."""
    errors = np.cumsum(ordered)
    count = len(ordered)
    kept = np.arange(1, count + 1)
    points = np.unique(np.linspace(0, count - 1, min(count, _MOST_POINTS)).astype(np.int64)) if count else kept
    return DoubtRisk(
        at=[CoverageErrors(coverage, _first(ordered, coverage)) for coverage in COVERAGES],
        curve=[
            (round(float(kept[index]) / count, _DECIMALS), round(float(errors[index] / kept[index]), _DECIMALS))
            for index in points
        ],
        aurc=round(float((errors / kept).mean()), _DECIMALS) if count else None,
    )


def _first(ordered: NDArray[np.bool_], coverage: float) -> Share:
    return Share.of(ordered[: round(coverage * len(ordered))])


def _by_policy(outputs: Outputs, truth: NDArray[np.int64], policy: Policy, ordered: NDArray[np.bool_]) -> PolicyRisk:
    answers = judge(outputs, policy)
    unflagged = np.asarray(np.isin(answers.verdicts, _UNFLAGGED), dtype=np.bool_)
    return PolicyRisk(
        coverage=Share.of(unflagged),
        errors=Share.of((answers.class_indices != truth)[unflagged]),
        by_doubt=Share.of(ordered[: int(unflagged.sum())]),
    )
