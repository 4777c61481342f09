"""What the alarm costs beside what it stands beside, in turns in one process."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np

from smearwatch.daemon.record import looks
from smearwatch.daemon.record.drift import DriftFold
from smearwatch.daemon.record.events import CLASSES, Counted, event_from_bytes, event_to_bytes
from smearwatch.models.appearance import appearance_features
from smearwatch.models.checkpoint import shipped_weights_dir
from smearwatch.models.engine import Engine
from smearwatch.models.manifest import LookRange
from smearwatch.models.preprocess import shrink
from smearwatch.train.data.simulated import draw_cells

ROUNDS, WARMING, CELLS = 60, 5, 40


def of_look() -> dict[str, Any]:
    """A cell's look beside all else that a worker does with its crop."""
    engine = Engine.load(shipped_weights_dir(), device="cpu")
    crop = draw_cells(1)[0].draw()
    field = shrink(crop, engine.preprocessing)
    scale = engine.preprocessing.um_per_px
    return _compared(
        "a worker's cell: the look, the whole judgement",
        lambda: appearance_features(field, scale),
        lambda: engine.judge([crop]),
    )


def of_fold(ranges: Sequence[LookRange]) -> dict[str, Any]:
    """The fold of forty cells beside spelling and reading their events, which hub and client do besides."""
    rng = np.random.default_rng(1)
    shares: Any = (0.9, 0.02, 0.02, 0.02, 0.02, 0.02)
    kinds = tuple(looks.LookRange(kind.name, kind.cells, kind.limits) for kind in ranges)
    middle = {name: (low + high) / 2 for name, (low, high) in kinds[0].limits.items()}
    events = [
        Counted(
            "0" * 64, n, CLASSES[0], "confirmed", shares, shares, 0.1, "w",
            {name: round(value * float(rng.normal(1.0, 0.2)), 4) for name, value in middle.items()},
        )
        for n in range(CELLS)
    ]  # fmt: skip
    fold = DriftFold()
    fold.ranged(looks.Ranged("w", kinds))

    def folded() -> None:
        for event in events:
            fold.counted(event.weights, event.frame, event.index, event.look)

    def spelt() -> None:
        for event in events:
            event_from_bytes(event_to_bytes(event))

    return _compared("the hub's forty cells: the fold, spelling and reading the events", folded, spelt)


def _compared(what: str, one: Callable[[], object], other: Callable[[], object]) -> dict[str, Any]:
    spent: tuple[list[float], list[float]] = ([], [])
    for turn in range(WARMING + ROUNDS):
        for place, way in enumerate((one, other)):
            began = time.perf_counter()
            way()
            if turn >= WARMING:
                spent[place].append(time.perf_counter() - began)
    ratio = median(a / b for a, b in zip(*spent, strict=True))
    return {"what": what, "ms": median(spent[0]) * 1e3, "other_ms": median(spent[1]) * 1e3, "ratio": ratio}
