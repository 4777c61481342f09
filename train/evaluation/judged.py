"""What the daemon would record of many cells: the policy's verdicts on an engine's outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smearwatch.models.outputs import Outputs
from smearwatch.models.verdict import Policy, decide

_ENGINE_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class Judged:
    """What the daemon would record of n cells: the index of the class that stands, and the verdict, as arrays [n]."""

    class_indices: NDArray[np.int64]
    verdicts: NDArray[np.str_]

    def at(self, chosen: NDArray[np.int64]) -> "Judged":
        """Pick some of the cells."""
        return Judged(self.class_indices[chosen], self.verdicts[chosen])

    @staticmethod
    def join(parts: Sequence["Judged"]) -> "Judged":
        """Put judged cells one after the other; at least one part."""
        return Judged(
            np.concatenate([part.class_indices for part in parts]), np.concatenate([part.verdicts for part in parts])
        )


def judge(outputs: Outputs, policy: Policy) -> Judged:
    """Apply a policy to n cells' outputs, rounded as the engine rounds them."""
    probabilities = np.round(outputs.probabilities, _ENGINE_DECIMALS).tolist()
    verifiers = np.round(outputs.verifiers, _ENGINE_DECIMALS).tolist()
    scores = np.round(outputs.reject_scores, _ENGINE_DECIMALS).tolist()
    unfamiliar = [False] * len(scores) if outputs.unfamiliar is None else outputs.unfamiliar.tolist()
    decisions = [
        decide(p, v, r, policy, unfamiliar=u)
        for p, v, r, u in zip(probabilities, verifiers, scores, unfamiliar, strict=True)
    ]
    return Judged(
        np.array([decision.index for decision in decisions], dtype=np.int64),
        np.array([decision.verdict for decision in decisions], dtype=np.str_),
    )
