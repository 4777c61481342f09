"""Two engines on the same labelled cells: accuracy, every class, and what the verdicts make of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.classes import CLASSES
from smearwatch.models.engine import Outputs
from smearwatch.models.verdict import Policy, decide
from smearwatch.train.promotion.paired import paired
from smearwatch.train.samples import Sample

_ENGINE_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class Judged:
    """What the daemon would record of n cells: the place of the class that stands, and the verdict, as arrays [n]."""

    places: NDArray[np.int64]
    verdicts: NDArray[np.str_]

    def at(self, chosen: NDArray[np.int64]) -> "Judged":
        """Pick some of the cells."""
        return Judged(self.places[chosen], self.verdicts[chosen])

    @staticmethod
    def joined(parts: Sequence["Judged"]) -> "Judged":
        """Put judged cells one after the other; at least one part."""
        return Judged(
            np.concatenate([part.places for part in parts]), np.concatenate([part.verdicts for part in parts])
        )


def judged(outputs: Outputs, policy: Policy) -> Judged:
    """Apply a policy to n cells' outputs, rounded as the engine rounds them."""
    probabilities = np.round(outputs.probabilities, _ENGINE_DECIMALS).tolist()
    verifiers = np.round(outputs.verifiers, _ENGINE_DECIMALS).tolist()
    scores = np.round(outputs.reject_scores, _ENGINE_DECIMALS).tolist()
    decisions = [decide(p, v, r, policy) for p, v, r in zip(probabilities, verifiers, scores, strict=True)]
    return Judged(
        np.array([decision.place for decision in decisions], dtype=np.int64),
        np.array([decision.verdict for decision in decisions], dtype=np.str_),
    )


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
    allowed = np.array([sample.target.shares for sample in samples]).reshape(len(samples), len(CLASSES))
    # A disputed label counts as given: of its shares only the largest is right.
    allowed_places = (allowed >= allowed.max(axis=1, keepdims=True)) & (allowed > 0)
    known = np.flatnonzero(allowed_places.any(axis=1))
    strange = np.flatnonzero(~allowed_places.any(axis=1))
    labels = np.array([sample.label for sample in samples], dtype=np.str_)[known]
    one, two = before.at(known), after.at(known)
    rows = allowed_places[known]
    right_before = rows[np.arange(len(known)), one.places]
    right_after = rows[np.arange(len(known)), two.places]
    strange_before, strange_after = before.verdicts[strange], after.verdicts[strange]
    names = [name for name in (*CLASSES, "neutrophil") if (labels == name).any()]
    return {
        "accuracy": paired(right_before, right_after),
        "per_class": {name: paired(right_before[labels == name], right_after[labels == name]) for name in names},
        "true_cells_rejected": paired(one.verdicts == "rejected", two.verdicts == "rejected"),
        "flagged": paired(one.verdicts == "flagged", two.verdicts == "flagged"),
        "silent_errors": paired(_silent(one, right_before), _silent(two, right_after)),
        "strange_rejected": paired(strange_before == "rejected", strange_after == "rejected"),
    }


def _silent(answers: Judged, right: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(~right & np.isin(answers.verdicts, ("confirmed", "corrected")), dtype=np.bool_)
