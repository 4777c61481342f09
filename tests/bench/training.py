"""Training cells a second on drawn cells: augmentation on and off, one thread and two, a GPU where there is one."""

import tempfile
from pathlib import Path
from statistics import median
from typing import Literal

import torch

from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.crop_cache import shrunken_fields
from smearwatch.train.data.simulated import draw_cells
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.loop import Trainer
from tests.bench.report import Report, spread

CELLS = 64
BATCH = 32
ROUNDS = 3
WAYS: dict[str, tuple[Literal["cpu", "cuda"], int, float]] = {
    "1 thread": ("cpu", 1, 1.0),
    "1 thread, no augmentation": ("cpu", 1, 0.0),
    "2 threads": ("cpu", 2, 1.0),
    "2 threads, no augmentation": ("cpu", 2, 0.0),
    "GPU": ("cuda", 1, 1.0),
    "GPU, no augmentation": ("cuda", 1, 0.0),
}


def main() -> None:
    """Train one epoch in each way, in turn; the first round finds cold caches and is left out."""
    before = torch.get_num_threads()
    ways = {name: way for name, way in WAYS.items() if way[0] == "cpu" or torch.cuda.is_available()}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as cache:
        samples = draw_cells(CELLS)
        fields = shrunken_fields(samples, TrainConfig().preprocessing, Path(cache), lambda *_: None)
        cells = CellSet(samples, fields)
        for turn in range(1 + ROUNDS):
            for name, (device, threads, strength) in ways.items():
                rate = _once(cells, device, threads, strength)
                if turn:
                    rates[name].append(rate)
    torch.set_num_threads(before)
    report = Report("training", f"training cells a second, {CELLS} drawn cells at full size, both networks, in turn")
    for way, values in rates.items():
        report.add(way=way, **spread(values))
    report.finish()
    ratios = Report("training_ratios", "how much quicker, round by round (medians)")
    ratios.add(what="without augmentation, 1 thread", times=_ratio(rates, "1 thread, no augmentation", "1 thread"))
    ratios.add(what="without augmentation, 2 threads", times=_ratio(rates, "2 threads, no augmentation", "2 threads"))
    ratios.add(what="with a second thread", times=_ratio(rates, "2 threads", "1 thread"))
    ratios.finish()


def _once(cells: CellSet, device: Literal["cpu", "cuda"], threads: int, strength: float) -> float:
    torch.set_num_threads(threads)
    config = TrainConfig(device=device, epochs=1, small_epochs=0, batch=BATCH, strength=strength)
    with tempfile.TemporaryDirectory() as state:
        trainer = Trainer(config, Path(state))
        trainer.run(cells, CellSet([], cells.fields[:0]), lambda *_: None)
    return CELLS / trainer.curve[0].seconds


def _ratio(rates: dict[str, list[float]], one: str, other: str) -> float:
    return median(a / b for a, b in zip(rates[one], rates[other], strict=True))


if __name__ == "__main__":
    main()
