"""Cohen's kappa: how far two readers agree beyond chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from smearwatch.daemon.record.intervals import clopper_pearson

_Z: Final = 1.959963984540054  # 95 %, two-sided
_NONE: Final = 1e-12  # a variance that is 0 but for rounding


@dataclass(frozen=True, slots=True)
class Kappa:
    """Kappa with its 95 % limits, each between -1 and 1."""

    value: float
    low: float
    high: float


def kappa_of(first: Sequence[str], second: Sequence[str]) -> Kappa | None:
    """Return kappa over two readers' names of the same cells.

    Parameters
    ----------
    first, second
        What each calls the cells, in the same order.

    Returns
    -------
    Kappa or None
        None where there is no cell, or both gave one and the same name to all, so that chance agrees as well.

    Notes
    -----
    The limits are those of the large-sample variance of Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969)
    323. Where that is 0, as it is when the readers agree on every cell, they follow from the exact limits of the share
    of agreement, at the observed agreement by chance.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} names are not of the same cells")
    if not first or len({*first, *second}) == 1:
        return None
    # Loaded only now: it takes a second, and nothing but this asks for it.
    import numpy as np
    from sklearn.metrics import cohen_kappa_score, confusion_matrix

    n = len(first)
    value = float(cohen_kappa_score(first, second))
    table = confusion_matrix(first, second) / n
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    chance, agreed = float(rows @ columns), np.diag(table)
    apart = table * np.add.outer(columns, rows) ** 2
    within = float((agreed * (1 - (rows + columns) * (1 - value)) ** 2).sum())
    between = float((1 - value) ** 2 * (apart.sum() - np.diag(apart).sum()))
    variance = within + between - (value - chance * (1 - value)) ** 2
    if variance > _NONE:
        error = sqrt(variance / n) / (1 - chance)
        low, high = value - _Z * error, value + _Z * error
    else:
        limits = clopper_pearson(round(n * float(agreed.sum())), n)
        low, high = ((limit - chance) / (1 - chance) for limit in limits)
    return Kappa(value, max(-1.0, low), min(1.0, high))
