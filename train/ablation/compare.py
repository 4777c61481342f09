"""The answers of a line's network for the cells kept aside, and how they differ from another line's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.capture.arrays import Flags
from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.ablation.cell_sets import Bench
from smearwatch.train.ablation.lines import Line
from smearwatch.train.adapting.logits import network_input
from smearwatch.train.data.samples import Sample, allowed
from smearwatch.train.evaluation.five_classes import five
from smearwatch.train.json_record import JsonRecord
from smearwatch.train.statistics import Paired, Share
from smearwatch.train.training.batch_statistics import adapt_batch_norm

_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class LineAnswers:
    """One line's answers.

    Attributes
    ----------
    answers
        By set: places of the named classes, int64 [n].
    cells
        How many it learnt from.
    seconds
        How long the training took, on a machine that may have done other things too.
    """

    answers: dict[str, NDArray[np.int64]]
    cells: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "said": {name: indices.tolist() for name, indices in self.answers.items()},
            "cells": self.cells,
            "seconds": round(self.seconds, 3),
        }

    @staticmethod
    def from_json(content: dict[str, Any]) -> "LineAnswers":
        """Read what `to_json` gave.

        Raises
        ------
        KeyError, TypeError, ValueError
            Where something is missing or no number.
        """
        answers = {str(name): np.array(indices, dtype=np.int64) for name, indices in content["said"].items()}
        return LineAnswers(answers, int(content["cells"]), float(content["seconds"]))


def name_cells(
    resnet: LeukocyteResNet,
    bench: Bench,
    preprocessing: Preprocessing,
    cells: int,
    seconds: float,
    *,
    adabn: bool = False,
) -> LineAnswers:
    """Let a network name every set; with `adabn`, each with batch statistics of that set."""
    answers = {}
    for name, samples in bench.sets.items():
        fields = bench.draw(samples, preprocessing).fields
        batches = [
            network_input(fields[start : start + _AT_ONCE], preprocessing) for start in range(0, len(fields), _AT_ONCE)
        ]
        network = adapt_batch_norm(resnet, batches) if adabn else resnet.eval()
        with torch.inference_mode():
            logits = [network(batch).class_logits for batch in batches]
        answers[name] = np.asarray(torch.cat(logits).argmax(dim=1).numpy(), dtype=np.int64)
    return LineAnswers(answers, cells, seconds)


@dataclass(frozen=True, slots=True)
class SetResult(JsonRecord):
    """A line's answers for one set.

    Attributes
    ----------
    six
        Named rightly, of the cells with a label of one class.
    five
        Named rightly with band and segmented as one, of all cells.
    six_paired, five_paired
        Against the other line's answers; None where there is none.
    """

    six: Share
    five: Share
    six_paired: Paired | None
    five_paired: Paired | None


@dataclass(frozen=True, slots=True)
class LineResult(JsonRecord):
    """A line's scores, and its comparison with another line.

    Attributes
    ----------
    against
        Name of the line that it is compared with; None for the first of a part.
    cost
        Seconds of training by those of that line; 1 without one.
    sets
        By name.
    """

    name: str
    against: str | None
    cells: int
    px: int
    epochs: int
    cost: float
    sets: dict[str, SetResult]


def compare_lines(
    order: Sequence[Line], answers: Mapping[str, LineAnswers], sets: Mapping[str, list[Sample]]
) -> list[LineResult]:
    """Score every line that has answers, in order, and compare it with the one it is to be compared with."""
    return [result for line in order for result in _results(line, answers, sets)]


def _results(line: Line, answers: Mapping[str, LineAnswers], sets: Mapping[str, list[Sample]]) -> Iterator[LineResult]:
    pairs = [(line.name, line.against)] + ([(line.adabn_name, line.name)] if line.adabn_name else [])
    for name, against in pairs:
        if name not in answers:
            continue
        own, other = answers[name], answers.get(against) if against else None
        yield LineResult(
            name=name,
            against=against,
            cells=own.cells,
            px=line.config.preprocessing.view_px,
            epochs=line.config.epochs * (2 if line.first else 1),
            cost=round(own.seconds / other.seconds, 2) if other else 1.0,
            sets={
                each: _score(samples, own.answers[each], other.answers[each] if other else None)
                for each, samples in sets.items()
            },
        )


def _score(samples: Sequence[Sample], answers: NDArray[np.int64], other: NDArray[np.int64] | None) -> SetResult:
    six, joined, exact = _right(samples, answers)
    before = _right(samples, other) if other is not None else None
    return SetResult(
        six=Share(int(six.sum()), int(exact.sum())),
        five=Share.of(joined),
        six_paired=Paired.of(before[0][exact], six[exact]) if before else None,
        five_paired=Paired.of(before[1], joined) if before else None,
    )


def _right(samples: Sequence[Sample], answers: NDArray[np.int64]) -> tuple[Flags, Flags, Flags]:
    """Return whether each cell is named rightly as one of six, as one of five, and whether its label is one class."""
    can_be = allowed(samples)
    indices = can_be.argmax(axis=1)
    exact = can_be.sum(axis=1) == 1
    right = can_be[np.arange(len(answers)), answers] & exact
    return right, np.asarray(five(answers) == five(indices), dtype=bool), np.asarray(exact, dtype=bool)
