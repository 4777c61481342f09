"""Cross-validation on few cells: each is named by weights adapted without its whole group."""

from dataclasses import dataclass

import numpy as np

from smearwatch.train.adapting.folds import Indices, indices_outside, make_folds, thin_out
from smearwatch.train.adapting.learning_curve import Point
from smearwatch.train.adapting.logits import Logits, is_leukocyte, named_rightly
from smearwatch.train.adapting.strategy import Strategy, interpolate
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import Sample


@dataclass(frozen=True, slots=True)
class FoldPlan:
    """How to cross-validate.

    Attributes
    ----------
    folds
        Into how many the cells are divided.
    shares
        Of the cells to learn from, growing; the last one is 1.
    least
        The accuracy that the old cells must keep.
    """

    folds: int
    shares: tuple[float, ...]
    least: float
    seed: int


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Its outcome.

    Attributes
    ----------
    before, after
        Logits of all new cells by the present weights, and by weights adapted from the other folds.
    leukocytes
        Indices of the cells that count for the accuracy.
    points
        Of the learning curve, over `leukocytes`.
    shares
        Share of the fitted weights in each fold's interpolated ones.
    """

    before: Logits
    after: Logits
    leukocytes: Indices
    points: list[Point]
    shares: list[float]


def cross_validate(strategy: Strategy, samples: list[Sample], plan: FoldPlan, progress: Progress) -> CrossValidation:
    """Adapt without each fold in turn, with fewer cells and with all the others, and name the cells of the fold."""
    count = len(samples)
    leukocytes = np.flatnonzero(is_leukocyte(samples)).astype(np.int64)
    known = [samples[int(index)] for index in leukocytes]
    folds = make_folds(samples, plan.folds, plan.seed)
    predicted = [Logits.blank(count) for _ in plan.shares]
    learnt_from = np.zeros((len(plan.shares), len(folds)))
    interpolated: list[float] = []
    done, rounds = 0, len(folds) * len(plan.shares)
    for number, fold in enumerate(folds):
        rest = indices_outside(samples, fold)
        for row, share in enumerate(plan.shares):
            indices = thin_out(samples, rest, share, plan.seed)
            adapted = interpolate(strategy, strategy.fit(indices), plan.least)
            predicted[row].put(fold, strategy.predict_new(adapted.weights, fold))
            learnt_from[row, number] = is_leukocyte([samples[int(index)] for index in indices]).sum()
            if row == len(plan.shares) - 1:
                interpolated.append(adapted.share)
            done += 1
            progress("check round", done, rounds)
    points = [
        Point(float(sizes.mean()), named_rightly(known, logits.at(leukocytes)))
        for sizes, logits in zip(learnt_from, predicted, strict=True)
    ]
    before = strategy.predict_new(strategy.present, np.arange(count, dtype=np.int64))
    return CrossValidation(before, predicted[-1], leukocytes, _growing(points), interpolated)


def _growing(points: list[Point]) -> list[Point]:
    """Pick points whose number of cells differs; so few cells may be left that a share of them is all of them."""
    return [
        point for index, point in enumerate(points) if index == 0 or point.learnt_from > points[index - 1].learnt_from
    ]
