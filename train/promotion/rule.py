"""When weights may be put into use: a rule that is stated before it is applied."""

from collections.abc import Iterator, Mapping
from typing import Final

from smearwatch.train.promotion.compare import Comparison
from smearwatch.train.statistics import Paired, cells_needed

MARGIN: Final = 0.01
"""One cell in a hundred. A differential of 100 cells cannot resolve such shares (5 of 100 has the exact limits 1.6
and 11.3 %), so what is lost below this is not seen there; half of it would take twice the 381 labelled cells that this
takes even where no cell changes."""

SIGNIFICANT: Final = 0.05
"""Of a two-sided exact test, not adjusted for how many are made: a promotion that is refused by chance costs
another try, one that is granted by chance costs counts."""

RULE: Final = (
    f"promoted where the lower 95 % limit of the difference in accuracy on the same cells lies above -{MARGIN:g}, and "
    f"no class, no set, no rejection of what is none of the six falls, nor do rejected true cells or silent errors "
    f"rise, significantly (exact McNemar test, two-sided p < {SIGNIFICANT:g})"
)


def find_objections(comparison: Comparison, sets: Mapping[str, Comparison]) -> list[str]:
    """List what stands against a promotion.

    Parameters
    ----------
    comparison
        Over all cells together.
    sets
        The same for each set.

    Returns
    -------
    list of str
        One clause each; empty where the rule is kept.
    """
    found = list(_accuracy(comparison.accuracy))
    for name, change in comparison.per_class.items():
        if _worse(change, fewer=True):
            found.append(f"{name} falls from {_counts(change)}")
    for name, each in sets.items():
        if len(sets) > 1 and _worse(each.accuracy, fewer=True):
            found.append(f"accuracy on {name} falls from {_counts(each.accuracy)}")
    if _worse(comparison.strange_rejected, fewer=True):
        found.append(f"rejection of what is none of the six falls from {_counts(comparison.strange_rejected)}")
    errors = {"true cells rejected": comparison.true_cells_rejected, "silent errors": comparison.silent_errors}
    for name, change in errors.items():
        if _worse(change, fewer=False):
            found.append(f"{name} rise from {_counts(change)}")
    return found


def _accuracy(change: Paired) -> Iterator[str]:
    if change.difference is None:
        yield "no cell of the six classes is left to compare on"
        return
    if change.difference.low > -MARGIN:
        return
    message = (
        f"the difference in accuracy is {change.difference.text()} on {change.n} cells, its lower limit not above "
        f"-{MARGIN:g}"
    )
    needed = cells_needed(change.gained, change.lost, change.n, MARGIN)
    yield f"{message}; at this rate about {needed} cells would show it" if needed else message


def _worse(change: Paired, *, fewer: bool) -> bool:
    down, up = (change.lost, change.gained) if fewer else (change.gained, change.lost)
    return down > up and change.p_value < SIGNIFICANT


def _counts(change: Paired) -> str:
    return f"{change.before.hits} to {change.after.hits} of {change.n} (p = {change.p_value:.2g})"
