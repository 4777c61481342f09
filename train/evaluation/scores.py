"""Scores of one set of labelled cells, as types whose fields are the keys of report.json."""

from dataclasses import dataclass

from smearwatch.train.evaluation.confusion import ClassScores
from smearwatch.train.evaluation.reliability import Bin
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.statistics import Share


@dataclass(frozen=True, slots=True)
class VerifierScores(JsonRecord):
    """One verifier alone, at 0.5: its class against the rest.

    Attributes
    ----------
    balanced_accuracy
        Mean of sensitivity and specificity; None where one of them has no cells.
    """

    accuracy: Share
    balanced_accuracy: float | None
    sensitivity: Share
    specificity: Share


@dataclass(frozen=True, slots=True)
class VerdictScores(JsonRecord):
    """What the policy makes of the cells of the six.

    Attributes
    ----------
    counts
        Cells of each verdict.
    confirmed_wrong
        Of the confirmed, those that are wrong.
    errors_noticed, right_challenged
        Of the ResNet's wrong and right answers, those that are not confirmed.
    fixed, broken
        Cells that corrections made right, and made wrong.
    """

    counts: dict[str, int]
    confirmed_wrong: Share
    errors_noticed: Share
    right_challenged: Share
    fixed: int
    broken: int


@dataclass(frozen=True, slots=True)
class RejectScores(JsonRecord):
    """What is rejected.

    Attributes
    ----------
    auroc
        Of the reject score, things to reject against the six; None where one of both is missing.
    reject_at
        Score from which on a cell is rejected.
    others_rejected
        By label, of the things to reject.
    """

    auroc: float | None
    reject_at: float
    true_cells_rejected: Share
    others_rejected: dict[str, Share]
    all_others_rejected: Share


@dataclass(frozen=True, slots=True)
class Scores(JsonRecord):
    """Scores of n cells whose label is one of the six, and of others where it says so.

    Attributes
    ----------
    accuracy, accuracy_share
        Of the ResNet's answers, before verifiers and rejection.
    agreed, disputed
        The same of cells whose label a second group of annotators shared (or never saw), or did not share.
    five_class
        Band and segmented as one; cells with a label that joins them count too.
    confusion, confusion_five
        Rows are labels, columns answers.
    neutrophils
        "all" and "agreed" labels, each with "band", "segmented" and "neutrophils".
    ece, ece_agreed, ece_five
        Expected calibration error; None without cells.
    """

    n: int
    accuracy: float | None
    accuracy_share: Share
    agreed: Share
    disputed: Share
    five_class: Share
    confusion: list[list[int]]
    per_class: dict[str, ClassScores]
    confusion_five: list[list[int]]
    per_class_five: dict[str, ClassScores]
    neutrophils: dict[str, dict[str, ClassScores]]
    ece: float | None
    ece_agreed: float | None
    ece_five: float | None
    reliability: list[Bin]
    verifiers: dict[str, VerifierScores]
    verdicts: VerdictScores
    reject: RejectScores
