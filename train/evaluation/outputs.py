"""What the networks answer for a set of labelled cells."""

import numpy as np

from smearwatch.models.engine import Engine, SessionMoments
from smearwatch.models.outputs import Outputs
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.stains import ReferenceStains, stain_source

_MEASURED_AT_ONCE = 256


def run_engine(
    engine: Engine, cells: CellSet, what: str, progress: Progress, *, stains: ReferenceStains | None = None
) -> Outputs:
    """Run an engine over a set of cells as photographed; returns outputs in its order.

    For weights with a reference stain each is brought to it first, from the stain of its source's cells in the set;
    `stains` are those of the set where they were measured before. The cells of one source are one session, whose
    statistics are used where the weights ask for them.
    """
    stains = ReferenceStains(cells, engine.preprocessing) if stains is None else stains
    sessions = _sessions(engine, cells, stains)
    outputs = [engine.outputs_of_fields(cells.fields[:0])]
    order: list[int] = []
    for source, at in _by_source(cells).items():
        for start in range(0, len(at), _MEASURED_AT_ONCE):
            part = at[start : start + _MEASURED_AT_ONCE]
            fields = stains.apply([cells.samples[index] for index in part], cells.fields[part])
            outputs.append(engine.outputs_of_fields(fields, sessions.get(source)))
            order += part
            progress(what, len(order), len(cells.samples))
    return Outputs.joined(outputs).at(np.argsort(order).tolist())


def _by_source(cells: CellSet) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, sample in enumerate(cells.samples):
        found.setdefault(stain_source(sample), []).append(index)
    return found


def _sessions(engine: Engine, cells: CellSet, stains: ReferenceStains) -> dict[str, SessionMoments]:
    """Measure the statistics of each source over its leukocytes, whatever their order; nothing where none are asked."""
    if engine.manifest.session_statistics is None:
        return {}
    found = {}
    for source, at in _by_source(cells).items():
        leukocytes = [index for index in at if cells.samples[index].target.kind != "reject"]
        fields = stains.apply([cells.samples[index] for index in leukocytes], cells.fields[leukocytes])
        session = engine.session_of(fields)
        if session is not None:
            found[source] = session
    return found
