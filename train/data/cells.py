"""Labelled cells as training reads them: the samples and their shrunken crops, in one order."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.train.data.samples import Sample


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets of a batch: shares float [n, 6], either bool [n], reject bool [n].

    `either` are cells of one of all the classes that have a share, which may be every class.
    """

    shares: torch.Tensor
    either: torch.Tensor
    reject: torch.Tensor


@dataclass(frozen=True, slots=True)
class CellSet:
    """Samples and their shrunken crops, uint8 [n, field_px, field_px, 3], in the same order."""

    samples: list[Sample]
    fields: NDArray[np.uint8]

    def targets(self, indices: NDArray[np.int64]) -> Targets:
        """Return the targets of some of the cells."""
        chosen = [self.samples[int(index)].target for index in indices]
        return Targets(
            torch.tensor([target.shares for target in chosen]),
            torch.tensor([target.kind in ("either", "leukocyte") for target in chosen]),
            torch.tensor([target.kind == "reject" for target in chosen]),
        )
