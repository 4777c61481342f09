"""Before and after, on the same cells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from smearwatch.models.classes import CLASSES
from smearwatch.models.verdict import Policy
from smearwatch.train.adapting.labelled_cells import family
from smearwatch.train.adapting.logits import Logits, is_leukocyte, named_rightly
from smearwatch.train.data.samples import Sample
from smearwatch.train.evaluation.five_classes import five
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.statistics import Paired

_SURE, _ENOUGH = 0.05, 0.2
"""Two-sided p below which a gain is shown, and below which it is probable: one in ten by chance where nothing is
gained. Fifty cells cannot show most gains that there are, and what is written is compared again before it is used."""


@dataclass(frozen=True, slots=True)
class AnswerChange(JsonRecord):
    """The same leukocytes named before and after.

    Attributes
    ----------
    as_labelled
        Band and segmented apart where the label is one of them.
    five_class
        Band and segmented as one.
    """

    as_labelled: Paired
    five_class: Paired


@dataclass(frozen=True, slots=True)
class ClassChange(AnswerChange):
    """The same with each class alone, band and segmented as one."""

    per_class: dict[str, Paired]


@dataclass(frozen=True, slots=True)
class RejectChange(JsonRecord):
    """Rejected before and after: among leukocytes, where it is a fault, and among the others, where it is wanted."""

    leukocytes: Paired
    others: Paired


def compare_answers(samples: list[Sample], before: Logits, after: Logits) -> ClassChange:
    """Compare the answers for leukocytes, cell by cell."""
    one, two = _five_right(samples, before), _five_right(samples, after)
    kinds = np.array([family(sample) for sample in samples])
    return ClassChange(
        Paired.of(named_rightly(samples, before), named_rightly(samples, after)),
        Paired.of(one, two),
        {name: Paired.of(one[kinds == name], two[kinds == name]) for name in dict.fromkeys(kinds.tolist())},
    )


def is_gain(change: Paired) -> bool:
    """Return whether more cells were gained than lost, and chance alone would seldom do that (exact McNemar)."""
    return change.gained > change.lost and change.p_value < _ENOUGH


def is_sure(change: Paired) -> bool:
    """Return whether chance alone would hardly ever do that."""
    return is_gain(change) and change.p_value < _SURE


def compare_old_answers(samples: list[Sample], before: Logits, after: Logits) -> AnswerChange:
    """Compare the answers for old leukocytes; cells to reject are left out."""
    indices = np.flatnonzero(is_leukocyte(samples)).astype(np.int64)
    known = [samples[int(index)] for index in indices]
    changes = compare_answers(known, before.at(indices), after.at(indices))
    return AnswerChange(changes.as_labelled, changes.five_class)


def compare_rejected(
    samples: list[Sample], before: Logits, after: Logits, policy_before: Policy, policy_after: Policy
) -> RejectChange:
    """Compare which cells are rejected."""
    known = np.array([sample.target.kind != "reject" for sample in samples], dtype=bool)
    one = expit(before.reject) >= policy_before.reject_at
    two = expit(after.reject) >= policy_after.reject_at
    return RejectChange(Paired.of(one[known], two[known]), Paired.of(one[~known], two[~known]))


def _five_right(samples: list[Sample], logits: Logits) -> NDArray[np.bool_]:
    shares = np.array([sample.target.shares for sample in samples], dtype=np.float64).reshape(-1, len(CLASSES))
    return np.asarray(five(shares.argmax(axis=1)) == five(logits.classes.argmax(axis=1)), dtype=bool)
