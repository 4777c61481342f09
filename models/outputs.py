"""What the networks answer for crops, before anything is judged: numbers, one row for each crop."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.output_table import check_shapes


@dataclass(frozen=True, slots=True)
class Outputs:
    """Calibrated outputs for n crops before the verdict: float64 [n, classes], [n, classes] and [n].

    ``unfamiliar`` (bool [n]) says of each whether it is to be flagged for its look, None where the policy does not ask.
    """

    probabilities: NDArray[np.float64]
    verifiers: NDArray[np.float64]
    reject_scores: NDArray[np.float64]
    unfamiliar: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        check_shapes(self.probabilities.shape, self.verifiers.shape, self.reject_scores.shape)

    def at(self, indices: Sequence[int]) -> "Outputs":
        """Pick the outputs of some of the crops."""
        chosen = np.asarray(indices, dtype=np.int64)
        unfamiliar = None if self.unfamiliar is None else self.unfamiliar[chosen]
        return Outputs(self.probabilities[chosen], self.verifiers[chosen], self.reject_scores[chosen], unfamiliar)

    @staticmethod
    def joined(parts: Sequence["Outputs"]) -> "Outputs":
        """Put outputs of one engine one after the other; at least one."""
        unfamiliar = [part.unfamiliar for part in parts if part.unfamiliar is not None]
        return Outputs(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.verifiers for part in parts]),
            np.concatenate([part.reject_scores for part in parts]),
            np.concatenate(unfamiliar) if len(unfamiliar) == len(parts) else None,
        )
