"""When weights may be put into use: a rule that is stated before it is applied."""

from collections.abc import Iterator
from typing import Any, Final

from smearwatch.train.statistics import cells_needed

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


def find_objections(comparison: dict[str, Any], sets: dict[str, dict[str, Any]]) -> list[str]:
    """List what stands against a promotion.

    Parameters
    ----------
    comparison
        Over all cells together, from `smearwatch.train.promotion.compare.compare`.
    sets
        The same for each set.

    Returns
    -------
    list of str
        One clause each; empty where the rule is kept.
    """
    found = list(_accuracy(comparison["accuracy"]))
    for name, entry in comparison["per_class"].items():
        if _worse(entry, fewer=True):
            found.append(f"{name} falls from {_pair(entry)}")
    for name, each in sets.items():
        if len(sets) > 1 and _worse(each["accuracy"], fewer=True):
            found.append(f"accuracy on {name} falls from {_pair(each['accuracy'])}")
    if _worse(comparison["strange_rejected"], fewer=True):
        found.append(f"rejection of what is none of the six falls from {_pair(comparison['strange_rejected'])}")
    for name in ("true_cells_rejected", "silent_errors"):
        if _worse(comparison[name], fewer=False):
            found.append(f"{name.replace('_', ' ')} rise from {_pair(comparison[name])}")
    return found


def _accuracy(entry: dict[str, Any]) -> Iterator[str]:
    if not entry["n"]:
        yield "no cell of the six classes is left to compare on"
        return
    difference = entry["difference"]
    if difference["low"] > -MARGIN:
        return
    message = (
        f"the difference in accuracy is {difference['value']:+.4f} ({difference['low']:+.4f} to "
        f"{difference['high']:+.4f}) on {entry['n']} cells, its lower limit not above -{MARGIN:g}"
    )
    needed = cells_needed(entry["gained"], entry["lost"], entry["n"], MARGIN)
    yield f"{message}; at this rate about {needed} cells would show it" if needed else message


def _worse(entry: dict[str, Any], *, fewer: bool) -> bool:
    down, up = (entry["lost"], entry["gained"]) if fewer else (entry["gained"], entry["lost"])
    return bool(down > up and entry["p_value"] < SIGNIFICANT)


def _pair(entry: dict[str, Any]) -> str:
    before, after = entry["before"]["hits"], entry["after"]["hits"]
    return f"{before} to {after} of {entry['n']} (p = {entry['p_value']:.2g})"
