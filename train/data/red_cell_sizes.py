"""The size of the red cells around labelled cells: those of one slide or day were photographed alike.

A laboratory's pictures may come from several magnifications. Where a group of cells that belong together has enough
whose red cells were measured, the median over them holds for it; else that of what it is a part of, and at last of its
source. A group's name tells what it is a part of: ``source/slide/block``.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.scale.red_cell_size import measure_red_cell_um
from smearwatch.train.data.samples import Sample

_ENOUGH = 8  # measured cells, for a median of their own
_MOST_OF_A_SOURCE = 600  # are measured, evenly through it: more change no median


class RedCellSizes:
    """Red cells' diameter in um by the scale in use, for the leukocytes of each group.

    Parameters
    ----------
    samples
        n cells; things to reject say nothing.
    fields : uint8 array of shape [n, field_px, field_px, 3]
        Their shrunken crops, as photographed.
    """

    def __init__(self, samples: Sequence[Sample], fields: NDArray[np.uint8]) -> None:
        measured = defaultdict(list)
        for index in _chosen(samples):
            red_cell_um = measure_red_cell_um(np.asarray(fields[index]))
            if red_cell_um is not None:
                for name in _from_narrow_to_wide(samples[index]):
                    measured[name].append(red_cell_um)
        self._medians = {name: median(sizes) for name, sizes in measured.items() if len(sizes) >= _ENOUGH}

    def of(self, sample: Sample) -> float | None:
        """Return the size that holds for a cell, None where too few of its source were measured."""
        return next((self._medians[name] for name in _from_narrow_to_wide(sample) if name in self._medians), None)


def _chosen(samples: Sequence[Sample]) -> list[int]:
    """Return the indices of the cells that are measured."""
    by_source = defaultdict(list)
    for index, sample in enumerate(samples):
        if sample.target.kind != "reject":
            by_source[sample.source].append(index)
    chosen = []
    for indices in by_source.values():
        count = min(len(indices), _MOST_OF_A_SOURCE)
        chosen += [indices[place * len(indices) // count] for place in range(count)]
    return chosen


def _from_narrow_to_wide(sample: Sample) -> Iterator[str]:
    """Yield the group of a cell, what it is a part of, and so on to its source."""
    yield (name := sample.group)
    while "/" in name:
        name = name.rsplit("/", 1)[0]
        yield name
