"""Whether as many more drawn cells as were asked for bring a share as near as was wanted."""

from collections.abc import Iterator
from statistics import median
from typing import Any, Final

import numpy as np

from smearwatch.daemon.record.classes import CLASSES, ClassName, LabelName
from smearwatch.daemon.record.corrected import Corrected
from smearwatch.daemon.record.draw import ReviewedCell, Sample
from tests.bench.reviewing.smears import MIXES, machine, pictures

SMEARS: Final = 30
CASES: Final = (("monocyte", 4.0), ("lymphocyte", 6.0), ("neutrophils", 7.0))


def measure_advice() -> Iterator[dict[str, Any]]:
    """Yield rows for healthy smears of 400 pictures, of which 30 were drawn and named at first."""
    for rate in (0.02, 0.1):
        for name, within in CASES:
            yield follow(name, within, rate=rate, cells=400, first=30, smears=SMEARS)


def follow(name: str, within: float, *, rate: float, cells: int, first: int, smears: int) -> dict[str, Any]:
    """Name as many more as is asked for, and look how near the share is then."""
    random = np.random.default_rng(7)
    asked: list[int] = []
    reached: list[float] = []
    count_more = reachable = 0
    for _ in range(smears):
        order = smear(rate, cells, random)
        more = Corrected(named_so_far(order, first)).more(within)[name]
        share = Corrected(named_so_far(order, cells)).percent[name]
        reachable += share["high"] - share["low"] <= 2 * within
        if more["count"] is not None or more["review"] is None:
            count_more += 1
            continue
        asked.append(more["review"])
        then = Corrected(named_so_far(order, first + more["review"])).percent[name]
        reached.append((then["high"] - then["low"]) / 2)
    return {
        "share": name,
        "errors": rate,
        "wanted": within,
        "count more": count_more,
        "reachable": reachable,
        "of": smears,
        "asked, median": median(asked) if asked else 0,
        "half width then, median": float(median(reached)) if reached else 0.0,
        "at most a fifth wider": sum(width <= 1.2 * within for width in reached),
        "of those": len(reached),
    }


def smear(rate: float, cells: int, random: np.random.Generator) -> list[tuple[ReviewedCell, LabelName]]:
    """Draw a healthy smear in the order of its random review, each cell with its true name."""
    mix = MIXES["healthy"]
    (counts,) = pictures(mix, machine("near", rate, mix), cells, 1, random)
    both = [(true, word) for true, row in enumerate(counts) for word, n in enumerate(row) for _ in range(n)]
    order: list[tuple[ReviewedCell, LabelName]] = []
    for at in random.permutation(len(both)):
        true, word = both[at]
        rejected = word == len(CLASSES)
        cls: ClassName = CLASSES[0 if rejected else word]
        cell = ReviewedCell(("", int(at)), b"", cls, "rejected" if rejected else "confirmed")
        order.append((cell, "artefact" if true == len(CLASSES) else CLASSES[true]))
    return order


def named_so_far(order: list[tuple[ReviewedCell, LabelName]], named: int) -> Sample:
    """Return the sample of a smear of which the first so many were drawn and named."""
    for at, (cell, truth) in enumerate(order):
        cell.label, cell.drawn = (truth, True) if at < named else (None, False)
    cells = tuple(cell for cell, _ in order)
    return Sample((), cells[:named], cells[named:])
