"""Which cells the weights have met in training: those are left out of a test, and so is what nearly equals them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from smearwatch.models.memory import Memory, short
from smearwatch.train.data.samples import Sample

Choice = Literal["test", "all"]


@dataclass(frozen=True, slots=True)
class Parted:
    """A set divided by what the weights have met.

    Attributes
    ----------
    kept
        Cells that are scored.
    known
        Whether the weights say what they were trained on.
    train, validation
        Cells trained on, and cells by which thresholds were chosen.
    related
        Cells never met, in one group (near-duplicates, neighbouring frames) with one that was.
    """

    kept: list[Sample]
    known: bool
    train: int
    validation: int
    related: int

    def counts(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kept": len(self.kept),
            "known": self.known,
            "train": self.train,
            "validation": self.validation,
            "related": self.related,
        }


def part(samples: Sequence[Sample], memory: Memory | None, choice: Choice) -> Parted:
    """Divide samples by what the weights remember.

    Parameters
    ----------
    samples
        The whole set, so that the groups of cells that were met can be seen.
    memory
        Of the weights; None where they have none, and then nothing can be left out.
    choice
        "all" counts and keeps every cell.
    """
    if memory is None:
        return Parted(list(samples), known=False, train=0, validation=0, related=0)
    train = validation = 0
    met_groups = set()
    met = []
    for sample in samples:
        key = short(sample.digest)
        fitted, held = key in memory.train_digests, key in memory.validation_digests
        train, validation = train + fitted, validation + (held and not fitted)
        met.append(fitted or held)
        if met[-1]:
            met_groups.add(sample.group)
    related = sum(not known and sample.group in met_groups for known, sample in zip(met, samples, strict=True))
    if choice == "all":
        return Parted(list(samples), known=True, train=train, validation=validation, related=related)
    kept = [sample for sample in samples if sample.group not in met_groups]
    return Parted(kept, known=True, train=train, validation=validation, related=related)


def said(parted: Parted, choice: Choice) -> str:
    """Say in one line what was done."""
    if not parted.known:
        return "the weights do not say what they were trained on, so some of these cells may have been among it"
    met = (
        f"{parted.train} trained on, {parted.validation} of validation, {parted.related} of one group with such a cell"
    )
    if choice == "all":
        return f"all {len(parted.kept)} cells are scored, met ones too: {met}"
    return f"{len(parted.kept)} cells are scored that the weights never met; left out: {met}"
