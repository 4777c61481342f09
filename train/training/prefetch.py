"""A thread that prepares the next batches, so that the device does not wait for pixels to be read."""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.train.data.cells import CellSet, Targets
from smearwatch.train.training.recolour import NONE, Colours, restyle

_AHEAD = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """Cells whose pixels are needed, and those whose targets are: with several processes all of the batch.

    `colours` belong to the former.
    """

    fields: NDArray[np.int64]
    targets: NDArray[np.int64]
    colours: Colours


@dataclass(frozen=True, slots=True)
class Fed:
    """Fields uint8 [n, field_px, field_px, 3] and targets, on the device."""

    fields: torch.Tensor
    targets: Targets


def feed(cells: CellSet, wanted: Sequence[Wanted], device: torch.device) -> Generator[Fed, None, None]:
    """Yield batch after batch, the next three being prepared meanwhile; close the generator to end its thread.

    For a CUDA device they are copied from pinned memory without waiting.
    """
    pinned = device.type == "cuda"
    with ThreadPoolExecutor(1, thread_name_prefix="feeding") as pool:
        ahead: deque[Future[Fed]] = deque()
        try:
            for one in wanted:
                ahead.append(pool.submit(_prepared, cells, one, pinned=pinned))
                if len(ahead) > _AHEAD:
                    yield _moved(ahead.popleft().result(), device)
            while ahead:
                yield _moved(ahead.popleft().result(), device)
        finally:
            for future in ahead:
                future.cancel()


def _prepared(cells: CellSet, wanted: Wanted, *, pinned: bool) -> Fed:
    pixels = cells.fields[wanted.fields]
    chosen = wanted.colours.indices != NONE
    if chosen.any():
        models = cells.fields[wanted.colours.indices[chosen]]
        pixels[chosen] = restyle(pixels[chosen], models, wanted.colours.change[chosen])
    fields = torch.from_numpy(pixels)
    targets = cells.targets(wanted.targets)
    if not pinned:
        return Fed(fields, targets)
    held = Targets(targets.shares.pin_memory(), targets.either.pin_memory(), targets.reject.pin_memory())
    return Fed(fields.pin_memory(), held)


def _moved(fed: Fed, device: torch.device) -> Fed:
    return Fed(fed.fields.to(device, non_blocking=True), move_targets(fed.targets, device))


def move_targets(targets: Targets, device: torch.device) -> Targets:
    """Move targets to a device, without waiting for them."""
    shares, either, reject = (
        tensor.to(device, non_blocking=True) for tensor in (targets.shares, targets.either, targets.reject)
    )
    return Targets(shares, either, reject)
