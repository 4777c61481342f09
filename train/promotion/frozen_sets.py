"""The frozen cells on which two weights are compared, without those that either of them has seen in training."""

from collections.abc import Sequence
from dataclasses import dataclass

from smearwatch.models.memory import Memory
from smearwatch.train.data.samples import Sample
from smearwatch.train.data.sources import DatasetSpec, ReportLine, read_sources
from smearwatch.train.evaluation.seen_in_training import part
from smearwatch.train.promotion.record import SetCounts


@dataclass(frozen=True, slots=True)
class FrozenSet:
    """Cells to compare on. ``left_out`` counts those that one of the weights has seen in training, or one like them."""

    name: str
    samples: list[Sample]
    left_out: int

    def counts(self) -> SetCounts:
        """Count the cells for the record."""
        return SetCounts(len(self.samples), self.left_out)


def read_frozen_sets(spec: DatasetSpec, memories: Sequence[Memory | None], report_line: ReportLine) -> list[FrozenSet]:
    """Read every set that was asked for; a set of which nothing is left stays, empty.

    Parameters
    ----------
    memories
        Of both weights; one that is None leaves nothing out.
    report_line
        Gets one line where frames of a session are damaged.

    Raises
    ------
    DataUnusable, LedgerUnusable
        A set cannot be used, or its scale does not fit its cells.
    """
    return [_leave_out_seen(source.name, source.samples, memories) for source in read_sources(spec, report_line)]


def _leave_out_seen(name: str, samples: list[Sample], memories: Sequence[Memory | None]) -> FrozenSet:
    kept = samples
    for memory in memories:
        fresh = {sample.sample_id for sample in part(samples, memory, "test").kept}
        kept = [sample for sample in kept if sample.sample_id in fresh]
    return FrozenSet(name, kept, len(samples) - len(kept))
