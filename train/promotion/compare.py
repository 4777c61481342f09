"""Two engines on the same labelled cells: accuracy, every class, and what the verdicts make of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.classes import CLASSES
from smearwatch.train.data.samples import Sample, allowed
from smearwatch.train.evaluation.judged import Judged
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.statistics import Paired


@dataclass(frozen=True, slots=True)
class Comparison(JsonRecord):
    """Two engines' answers to the same labelled cells.

    Attributes
    ----------
    accuracy
        An answer is right where the class that stands is the label, or one of the two that a label joins.
    per_class
        Accuracy on the cells of each label.
    true_cells_rejected, flagged, silent_errors
        Of the cells of the six; a silent error is wrong, and neither flagged nor rejected.
    strange_rejected
        Of the cells labelled as none of the six.
    """

    accuracy: Paired
    per_class: dict[str, Paired]
    true_cells_rejected: Paired
    flagged: Paired
    silent_errors: Paired
    strange_rejected: Paired

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Comparison":
        """Read what `to_json` gave; raises KeyError, TypeError, ValueError or AttributeError where it is not that."""
        return Comparison(
            Paired.from_json(content["accuracy"]),
            {name: Paired.from_json(each) for name, each in content["per_class"].items()},
            Paired.from_json(content["true_cells_rejected"]),
            Paired.from_json(content["flagged"]),
            Paired.from_json(content["silent_errors"]),
            Paired.from_json(content["strange_rejected"]),
        )


def compare(samples: Sequence[Sample], before: Judged, after: Judged) -> Comparison:
    """Compare two engines' answers for n labelled cells."""
    allowed_classes = allowed(samples)
    known = np.flatnonzero(allowed_classes.any(axis=1))
    strange = np.flatnonzero(~allowed_classes.any(axis=1))
    labels = np.array([sample.label for sample in samples], dtype=np.str_)[known]
    one, two = before.at(known), after.at(known)
    rows = allowed_classes[known]
    right_before = rows[np.arange(len(known)), one.class_indices]
    right_after = rows[np.arange(len(known)), two.class_indices]
    strange_before, strange_after = before.verdicts[strange], after.verdicts[strange]
    names = [name for name in (*CLASSES, "neutrophil") if (labels == name).any()]
    return Comparison(
        accuracy=Paired.of(right_before, right_after),
        per_class={name: Paired.of(right_before[labels == name], right_after[labels == name]) for name in names},
        true_cells_rejected=Paired.of(one.verdicts == "rejected", two.verdicts == "rejected"),
        flagged=Paired.of(one.verdicts == "flagged", two.verdicts == "flagged"),
        silent_errors=Paired.of(_silent(one, right_before), _silent(two, right_after)),
        strange_rejected=Paired.of(strange_before == "rejected", strange_after == "rejected"),
    )


def _silent(answers: Judged, right: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(~right & np.isin(answers.verdicts, ("confirmed", "corrected")), dtype=np.bool_)
