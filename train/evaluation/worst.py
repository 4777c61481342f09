"""The cells to show first: where the answer was surely wrong, and where the right class was least believed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smearwatch.models.classes import CLASSES, Verdict
from smearwatch.models.outputs import Outputs
from smearwatch.models.reference_stain import ReferenceMap
from smearwatch.models.verdict import Policy
from smearwatch.train.data.samples import Sample, has_class
from smearwatch.train.evaluation.judged import judge

MOST_WORST = 24
MOST_LET_THROUGH = 8


@dataclass(frozen=True, slots=True)
class AnsweredCell:
    """One cell with the networks' answers.

    Attributes
    ----------
    sample
        The cell.
    predicted
        Index in `CLASSES` of the ResNet's answer.
    verdict
        After verifiers and rejection.
    probabilities, verifiers
        One number for each class.
    reject_score
        0..1.
    to_reference
        What brought it to the weights' reference stain and size; None where nothing did.
    """

    sample: Sample
    predicted: int
    verdict: Verdict
    probabilities: tuple[float, ...]
    verifiers: tuple[float, ...]
    reject_score: float
    to_reference: ReferenceMap | None = None

    @property
    def right(self) -> bool:
        """Return whether the answer is (one of) the label's classes."""
        shares = self.sample.target.shares
        return shares[self.predicted] > 0 and shares[self.predicted] == max(shares)


def pair_answers(samples: Sequence[Sample], outputs: Outputs, policy: Policy) -> list[AnsweredCell]:
    """Pair samples with their outputs, in order."""
    cells = []
    verdicts: list[Verdict] = judge(outputs, policy).verdicts.tolist()
    for row, sample in enumerate(samples):
        probabilities = tuple(outputs.probabilities[row].tolist())
        verifiers = tuple(outputs.verifiers[row].tolist())
        score = float(outputs.reject_scores[row])
        predicted = int(np.argmax(probabilities))
        cells.append(AnsweredCell(sample, predicted, verdicts[row], probabilities, verifiers, score))
    return cells


def choose_worst(cells: Sequence[AnsweredCell], most: int = MOST_WORST) -> list[AnsweredCell]:
    """Choose cells by turns from two lists: highest probability on a wrong class, and lowest on the right one.

    Cells to reject, or of a class that nobody knows, are not among them. Labels that a second group of annotators
    disputes come after all others.
    """
    known = [cell for cell in cells if has_class(cell.sample)]
    chosen: list[AnsweredCell] = []
    for disputed in (False, True):
        part = [cell for cell in known if (cell.sample.agreed is False) == disputed]
        surely_wrong = sorted(part, key=lambda cell: (-_on_wrong(cell), cell.sample.sample_id))
        hardly_right = sorted(part, key=lambda cell: (_on_right(cell), cell.sample.sample_id))
        turns = [cell for pair in zip(surely_wrong, hardly_right, strict=True) for cell in pair]
        wrong = [cell for cell in _once(turns) if not cell.right]
        chosen += wrong
    rest = sorted((cell for cell in known if cell.right), key=lambda cell: (_on_right(cell), cell.sample.sample_id))
    return [*chosen, *rest][:most]


def choose_let_through(cells: Sequence[AnsweredCell], most: int = MOST_LET_THROUGH) -> list[AnsweredCell]:
    """Choose things to reject that were not, the least suspected first."""
    kept = [cell for cell in cells if cell.sample.target.kind == "reject" and cell.verdict != "rejected"]
    return sorted(kept, key=lambda cell: (cell.reject_score, cell.sample.sample_id))[:most]


def label_text(cell: AnsweredCell) -> str:
    """Name the label, and mark it where it is disputed."""
    return f"{cell.sample.label} (disputed)" if cell.sample.agreed is False else cell.sample.label


def answer_name(cell: AnsweredCell) -> str:
    """Name the ResNet's answer."""
    return CLASSES[cell.predicted]


def _on_wrong(cell: AnsweredCell) -> float:
    shares = cell.sample.target.shares
    return max(p for p, share in zip(cell.probabilities, shares, strict=True) if share < max(shares))


def _on_right(cell: AnsweredCell) -> float:
    shares = cell.sample.target.shares
    return sum(p for p, share in zip(cell.probabilities, shares, strict=True) if share == max(shares))


def _once(cells: Sequence[AnsweredCell]) -> list[AnsweredCell]:
    return list({id(cell): cell for cell in cells}.values())
