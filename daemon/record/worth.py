"""Which cells a person's names would teach the networks most: for retraining, and no sample of anything."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import chain, zip_longest
from typing import Final

from smearwatch.daemon.record.events import Counted
from smearwatch.daemon.record.views import CellKey

NO_SAMPLE: Final = "these cells are picked for the networks' doubt: they say nothing of how often the machine errs"


def worth_labelling(stands: Mapping[CellKey, Counted]) -> list[CellKey]:
    """Order cells without a label by what naming them would teach.

    Those that look unlike everything the weights were trained on come first; then class by class in turn, so that none
    is left out, those of which the two likeliest classes are nearest to each other.

    Parameters
    ----------
    stands
        The verdict that stands on each cell.
    """
    by_class: defaultdict[str, list[CellKey]] = defaultdict(list)
    for key in sorted(stands, key=lambda key: (_margin(stands[key]), key)):
        by_class["" if stands[key].unfamiliar else stands[key].cls].append(key)
    unfamiliar = by_class.pop("", [])
    in_turn = chain.from_iterable(zip_longest(*by_class.values()))
    return [*unfamiliar, *(key for key in in_turn if key is not None)]


def _margin(verdict: Counted) -> float:
    """Return by how much the likeliest class is ahead of the second."""
    second, first = sorted(verdict.probabilities)[-2:]
    return first - second
