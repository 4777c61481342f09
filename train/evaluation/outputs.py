"""What the networks answer for a set of labelled cells."""

from smearwatch.models.engine import Engine, Outputs
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.stains import ReferenceStains

_MEASURED_AT_ONCE = 256


def run_engine(
    engine: Engine, cells: CellSet, what: str, progress: Progress, *, stains: ReferenceStains | None = None
) -> Outputs:
    """Run an engine over a set of cells as photographed; returns outputs in its order.

    For weights with a reference stain each is brought to it first, from the stain of its source's cells in the set;
    `stains` are those of the set where they were measured before.
    """
    stains = ReferenceStains(cells, engine.preprocessing) if stains is None else stains
    parts = [engine.outputs_of_fields(cells.fields[:0])]
    for start in range(0, len(cells.samples), _MEASURED_AT_ONCE):
        stop = min(start + _MEASURED_AT_ONCE, len(cells.samples))
        fields = stains.apply(cells.samples[start:stop], cells.fields[start:stop])
        parts.append(engine.outputs_of_fields(fields))
        progress(what, stop, len(cells.samples))
    return Outputs.joined(parts)
