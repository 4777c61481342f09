"""Which cells the weights have seen in training: a test leaves those out, and what nearly equals them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from smearwatch.models.memory import Memory, short
from smearwatch.train.data.samples import Sample

Choice = Literal["test", "all"]


@dataclass(frozen=True, slots=True)
class Parted:
    """A set divided by what the weights have seen.

    Attributes
    ----------
    kept
        Cells that are scored.
    known
        Whether the weights say what they were trained on.
    train, validation
        Cells trained on, and cells by which thresholds were chosen.
    related
        Cells never seen, in one group (near-duplicates, neighbouring frames) with one that was.
    """

    kept: list[Sample]
    known: bool
    train: int
    validation: int
    related: int


def part(samples: Sequence[Sample], memory: Memory | None, choice: Choice) -> Parted:
    """Divide samples by what the weights remember.

    Parameters
    ----------
    samples
        The whole set, so that the groups of cells that were seen are known.
    memory
        Of the weights; None where they have none, and then nothing can be left out.
    choice
        "all" counts and keeps every cell.
    """
    if memory is None:
        return Parted(list(samples), known=False, train=0, validation=0, related=0)
    train = validation = 0
    seen_groups = set()
    seen = []
    for sample in samples:
        key = short(sample.digest)
        fitted, held = key in memory.train_digests, key in memory.validation_digests
        train, validation = train + fitted, validation + (held and not fitted)
        seen.append(fitted or held)
        if seen[-1]:
            seen_groups.add(sample.group)
    related = sum(not known and sample.group in seen_groups for known, sample in zip(seen, samples, strict=True))
    if choice == "all":
        return Parted(list(samples), known=True, train=train, validation=validation, related=related)
    kept = [sample for sample in samples if sample.group not in seen_groups]
    return Parted(kept, known=True, train=train, validation=validation, related=related)


def explain(parted: Parted, choice: Choice) -> str:
    """Explain in one line what was kept and left out."""
    if not parted.known:
        return "the weights do not say what they were trained on, so some of these cells may have been among it"
    seen = (
        f"{parted.train} trained on, {parted.validation} of validation, {parted.related} of one group with such a cell"
    )
    if choice == "all":
        return f"all {len(parted.kept)} cells are scored, met ones too: {seen}"
    return f"{len(parted.kept)} cells are scored that the weights never met; left out: {seen}"
