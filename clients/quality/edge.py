"""Do the leukocytes at the edge of what was covered differ from those in its middle? Exact given their numbers."""

from collections.abc import Mapping
from typing import Any, Final

from smearwatch.clients.analyser.exact import LEVEL, holm
from smearwatch.daemon.record.classes import CLASSES

LEAST: Final = 10
"""With fewer leukocytes on either side nothing is tested."""

_DRAWS: Final = 9999
_SEED: Final = 1  # so that a session has one answer
_CLOSE: Final = 1e-9


def edge_json(edge: Mapping[str, int], middle: Mapping[str, int]) -> dict[str, Any]:
    """Return how the classes at the edge differ from those in the middle.

    Parameters
    ----------
    edge, middle
        Leukocytes by class.

    Returns
    -------
    dict
        ``p`` of all classes together, None where there are too few leukocytes; ``classes`` has for each of them its
        ``p``, adjusted by the method of Holm, and ``more``: the side that has more of it beyond chance, or None.

    Notes
    -----
    Pearson's chi-square over all classes, its probability from 9,999 tables drawn at random with the same sums
    (Patefield 1981); then Fisher's exact test of each class against all others. Where the first finds no difference,
    no class is named.
    """
    n = {"edge": sum(edge.values()), "middle": sum(middle.values())}
    report: dict[str, Any] = {"cells": n, "p": None, "differs": False, "classes": {}}
    shares = {name: (edge.get(name, 0), middle.get(name, 0)) for name in CLASSES}
    if min(n.values()) < LEAST:
        report["classes"] = {name: _row(*pair, 1.0, more=None) for name, pair in shares.items()}
        return report
    report["p"] = p = _p_of_all([pair for pair in shares.values() if sum(pair)])
    report["differs"] = p < LEVEL
    tested = {name: _p_of_one(*pair, n["edge"], n["middle"]) for name, pair in shares.items() if sum(pair)}
    adjusted = dict(zip(tested, holm([*tested.values()]), strict=True))
    for name, (at_edge, inside) in shares.items():
        own = adjusted.get(name, 1.0)
        side = "edge" if at_edge * n["middle"] > inside * n["edge"] else "middle"
        report["classes"][name] = _row(at_edge, inside, own, more=side if report["differs"] and own < LEVEL else None)
    return report


def _row(edge: int, middle: int, p: float, *, more: str | None) -> dict[str, Any]:
    return {"edge": edge, "middle": middle, "p": round(p, 6), "more": more}


def _p_of_all(pairs: list[tuple[int, int]]) -> float:
    import numpy as np
    from scipy.stats import random_table  # a second to load

    if len(pairs) < 2:
        return 1.0
    table = np.array(pairs)
    rows, columns = table.sum(1), table.sum(0)
    expected = np.outer(rows, columns) / table.sum()
    drawn = random_table(rows, columns).rvs(_DRAWS, random_state=np.random.default_rng(_SEED))
    seen = ((table - expected) ** 2 / expected).sum()
    by_chance = ((drawn - expected) ** 2 / expected).sum((1, 2))
    return (1 + int((by_chance >= seen - _CLOSE).sum())) / (1 + _DRAWS)


def _p_of_one(edge: int, middle: int, n_edge: int, n_middle: int) -> float:
    import numpy as np
    from scipy.stats import fisher_exact

    table = np.array([[edge, n_edge - edge], [middle, n_middle - middle]])
    return float(fisher_exact(table).pvalue)
