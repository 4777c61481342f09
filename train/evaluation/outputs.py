"""What the networks answer for a set of labelled cells."""

from smearwatch.models.engine import Engine, Outputs
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress

_MEASURED_AT_ONCE = 256


def run_engine(engine: Engine, cells: CellSet, what: str, progress: Progress) -> Outputs:
    """Run an engine over a set; returns outputs in its order."""
    parts = [engine.outputs_of_fields(cells.fields[:0])]
    for start in range(0, len(cells.samples), _MEASURED_AT_ONCE):
        parts.append(engine.outputs_of_fields(cells.fields[start : start + _MEASURED_AT_ONCE]))
        progress(what, min(start + _MEASURED_AT_ONCE, len(cells.samples)), len(cells.samples))
    return Outputs.joined(parts)
