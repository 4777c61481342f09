"""What a crop costs: to a network's input beside torchvision's transforms, to a verdict beside the bare networks."""

from collections.abc import Iterator

import numpy as np
import torch
from torchvision.transforms import v2

from smearwatch.models import checkpoint
from smearwatch.models.checkpoint import shipped_weights_dir
from smearwatch.models.engine import Engine
from smearwatch.models.engine_choice import check_cells, choose_engine
from smearwatch.models.preprocess import Preprocessing, normalise, shrink, to_tensor, view
from smearwatch.train.data.simulated import draw_cells
from tests.bench.performance.size import Size
from tests.bench.turns import Aim, Figure, compared, in_turn

BATCHES = {1: 40, 8: 12, 32: 5}
"""Crops at once, and how many rounds."""


def figures(size: Size) -> Iterator[Figure]:
    """Measure in one thread, on drawn cells; what stands in a crop changes no time here."""
    before = torch.get_num_threads()
    engine = engine_in_use()  # takes one thread
    crops = [sample.draw() for sample in draw_cells(2 if size.quick else max(BATCHES))]
    try:
        yield from _prepared(crops[0], engine.preprocessing, size.of(60))
        for batch, rounds in BATCHES.items():
            if batch <= len(crops):
                yield _judged(engine, crops[:batch], size.of(rounds))
    finally:
        torch.set_num_threads(before)


def engine_in_use() -> Engine:
    """Return the shipped weights in the engine that a worker takes on this processor."""
    engine, _ = choose_engine(shipped_weights_dir(), device="cpu")
    engine.take_batches(check_cells(engine))
    return engine


def as_input(crops_bgr: list[np.ndarray], preprocessing: Preprocessing) -> torch.Tensor:
    """Return the networks' input of some crops."""
    fields = np.stack([shrink(crop, preprocessing) for crop in crops_bgr])
    views = normalise(to_tensor(view(fields, preprocessing)), preprocessing)
    return views.contiguous(memory_format=torch.channels_last)


def _prepared(crop: np.ndarray, shipped: Preprocessing, rounds: int) -> Iterator[Figure]:
    plain = Preprocessing(field_px=shipped.field_px, view_px=shipped.view_px)
    theirs = v2.Compose(
        [
            v2.ToImage(),
            v2.Resize((plain.field_px, plain.field_px), antialias=True),
            v2.CenterCrop(plain.view_px),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(plain.mean_bgr, plain.std_bgr),
        ]
    )
    with torch.inference_mode():
        ways = {
            "plain": lambda: as_input([crop], plain),
            "shipped": lambda: as_input([crop], shipped),
            "torchvision": lambda: theirs(crop)[None],
        }
        assert ways["plain"]().shape == ways["torchvision"]().shape
        taken = in_turn(ways, rounds)
    beside = "torchvision.transforms.v2: resize, cut, normalise"
    yield compared(
        "a crop of 750x750 to the networks' input, the same steps",
        beside,
        taken["plain"],
        taken["torchvision"],
        aim=Aim("at most", 1.0, "cpu_ratio"),
    )
    yield compared(
        "the same as the shipped weights ask: optical density too", beside, taken["shipped"], taken["torchvision"]
    )


def _judged(engine: Engine, crops: list[np.ndarray], rounds: int) -> Figure:
    networks = checkpoint.load(shipped_weights_dir())
    layout = torch.channels_last
    resnet, bank = networks.resnet.to(memory_format=layout), networks.bank.to(memory_format=layout)
    batch = as_input(crops, engine.preprocessing)

    def bare() -> None:
        with torch.inference_mode():
            resnet(batch)
            bank(batch)

    taken = in_turn({"ours": lambda: engine.judge(crops), "bare": bare}, rounds)
    what = f"a crop to its verdict, {len(crops)} at once"
    return compared(what, f"the bare networks, {len(crops)} at once", taken["ours"], taken["bare"], each=len(crops))
