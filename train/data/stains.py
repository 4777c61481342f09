"""The stain of labelled cells: those of one source are one session, whose stain is the median over all of them.

The size of the red cells is that of the cell's group, see `smearwatch.train.data.red_cell_sizes`.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.vision.cell_stain import CellStain, measure_cell_stain
from smearwatch.daemon.record import stain as recorded
from smearwatch.daemon.record.session_stain import median_stain
from smearwatch.models.preprocess import Preprocessing, Stain
from smearwatch.models.reference_stain import ReferenceMap, reference_map
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress, shrunken_fields
from smearwatch.train.data.red_cell_sizes import RedCellSizes
from smearwatch.train.data.samples import Sample
from smearwatch.train.data.sessions import SOURCE as RECORDED_SESSION

Field = NDArray[np.uint8]


def stain_source(sample: Sample) -> str:
    """Name whose stain a cell has: its source, and of recorded sessions each one by itself."""
    return sample.group.rsplit("/", 1)[0] if sample.source == RECORDED_SESSION else sample.source


def source_stains(samples: Sequence[Sample], fields: NDArray[np.uint8]) -> dict[str, Stain | None]:
    """Measure the stain of each source as a session's is measured, over all its leukocytes, whatever their order.

    A source that has none is measured on what it has: so would a session be in which nothing else is found.

    Parameters
    ----------
    samples
        n cells.
    fields : uint8 array of shape [n, field_px, field_px, 3]
        Their shrunken crops, as photographed.

    Returns
    -------
    dict
        By `stain_source`; None for a source of which no cell has red cells around it.
    """
    with_cells = {stain_source(sample) for sample in samples if sample.target.kind != "reject"}
    stains = defaultdict(list)
    for sample, field in zip(samples, fields, strict=True):
        source = stain_source(sample)
        if sample.target.kind != "reject" or source not in with_cells:
            stains[source].append(as_recorded(measure_cell_stain(np.asarray(field))))
    return {source: as_model(median_stain(measured)) for source, measured in stains.items()}


class ReferenceStains:
    """Brings the shrunken crops of some cells to the stain and the size that weights learnt.

    For weights without a reference stain nothing is measured, and every crop stays as it is.

    Parameters
    ----------
    cells
        All the cells: over them each source's stain is measured.
    preprocessing
        Of the weights.
    """

    def __init__(self, cells: CellSet, preprocessing: Preprocessing) -> None:
        self._reference = preprocessing.reference_stain
        self._stains: dict[str, Stain | None] = {}
        self._sizes: RedCellSizes | None = None
        if self._reference is not None:
            self._stains = source_stains(cells.samples, cells.fields)
            if self._reference.red_cell_um is not None:
                self._sizes = RedCellSizes(cells.samples, cells.fields)

    def apply(self, samples: Sequence[Sample], fields: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return crops [n, field_px, field_px, 3] brought to the reference; those given where nothing is to be done."""
        if self._reference is None or not len(samples):
            return fields
        return np.stack([self._one(sample, field) for sample, field in zip(samples, fields, strict=True)])

    def map_of(self, sample: Sample) -> ReferenceMap | None:
        """Return what brings a sample's crop to the reference, None where it stays."""
        stain = self._stains.get(stain_source(sample))
        if self._reference is None or stain is None:
            return None
        size = None if self._sizes is None else self._sizes.of(sample)
        return reference_map(stain.model_copy(update={"red_cell_um": size}), self._reference)

    def _one(self, sample: Sample, field: Field) -> Field:
        to_reference = self.map_of(sample)
        return np.asarray(field) if to_reference is None else to_reference.apply(np.asarray(field))


def cells_as_seen(samples: list[Sample], preprocessing: Preprocessing, cache: Path, progress: Progress) -> CellSet:
    """Draw cells as weights see them: shrunken, and brought to their reference stain where they have one.

    Raises
    ------
    DataUnusable
        Where a picture cannot be read.
    """
    return as_seen(CellSet(samples, shrunken_fields(samples, preprocessing, cache, progress)), preprocessing)


def as_seen(cells: CellSet, preprocessing: Preprocessing) -> CellSet:
    """Bring cells as photographed to the reference stain, each from that of its source; the same set without one."""
    if preprocessing.reference_stain is None:
        return cells
    return CellSet(cells.samples, ReferenceStains(cells, preprocessing).apply(cells.samples, cells.fields))


def as_recorded(stain: CellStain) -> recorded.CellStain:
    """Return a measured stain as the ledger has it."""
    return recorded.CellStain(stain.nucleus_bgr, stain.red_cells_bgr, stain.red_cell_um)


def as_model(stain: recorded.SessionStain | None) -> Stain | None:
    """Return a session's stain as the engine takes it."""
    if stain is None:
        return None
    return Stain(nucleus_bgr=stain.nucleus_bgr, red_cells_bgr=stain.red_cells_bgr, red_cell_um=stain.red_cell_um)
