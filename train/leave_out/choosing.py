"""Thresholds that hold on a laboratory never met: chosen on the answers of networks that never met it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.data.samples import Sample, has_class
from smearwatch.train.evaluation.five_classes import five, five_confidence
from smearwatch.train.evaluation.judged import judge
from smearwatch.train.thresholds import Thresholds

CONFIRMED_RIGHT: Final = 0.97
"""Share of the confirmed cells of each laboratory that are to be right, band and segmented as one class."""

TRUE_REJECTED = 0.025
"""Share of the true cells of each laboratory that may be rejected: more would falsify its percentages. The aim is a
twentieth on any laboratory, so half of it here leaves room for those that nobody has."""

_REJECT_STEPS: Final = tuple(float(round(step, 2)) for step in np.arange(0.5, 0.9901, 0.01))
_NEAR: Final = 0.01  # of the confirmed that are right: a smaller gain is not worth what is no longer confirmed
_FEWEST_CONFIRMED: Final = 0.05  # of a laboratory's cells; of fewer, a share says nothing
_STEPS: Final = tuple(float(round(step, 3)) for step in np.arange(0.3, 0.9991, 0.001))


@dataclass(frozen=True, slots=True)
class Answers:
    """What networks answered about cells of a laboratory that they never met, and the policy that they had."""

    samples: Sequence[Sample]
    outputs: Outputs
    policy: Policy


def choose_thresholds(answers: Mapping[str, Sequence[Answers]]) -> Thresholds:
    """Choose the lowest thresholds that hold in each laboratory, in each way in which its cells were cut.

    Where no threshold of doubt reaches the share of right ones in every laboratory, the lowest is taken that comes as
    near in the worst as any, but for a hundredth; what it reaches stands beside it. When a cell is unfamiliar is not
    chosen: it is as all of the weights have it.

    Parameters
    ----------
    answers
        By laboratory; at least one.
    """
    parts = [part for several in answers.values() for part in map(_of_cells_with_a_class, several) if part.samples]
    reject_at = _reject_at([part.outputs.reject_scores for part in parts])
    doubt_below, reached = _doubt_below([_confirmed_by_verifier(part, reject_at) for part in parts])
    beyond = {part.policy.unfamiliar_beyond for part in parts}
    return Thresholds(
        reject_at,
        doubt_below,
        tuple(answers),
        confirmed_right=reached,
        unfamiliar_beyond=beyond.pop() if len(beyond) == 1 else None,
    )


def _of_cells_with_a_class(answers: Answers) -> Answers:
    known = [index for index, sample in enumerate(answers.samples) if has_class(sample)]
    return Answers([answers.samples[index] for index in known], answers.outputs.at(known), answers.policy)


def _reject_at(true_scores: Sequence[NDArray[np.float64]]) -> float:
    """Return the lowest threshold that rejects few enough true cells in every part."""
    for step in _REJECT_STEPS:
        shares = [float((scores >= step).mean()) for scores in true_scores]
        if not shares or max(shares) <= TRUE_REJECTED:
            return step
    return _REJECT_STEPS[-1]


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """Cells that are confirmed if they are not doubted: probabilities of five classes and whether they are right."""

    probabilities: NDArray[np.float64]
    right: NDArray[np.bool_]
    cells: int

    def share_right(self, doubt_below: float) -> float | None:
        """Return the share of right ones among those not doubted, None where these are too few."""
        kept = self.probabilities >= doubt_below
        return None if kept.sum() < max(1.0, _FEWEST_CONFIRMED * self.cells) else float(self.right[kept].mean())


def _confirmed_by_verifier(answers: Answers, reject_at: float) -> _Confirmed:
    policy = Thresholds(reject_at, 0.0, ()).put_into(answers.policy)
    judged = judge(answers.outputs, policy)
    truth = np.array([int(np.argmax(sample.target.shares)) for sample in answers.samples], dtype=np.int64)
    confirmed = judged.verdicts == "confirmed"
    right = np.asarray(five(judged.class_indices) == five(truth), dtype=bool)
    _, probabilities = five_confidence(answers.outputs.probabilities)
    return _Confirmed(probabilities[confirmed], right[confirmed], len(truth))


def _doubt_below(parts: Sequence[_Confirmed]) -> tuple[float, float | None]:
    """Return the threshold, and the least share of right ones that it reaches in any part, None for too few cells."""
    reached: list[tuple[float, float]] = []
    for step in _STEPS:
        shares = [share for part in parts if (share := part.share_right(step)) is not None]
        if not shares or len(shares) < len(parts):
            break
        reached.append((step, round(min(shares), 6)))
    if not reached:
        return _STEPS[0], None
    best = max(share for _, share in reached)
    wanted = CONFIRMED_RIGHT if best >= CONFIRMED_RIGHT else best - _NEAR
    return next((step, share) for step, share in reached if share >= wanted)
