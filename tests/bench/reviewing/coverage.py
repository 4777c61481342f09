"""How often limits hold the truth: a random review of smears whose truth is known."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smearwatch.daemon.record.classes import CLASSES
from smearwatch.daemon.record.corrected import NAMES
from smearwatch.daemon.record.intervals import clopper_pearson
from smearwatch.daemon.record.machine_error import share_limits
from tests.bench.reviewing.smears import MIXES, Counts, Matrix, machine, pictures

REJECTED: Final = len(CLASSES)


@dataclass(frozen=True, slots=True)
class Plan:
    """One kind of smear and review.

    Attributes
    ----------
    mix, errors, rate
        True shares, how errors lean, and of how many leukocytes.
    cells, reviewed
        Pictures of a smear, and how many of them are drawn and named.
    rejected_first
        Whether a person names all that the machine rejected, before anything is drawn.
    """

    mix: str
    errors: str
    rate: float
    cells: int
    reviewed: int
    rejected_first: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """For each of `NAMES`: how often the limits held the truth, and how wide they were on average."""

    corrected: NDArray[np.float64]
    naive: NDArray[np.float64]
    corrected_width: NDArray[np.float64]
    naive_width: NDArray[np.float64]
    all_named_width: NDArray[np.float64]


def measure(plan: Plan, smears: int, *, seed: int, draws: int) -> Held:
    """Count and review so many smears."""
    random = np.random.default_rng(seed)
    mix = MIXES[plan.mix]
    words = machine(plan.errors, plan.rate, mix)
    seen = pictures(mix, words, plan.cells, smears, random)
    open_ = seen.copy()
    if plan.rejected_first:
        open_[:, :, REJECTED] = 0
    drawn = np.array([_draw(each, plan.reviewed, random) for each in open_])
    rows = []
    for classes in NAMES.values():
        own = [CLASSES.index(name) for name in classes]
        limits = share_limits(*cases(seen, open_, drawn, own), draws=draws, seed=int(random.integers(2**31)))
        counted = seen[:, :, own].sum(axis=(1, 2)), seen[:, :, :REJECTED].sum(axis=(1, 2))
        truly = seen[:, own].sum(axis=(1, 2)), seen[:, :REJECTED].sum(axis=(1, 2))
        naive, named = _exact(*counted), _exact(*truly)
        true = sum(mix[at] for at in own) / sum(mix)
        held = [((each[:, 0] <= true) & (true <= each[:, 1])).mean() for each in (limits, naive)]
        rows.append((*held, *((each[:, 1] - each[:, 0]).mean() for each in (limits, naive, named))))
    return Held(*np.array(rows).T)


def _draw(cells: Counts, count: int, random: np.random.Generator) -> Counts:
    taken = random.multivariate_hypergeometric(cells.ravel(), min(count, int(cells.sum())))
    return taken.reshape(cells.shape)


def cases(seen: Counts, open_: Counts, drawn: Counts, own: list[int]) -> tuple[Matrix, Matrix]:
    """Return what `share_limits` is to be given, from counts by truth and machine's word [smears, 7, 7]."""
    others = [at for at in range(REJECTED) if at not in own]
    named, left = seen - open_ + drawn, open_ - drawn
    settled = np.stack([named[:, kind].sum(axis=(1, 2)) for kind in (own, others)], axis=1)
    parts = []
    for words in (own, [*others, REJECTED]):
        known = [drawn[:, kind][:, :, words].sum(axis=(1, 2)) for kind in (own, others, [REJECTED])]
        parts.append(np.stack([left[:, :, words].sum(axis=(1, 2)), *known, *[np.zeros(len(seen))] * 3], axis=1))
    return settled.astype(float), np.stack(parts, axis=1).astype(float)


def _exact(of: Counts, all_: Counts) -> Matrix:
    return np.array([clopper_pearson(int(k), int(n)) for k, n in zip(of, all_, strict=True)])
