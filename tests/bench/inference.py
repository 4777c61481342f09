"""Crops a second of the shipped weights: ResNet alone, bank alone, both, and from a crop to its verdict."""

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from smearwatch.models.checkpoint import shipped_weights_dir
from smearwatch.models.engine import Engine
from smearwatch.models.preprocess import normalise, shrink, to_tensor, view
from smearwatch.train.data.simulated import draw_cells
from tests.bench.report import Report, spread

ROUNDS = 60
WARMING = 5
AIM = 0.20


def main() -> None:
    """Measure in turn, in one process, on every device there is, with the batches that the daemon uses."""
    report = Report("inference", "crops a second, in turn; and what the bank costs beside the ResNet")
    shares = Report("inference_ratio", f"time of the bank by that of the ResNet, round by round (aim: at most {AIM})")
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        engine = Engine.load(shipped_weights_dir(), device=device)
        seconds = _timed(engine)
        for what, values in seconds.items():
            rates = [engine.most_at_once / value for value in values]
            report.add(device=device, batch=engine.most_at_once, what=what, ms=median(values) * 1000, **spread(rates))
        both = zip(seconds["bank alone"], seconds["ResNet alone"], strict=True)
        shares.add(device=device, **spread([bank / resnet for bank, resnet in both]))
    report.finish()
    shares.finish()


def _timed(engine: Engine) -> dict[str, list[float]]:
    crops = [sample.draw() for sample in draw_cells(engine.most_at_once)]
    fields = np.stack([shrink(crop, engine.preprocessing) for crop in crops])
    views = normalise(to_tensor(view(fields, engine.preprocessing)), engine.preprocessing)
    batch = views.to(engine._device).contiguous(memory_format=torch.channels_last)
    ways: dict[str, Callable[[], object]] = {
        "ResNet alone": lambda: engine._networks.resnet(batch),
        "bank alone": lambda: engine._networks.bank(batch),
        "both": lambda: (engine._networks.resnet(batch), engine._networks.bank(batch)),
        "crop to verdict": lambda: engine.judge(crops),
    }
    seconds: dict[str, list[float]] = {what: [] for what in ways}
    with torch.inference_mode():
        for turn in range(WARMING + ROUNDS):
            for what, way in ways.items():
                began = time.perf_counter()
                way()
                if engine.device == "cuda":
                    torch.cuda.synchronize()
                if turn >= WARMING:
                    seconds[what].append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    main()
