"""A run as a whole: from a closed file to its count, and how many fields a second, beside its bare stages.

The bare stages are the same functions one after the other in this process, on the same pictures: search, place, judge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from smearwatch.capture.finder.field import FieldFound
from smearwatch.models.engine import Engine
from tests.bench.performance.crops import engine_in_use
from tests.bench.performance.fields import chula, drawn
from tests.bench.performance.running import Run, single_cell_frames
from tests.bench.performance.size import Size
from tests.bench.seen.as_counted import SearchAsCounted
from tests.bench.seen.auto import KNOWN_UM_PER_PX
from tests.bench.seen.once import empty_map, registered_on
from tests.bench.turns import Aim, Figure, Taken, alone, paired, percentile_95, timed

ONE_BY_ONE, SMALL, LARGE, ROUNDS = 40, 60, 24, 3


@dataclass(frozen=True, slots=True)
class Alone:
    """What the bare stages took for some pictures, in seconds by the clock."""

    capture_s: float
    judging_s: float


def figures(size: Size) -> Iterator[Figure]:
    """Measure single fields first, then as many as there are."""
    before = torch.get_num_threads()
    engine = engine_in_use()  # takes one thread
    try:
        yield from _one_by_one(engine, size)
        if size.data is None:
            sets = {"drawn, 1440x900": (drawn(1440, 900, 0.09, size.of(SMALL, 2)), 0.09, 8.0)}
        else:
            sets = {"Chula, 1440x900": (chula(size.data, size.of(SMALL)), KNOWN_UM_PER_PX["chula"], 8.0)}
        if not size.quick:
            sets["drawn, 2560x1920"] = (drawn(2560, 1920, 0.044, size.of(LARGE)), 0.044, 2.0)
        for name, (files, um_per_px, wanted) in sets.items():
            yield from _kept_up(name, files, um_per_px, wanted, engine, size.of(ROUNDS))
    finally:
        torch.set_num_threads(before)


def _one_by_one(engine: Engine, size: Size) -> Iterator[Figure]:
    """Measure drawn fields of one cell each, one at a time; the first two find cold caches."""
    frames = single_cell_frames(2 + size.of(ONE_BY_ONE, 2))
    waited: list[float] = []
    bare: list[float] = []
    stages = _Bare(engine, 0.09)
    with Run.on_folder("--um-per-px", "0.09") as run:
        run.wait_for_staff()
        for number, file in enumerate(frames):
            took_s = run.count_one(file)
            alone_s = stages.of(file)
            if number > 1:
                waited.append(1000.0 * took_s)
                bare.append(1000.0 * (alone_s.capture_s + alone_s.judging_s))
    what = "a field of 1440x900 with one cell: file closed to count at a client"
    yield paired(what, "ms", "its bare stages", waited, bare, aim=Aim("at most", 1.3))
    middle = float(np.median(waited))
    tail = percentile_95(waited) / middle
    yield alone(f"{what}, 95th percentile by the median", "times", [tail], aim=Aim("at most", 2.0, of="ours"))


def _kept_up(
    name: str, files: Sequence[bytes], um_per_px: float, wanted: float, engine: Engine, rounds: int
) -> Iterator[Figure]:
    """Measure all files at once, each round in a session of its own."""
    rates: list[float] = []
    bounds: list[float] = []
    for _ in range(rounds):
        stages = _Bare(engine, um_per_px)
        each = [stages.of(file) for file in files]
        with Run.on_folder("--um-per-px", str(um_per_px)) as run:
            run.wait_for_staff()
            rates.append(len(files) / run.count(files))
        slower_s = max(sum(one.capture_s for one in each), sum(one.judging_s for one in each))
        bounds.append(len(files) / slower_s)
    what = f"{name}: fields counted, {len(files)} files at once"
    yield paired(what, "a second", "the slower of search and judging, alone", rates, bounds, aim=Aim("at least", 0.9))
    yield alone(f"{name}: fields counted", "a second", rates, aim=Aim("at least", wanted, of="ours"))


class _Bare:
    """The stages of a session's fields, one after the other."""

    def __init__(self, engine: Engine, um_per_px: float) -> None:
        self._engine = engine
        self._search = SearchAsCounted(um_per_px)
        self._map, self._picture_cache = empty_map()
        self._fields = 0

    def of(self, file: bytes) -> Alone:
        """Search, place and judge a field."""
        crops, capture = timed(lambda: self._searched(file))
        judging = timed(lambda: self._engine.judge(crops))[1] if crops else Taken(0.0, 0.0)
        return Alone(capture.wall_s, judging.wall_s)

    def _searched(self, file: bytes) -> list[np.ndarray]:
        result = self._search.find(file, self._to_judge)
        if not isinstance(result, FieldFound):
            return []
        return [cell.crop_bgr for cell in result.cells if cell.crop_bgr is not None]

    def _to_judge(self, field: FieldFound) -> set[int]:
        self._fields += 1
        registered = registered_on(self._map, self._picture_cache, f"{self._fields:064x}", field)
        return {cell.index for cell in field.cells} - registered.seen_before
