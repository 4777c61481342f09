"""How often the cells of a laboratory never met are named rightly, rejected and confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.arrays import Flags
from smearwatch.models.classes import NEUTROPHILS
from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy
from smearwatch.train.data.pipeline_cells import PipelineAccount
from smearwatch.train.data.samples import Sample, has_class
from smearwatch.train.evaluation.five_classes import five
from smearwatch.train.evaluation.judged import judge
from smearwatch.train.evaluation.measure import measure
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.leave_out.cells import CutCells
from smearwatch.train.statistics import Share


@dataclass(frozen=True, slots=True)
class WayScores(JsonRecord):
    """Scores of n cells that have a class; right or wrong is the class that stands in the verdict.

    Attributes
    ----------
    found
        Of the n, those that were cut; a cell that was not is neither right nor confirmed.
    right_five, right_by_class
        Of the n, and of those with each label: band and segmented as one class.
    right_six, right_six_agreed
        Of the cells with a label of one class, and of those whose label a second group of annotators did not differ
        about; None where no label tells band and segmented apart.
    rejected, rejected_by_class
        Of the found cells, and of those with each label.
    right_and_kept
        Of the n: right (of five) and not rejected.
    confirmed, confirmed_right
        Of the n, those with the verdict `confirmed` (coverage); of these, the right ones (precision, of five).
    reject_auroc
        Of the reject score, the laboratory's own things to reject against its cells; None where it has none.
    others_rejected
        By label, of its things to reject.
    pipeline
        What became of the cells there; None for cells that were cut as labelled.
    """

    n: int
    found: Share
    right_five: Share
    right_six: Share | None
    right_six_agreed: Share | None
    right_by_class: dict[str, Share]
    rejected: Share
    rejected_by_class: dict[str, Share]
    right_and_kept: Share
    confirmed: Share
    confirmed_right: Share
    reject_auroc: float | None
    others_rejected: dict[str, Share]
    pipeline: PipelineAccount | None


def score_cells(cells: CutCells, outputs: Outputs, policy: Policy) -> WayScores:
    """Score a laboratory's cells by an engine's outputs for `cells.samples`, in the same order."""
    known = [index for index, sample in enumerate(cells.samples) if has_class(sample)]
    found = [cells.samples[index] for index in known]
    judged = judge(outputs.at(known), policy)
    truth = _truth(found)
    right = np.asarray(five(judged.class_indices) == five(truth), dtype=bool)
    rejected, confirmed = judged.verdicts == "rejected", judged.verdicts == "confirmed"
    labels = np.array([sample.label for sample in found], dtype=np.str_)
    counts = {name: sum(each.label == name for each in cells.labelled) for name in _labels(cells.labelled)}
    six, agreed = _right_six(cells.labelled, found, np.asarray(judged.class_indices == truth, dtype=bool))
    reject = measure(cells.samples, outputs, policy).reject
    n = len(cells.labelled)
    return WayScores(
        n=n,
        found=Share(len(found), n),
        right_five=Share(int(right.sum()), n),
        right_six=six,
        right_six_agreed=agreed,
        right_by_class={name: Share(int(right[labels == name].sum()), count) for name, count in counts.items()},
        rejected=Share.of(rejected),
        rejected_by_class={name: Share.of(rejected[labels == name]) for name in counts},
        right_and_kept=Share(int((right & ~rejected).sum()), n),
        confirmed=Share(int(confirmed.sum()), n),
        confirmed_right=Share.of(right[confirmed]),
        reject_auroc=reject.auroc,
        others_rejected=reject.others_rejected,
        pipeline=cells.account,
    )


def _labels(samples: Sequence[Sample]) -> list[str]:
    return sorted({sample.label for sample in samples})


def _truth(samples: Sequence[Sample]) -> NDArray[np.int64]:
    return np.array([int(np.argmax(sample.target.shares)) for sample in samples], dtype=np.int64)


def _right_six(labelled: Sequence[Sample], found: Sequence[Sample], right: Flags) -> tuple[Share | None, Share | None]:
    """Count the cells with a label of one class that are named so, of all and of those that nobody disputes."""
    exact = [sample for sample in labelled if sample.target.kind == "exact"]
    if not np.isin(_truth(exact), NEUTROPHILS).any():
        return None, None
    one = np.array([sample.target.kind == "exact" for sample in found], dtype=bool)
    agreed = one & np.array([sample.agreed is not False for sample in found], dtype=bool)
    undisputed = sum(sample.agreed is not False for sample in exact)
    return Share(int(right[one].sum()), len(exact)), Share(int(right[agreed].sum()), undisputed)
