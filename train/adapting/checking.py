"""An honest check on few cells: each is named by weights adapted without its whole group."""

from dataclasses import dataclass

import numpy as np

from smearwatch.train.adapting.folds import Places, check_folds, others, thinned
from smearwatch.train.adapting.logits import Logits, is_leukocyte, named_rightly
from smearwatch.train.adapting.more_labels import Point
from smearwatch.train.adapting.strategy import Strategy, follow
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import Sample


@dataclass(frozen=True, slots=True)
class Plan:
    """How to check.

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
class Checked:
    """What came of it.

    Attributes
    ----------
    before, after
        Logits of all new cells by the present weights, and by weights adapted from the other folds.
    leukocytes
        Places of the cells that count for the accuracy.
    points
        Of the learning curve, over `leukocytes`.
    shares
        How far each fold's weights followed the fitted ones.
    """

    before: Logits
    after: Logits
    leukocytes: Places
    points: list[Point]
    shares: list[float]


def check(way: Strategy, samples: list[Sample], plan: Plan, progress: Progress) -> Checked:
    """Adapt without each fold in turn, with fewer cells and with all the others, and ask about the fold."""
    count = len(samples)
    leukocytes = np.flatnonzero(is_leukocyte(samples)).astype(np.int64)
    known = [samples[int(place)] for place in leukocytes]
    folds = check_folds(samples, plan.folds, plan.seed)
    asked = [Logits.blank(count) for _ in plan.shares]
    learnt_from = np.zeros((len(plan.shares), len(folds)))
    followed: list[float] = []
    done, rounds = 0, len(folds) * len(plan.shares)
    for number, fold in enumerate(folds):
        rest = others(samples, fold)
        for row, share in enumerate(plan.shares):
            places = thinned(samples, rest, share, plan.seed)
            adapted = follow(way, way.fit(places), plan.least)
            asked[row].put(fold, way.ask_new(adapted.weights, fold))
            learnt_from[row, number] = is_leukocyte([samples[int(place)] for place in places]).sum()
            if row == len(plan.shares) - 1:
                followed.append(adapted.share)
            done += 1
            progress("check round", done, rounds)
    points = [
        Point(float(sizes.mean()), named_rightly(known, logits.at(leukocytes)))
        for sizes, logits in zip(learnt_from, asked, strict=True)
    ]
    before = way.ask_new(way.present, np.arange(count, dtype=np.int64))
    return Checked(before, asked[-1], leukocytes, _growing(points), followed)


def _growing(points: list[Point]) -> list[Point]:
    """Points whose number of cells differs; so few cells may be left that a share of them is all of them."""
    return [
        point for place, point in enumerate(points) if place == 0 or point.learnt_from > points[place - 1].learnt_from
    ]
