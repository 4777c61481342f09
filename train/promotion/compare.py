"""Two engines on the same labelled cells: accuracy, every class, and what the verdicts make of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.classes import CLASSES
from smearwatch.train.data.samples import Sample, allowed
from smearwatch.train.evaluation.judged import Judged
from smearwatch.train.statistics import Paired


def compare(samples: Sequence[Sample], before: Judged, after: Judged) -> dict[str, Any]:
    """Compare two engines' answers for n labelled cells.

    An answer is right where the class that stands is the label, or one of the two that a label joins. Cells labelled
    as none of the six go into `strange_rejected` alone.

    Returns
    -------
    dict
        For JSON, each as `paired` gives it: accuracy; per_class (cells by label); true_cells_rejected, flagged,
        silent_errors (wrong, and neither flagged nor rejected); strange_rejected.
    """
    allowed_places = allowed(samples)
    known = np.flatnonzero(allowed_places.any(axis=1))
    strange = np.flatnonzero(~allowed_places.any(axis=1))
    labels = np.array([sample.label for sample in samples], dtype=np.str_)[known]
    one, two = before.at(known), after.at(known)
    rows = allowed_places[known]
    right_before = rows[np.arange(len(known)), one.class_indices]
    right_after = rows[np.arange(len(known)), two.class_indices]
    strange_before, strange_after = before.verdicts[strange], after.verdicts[strange]
    names = [name for name in (*CLASSES, "neutrophil") if (labels == name).any()]
    return {
        "accuracy": Paired.of(right_before, right_after).to_json(),
        "per_class": {
            name: Paired.of(right_before[labels == name], right_after[labels == name]).to_json() for name in names
        },
        "true_cells_rejected": Paired.of(one.verdicts == "rejected", two.verdicts == "rejected").to_json(),
        "flagged": Paired.of(one.verdicts == "flagged", two.verdicts == "flagged").to_json(),
        "silent_errors": Paired.of(_silent(one, right_before), _silent(two, right_after)).to_json(),
        "strange_rejected": Paired.of(strange_before == "rejected", strange_after == "rejected").to_json(),
    }


def _silent(answers: Judged, right: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(~right & np.isin(answers.verdicts, ("confirmed", "corrected")), dtype=np.bool_)
