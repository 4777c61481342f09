"""The table in which both networks answer: a row for each cell, and the one place that knows its columns."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.models.classes import CLASSES

Floats = NDArray[np.float64]

WIDTH = 2 * len(CLASSES) + 1
"""A column for each class, one for the verifier of each class, and one for the rejection."""


class Columns(NamedTuple):
    """The parts of a table of n rows: float64 [n, classes], [n, classes] and [n]."""

    classes: Floats
    verifiers: Floats
    reject: Floats


def side_by_side(classes: torch.Tensor, verifiers: torch.Tensor, reject: torch.Tensor) -> torch.Tensor:
    """Return the table of n cells, [n, `WIDTH`], from what the networks say: [n, classes], [n, classes] and [n].

    Raises
    ------
    ValueError
        Where a network answers for more or fewer classes.
    """
    check_shapes(classes.shape, verifiers.shape, reject.shape)
    return torch.cat([classes, verifiers, reject[:, None]], dim=1)


def columns(table: Floats) -> Columns:
    """Return the parts of a table, as views into it.

    Raises
    ------
    ValueError
        Where it is not [n, `WIDTH`].
    """
    if table.ndim != 2 or table.shape[1] != WIDTH:
        msg = f"a table of {WIDTH} columns expected, for {len(CLASSES)} classes, and one of shape {table.shape} given"
        raise ValueError(msg)
    count = len(CLASSES)
    return Columns(table[:, :count], table[:, count : 2 * count], table[:, 2 * count])


def check_shapes(classes: tuple[int, ...], verifiers: tuple[int, ...], reject: tuple[int, ...]) -> None:
    """Check the shapes of the three parts of a table.

    Raises
    ------
    ValueError
        Where they are not [n, classes], [n, classes] and [n].
    """
    cells = classes[0] if classes else 0
    wanted = (cells, len(CLASSES))
    if tuple(classes) != wanted or tuple(verifiers) != wanted or tuple(reject) != (cells,):
        given = f"{tuple(classes)}, {tuple(verifiers)} and {tuple(reject)} given"
        msg = f"shapes {wanted} of classes, {wanted} of verifiers and {(cells,)} of rejection expected, and {given}"
        raise ValueError(msg)
