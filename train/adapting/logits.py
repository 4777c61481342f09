"""The logits of both networks for cells, before anything is calibrated, and whether they are right."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, softmax

from smearwatch.models.classes import CLASSES
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.output_table import WIDTH, check_shapes, columns, side_by_side
from smearwatch.models.outputs import Outputs
from smearwatch.models.preprocess import Preprocessing, normalise, to_tensor, view
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.data.samples import Sample, allowed, has_class

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Logits:
    """Float64 arrays for n cells: classes [n, classes], reject [n], verifiers [n, classes].

    Where no picture is left to run the verifiers on, theirs are NaN.
    """

    classes: NDArray[np.float64]
    reject: NDArray[np.float64]
    verifiers: NDArray[np.float64]

    def __post_init__(self) -> None:
        check_shapes(self.classes.shape, self.verifiers.shape, self.reject.shape)

    def at(self, indices: NDArray[np.int64]) -> "Logits":
        """Pick some of the cells."""
        return Logits(self.classes[indices], self.reject[indices], self.verifiers[indices])

    def outputs(self, temperature: float) -> Outputs:
        """Convert to the engine's outputs at this temperature."""
        return Outputs(softmax(self.classes / temperature, axis=1), expit(self.verifiers), expit(self.reject))

    def put(self, indices: NDArray[np.int64], part: "Logits") -> None:
        """Write the logits of some of the cells at their indices."""
        for name in ("classes", "reject", "verifiers"):
            getattr(self, name)[indices] = getattr(part, name)

    @staticmethod
    def blank(count: int) -> "Logits":
        """Make logits of NaN for so many cells."""
        shape = (count, len(CLASSES))
        return Logits(np.full(shape, np.nan), np.full(count, np.nan), np.full(shape, np.nan))


def use_all_cores() -> None:
    """Let torch compute on every core that this process may use."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))


def network_input(fields_bgr: NDArray[np.uint8], preprocessing: Preprocessing) -> torch.Tensor:
    """Turn shrunken fields uint8 [n, field_px, field_px, 3] into normalised views float32 [n, 3, view_px, view_px]."""
    # A copy, since fields may be mapped from disk and not writable, which torch warns of.
    views = normalise(to_tensor(np.array(view(fields_bgr, preprocessing))), preprocessing)
    return views.contiguous(memory_format=torch.channels_last)


def run_networks(
    resnet: LeukocyteResNet, bank: LeNetBank, fields_bgr: NDArray[np.uint8], preprocessing: Preprocessing
) -> Logits:
    """Run both networks, in evaluation mode and single precision, over shrunken fields."""
    parts = []
    for start in range(0, len(fields_bgr), _BATCH):
        batch = network_input(fields_bgr[start : start + _BATCH], preprocessing)
        with torch.inference_mode():
            answer = resnet(batch)
            parts.append(side_by_side(answer.class_logits, bank(batch), answer.reject_logits).double())
    found = columns(torch.cat(parts).numpy() if parts else np.empty((0, WIDTH)))
    return Logits(found.classes, found.reject, found.verifiers)


def is_leukocyte(samples: Sequence[Sample]) -> NDArray[np.bool_]:
    """Return which cells have a label of one class, or one that joins two."""
    return np.array([has_class(sample) for sample in samples], dtype=bool)


def named_rightly(samples: Sequence[Sample], logits: Logits) -> NDArray[np.bool_]:
    """Return which cells get a class that their label allows; False for cells to reject."""
    return np.asarray(allowed(samples)[np.arange(len(samples)), logits.classes.argmax(axis=1)], dtype=bool)
