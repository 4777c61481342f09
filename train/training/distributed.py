"""Several processes that train one network: who does what, and what they send each other.

`torchrun` starts the processes and names each in its environment. They divide every batch evenly, and each gradient is
that of the whole batch, so a run on four processes takes the same steps as a run on one. The exception are the
statistics of batch norm: on GPUs they are of the whole batch (SyncBatchNorm), which torch has not for CPUs, where each
process normalises with its own share of the batch and the first one's running statistics are kept.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from smearwatch.train.data.samples import DataUnusable

_LONGEST_WAIT = timedelta(hours=6)  # the others wait while the first draws the crops; a lost process is noticed at once


class ProcessLost(Exception):
    """Another of the processes that train together has ended.

    Attributes
    ----------
    hint
        What the user can do about it.
    """

    def __init__(self, matter: str) -> None:
        super().__init__(f"training: {matter}")
        self.hint = "run the same command again: it continues from the last saved state"


@dataclass(frozen=True, slots=True)
class Ranks:
    """Where this process stands among those that train together.

    Attributes
    ----------
    rank, count
        Its number, from 0, and how many there are.
    local
        Its number on this machine.
    """

    rank: int = 0
    count: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Return whether this one writes, logs and reports."""
        return self.rank == 0

    @classmethod
    def from_environment(cls) -> "Ranks":
        """Read what `torchrun` set; one process where it set nothing."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count < 2:
            return cls()
        return cls(int(os.environ["RANK"]), count, int(os.environ["LOCAL_RANK"]))

    @classmethod
    def present(cls) -> "Ranks":
        """Return which one this process is in the group that was formed; the only one where none was."""
        return cls.from_environment() if distributed.is_available() and distributed.is_initialized() else cls()

    def slice_of(self, count: int) -> tuple[int, int]:
        """Return where this process's share of `count` cells starts and stops; the processes divide `count` evenly."""
        each = count // self.count
        return self.rank * each, (self.rank + 1) * each

    def wait(self) -> None:
        """Wait until all have come here."""
        self.total(torch.zeros(1))

    def total(self, numbers: torch.Tensor) -> torch.Tensor:
        """Sum over all processes, in place."""
        if self.count > 1:
            distributed.all_reduce(numbers)
        return numbers

    def gather_rows(self, own: torch.Tensor) -> torch.Tensor:
        """Gather the rows of all processes in their order; gradients flow into the own ones alone."""
        if self.count == 1:
            return own
        rows = [torch.empty_like(own) for _ in range(self.count)]
        distributed.all_gather(rows, own.detach().contiguous())
        rows[self.rank] = own
        return torch.cat(rows)

    def broadcast_buffers(self, module: nn.Module) -> None:
        """Send every process the first one's running statistics."""
        if self.count > 1:
            for _, buffer in sorted(module.named_buffers()):
                distributed.broadcast(buffer, 0)

    def wrap(self, module: nn.Module) -> nn.Module:
        """Make the gradients of a module the mean over all processes."""
        if self.count == 1:
            return module
        return DistributedDataParallel(module, gradient_as_bucket_view=True)

    def agree(self, folder: Path, key: int) -> None:
        """Check that all processes begin from the same step of the same run.

        Raises
        ------
        DataUnusable
            Where one of them sees other cells or another kept state.
        """
        if self.count == 1:
            return
        own = torch.tensor([key], dtype=torch.int64)
        keys = [torch.empty_like(own) for _ in range(self.count)]
        distributed.all_gather(keys, own)
        if any(int(other) != key for other in keys):
            matter = "the processes see different cells or kept states"
            raise DataUnusable(folder, matter, "give all of them the same data and --state folder")


@contextmanager
def group(ranks: Ranks, *, cuda: bool) -> Iterator[None]:
    """Form the group of processes and dissolve it at the end; nothing where there is one process.

    Raises
    ------
    ProcessLost
        Where another process ended before this one.
    """
    if ranks.count == 1:
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop_on_signal)
    try:
        # Where there are GPUs, what lies on the CPU still goes by gloo.
        distributed.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=_LONGEST_WAIT)
        yield
    except RuntimeError as error:
        if not _of_a_connection(error):
            raise
        raise ProcessLost(f"process {ranks.rank} lost the connection to another one") from error
    finally:
        signal.signal(signal.SIGTERM, before)
        if distributed.is_initialized():
            distributed.destroy_process_group()


def check_division(batch: int, ranks: Ranks) -> None:
    """Check that a batch can be divided evenly.

    Raises
    ------
    DataUnusable
        Where it cannot.
    """
    if batch % ranks.count:
        matter = f"a batch of {batch} cells cannot be divided evenly between {ranks.count} processes"
        raise DataUnusable(Path("batch"), matter, f"make batch a multiple of {ranks.count}, or start fewer processes")


def _of_a_connection(error: RuntimeError) -> bool:
    words = ("gloo", "connection", "nccl", "socket")
    return isinstance(error, distributed.DistError) or any(word in str(error).lower() for word in words)


def _stop_on_signal(number: int, frame: FrameType | None) -> None:
    # This is how torchrun ends the remaining processes when one of them has failed.
    raise ProcessLost("this process was stopped, most likely because another one failed")
