"""The networks as one CUDA graph: a graphics card then runs them without being told each layer."""

from collections.abc import Callable

import torch

_FIRST = 3  # passes before the capture, in which libraries choose what they use


class Graphed:
    """Some work on batches of one size, captured.

    Parameters
    ----------
    work
        Takes a batch to its answers, on the card. What it reads besides may change in place.
    batch
        As all will be; its content means nothing.
    """

    def __init__(self, work: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor) -> None:
        self._given = batch.clone(memory_format=torch.preserve_format)
        beside = torch.cuda.Stream(batch.device)  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream(batch.device))
        with torch.cuda.stream(beside):
            for _ in range(_FIRST):
                work(self._given)
        torch.cuda.current_stream(batch.device).wait_stream(beside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._found = work(self._given)

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Run the work; the answer is overwritten by that to the next batch."""
        self._given.copy_(batch, non_blocking=True)
        self._graph.replay()
        return self._found
