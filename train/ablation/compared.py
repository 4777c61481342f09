"""What a line's network says of the cells kept aside, and how that differs from another line's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.ablation.cells import Bench
from smearwatch.train.ablation.lines import Line
from smearwatch.train.adapting.logits import network_input
from smearwatch.train.data.samples import Sample, allowed
from smearwatch.train.evaluation.five import five
from smearwatch.train.statistics import Paired, Share
from smearwatch.train.training.batch_statistics import settled

Flags = NDArray[np.bool_]
_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Named:
    """One line's answers.

    Attributes
    ----------
    said
        By set: places of the named classes, int64 [n].
    cells
        How many it learnt from.
    seconds
        How long the training took, on a machine that may have done other things too.
    """

    said: dict[str, NDArray[np.int64]]
    cells: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "said": {name: places.tolist() for name, places in self.said.items()},
            "cells": self.cells,
            "seconds": round(self.seconds, 3),
        }

    @staticmethod
    def from_json(content: dict[str, Any]) -> "Named":
        """Read what `as_json` gave.

        Raises
        ------
        KeyError, TypeError, ValueError
            Where something is missing or no number.
        """
        said = {str(name): np.array(places, dtype=np.int64) for name, places in content["said"].items()}
        return Named(said, int(content["cells"]), float(content["seconds"]))


def named(
    resnet: LeukocyteResNet,
    bench: Bench,
    preprocessing: Preprocessing,
    cells: int,
    seconds: float,
    *,
    settle: bool = False,
) -> Named:
    """Let a network name every set; with `settle`, each with batch statistics of that set."""
    said = {}
    for name, samples in bench.sets.items():
        fields = bench.drawn(samples, preprocessing).fields
        batches = [
            network_input(fields[start : start + _AT_ONCE], preprocessing) for start in range(0, len(fields), _AT_ONCE)
        ]
        network = settled(resnet, batches) if settle else resnet.eval()
        with torch.inference_mode():
            logits = [network(batch).class_logits for batch in batches]
        said[name] = np.asarray(torch.cat(logits).argmax(dim=1).numpy(), dtype=np.int64)
    return Named(said, cells, seconds)


def compared(
    order: Sequence[Line], answers: Mapping[str, Named], sets: Mapping[str, list[Sample]]
) -> list[dict[str, Any]]:
    """Score every line that has answers, and compare it with the one it is to be compared with.

    Returns
    -------
    list of dict
        For JSON, in the order of the lines: name, against, cells, px, epochs, cost (seconds by those of the line it is
        compared with; 1 for that one), and `sets`: by set, `six` and `five` (shares with exact limits; six of the
        cells with a label of one class), and against the other line `six_paired`, `five_paired`
        (`smearwatch.train.statistics.Paired`) or None.
    """
    rows = []
    for line in order:
        rows += _rows(line, answers, sets)
    return rows


def _rows(line: Line, answers: Mapping[str, Named], sets: Mapping[str, list[Sample]]) -> list[dict[str, Any]]:
    pairs = [(line.name, line.against)] + ([(line.settled, line.name)] if line.settled else [])
    rows = []
    for name, against in pairs:
        if name not in answers:
            continue
        other = answers.get(against) if against else None
        rows.append(
            {
                "name": name,
                "against": against,
                "cells": answers[name].cells,
                "px": line.config.preprocessing.view_px,
                "epochs": line.config.epochs * (2 if line.first else 1),
                "cost": round(answers[name].seconds / other.seconds, 2) if other else 1.0,
                "sets": {
                    each: _scores(samples, answers[name].said[each], other.said[each] if other else None)
                    for each, samples in sets.items()
                },
            }
        )
    return rows


def _scores(samples: Sequence[Sample], said: NDArray[np.int64], other: NDArray[np.int64] | None) -> dict[str, Any]:
    six, joined, exact = _right(samples, said)
    before = _right(samples, other) if other is not None else None
    return {
        "six": Share(int(six.sum()), int(exact.sum())).to_json(),
        "five": Share(int(joined.sum()), len(joined)).to_json(),
        "six_paired": Paired.of(before[0][exact], six[exact]).to_json() if before else None,
        "five_paired": Paired.of(before[1], joined).to_json() if before else None,
    }


def _right(samples: Sequence[Sample], said: NDArray[np.int64]) -> tuple[Flags, Flags, Flags]:
    """Whether each cell is named rightly as one of six and as one of five; whether its label is one class."""
    can_be = allowed(samples)
    places = can_be.argmax(axis=1)
    exact = can_be.sum(axis=1) == 1
    right = can_be[np.arange(len(said)), said] & exact
    return right, np.asarray(five(said) == five(places), dtype=bool), np.asarray(exact, dtype=bool)
