"""Train, validation and test: by group, fixed by a hash, before anything is augmented."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import repeat
from typing import Final

from smearwatch.train.data.samples import Part, Sample

SALT: Final = "smearwatch-split-1"
_TEST_SHARE: Final = 0.15
_VALIDATION_SHARE: Final = 0.10

# A set of few slides with several runs of frames each is divided slide by slide, so that no class (a slide often
# holds one) is missing on a side. Runs are named SOURCE/SLIDE/NUMBER.
BY_SLIDE: Final = frozenset({"chula"})
_FEWEST_RUNS_FOR_VALIDATION: Final = 4
_TEST_SHARE_OF_RUNS: Final = 0.3


def part_of(group: str) -> Part:
    """Choose the side of a group: a number from the hash of its name, so that new data never moves old data across."""
    number = number_of(group)
    if number < _TEST_SHARE:
        return "test"
    return "validation" if number < _TEST_SHARE + _VALIDATION_SHARE else "train"


def parts_of_runs(runs: Iterable[str]) -> dict[str, Part]:
    """Choose the sides of one slide's runs by the order of their hashes: first test, then validation, then training.

    A slide with a single run stands where the hash of its name says.
    """
    ordered = sorted(set(runs), key=number_of)
    if len(ordered) < 2:
        return {run: part_of(run) for run in ordered}
    tested = max(1, round(_TEST_SHARE_OF_RUNS * len(ordered)))
    validated = 1 if len(ordered) >= _FEWEST_RUNS_FOR_VALIDATION else 0
    sides: list[Part] = []
    sides += repeat("test", tested)
    sides += repeat("validation", validated)
    sides += repeat("train", len(ordered) - len(sides))
    return dict(zip(ordered, sides, strict=True))


def split(samples: Iterable[Sample], by_slide: Collection[str] = BY_SLIDE) -> dict[Part, list[Sample]]:
    """Divide samples; every group stands whole on one side.

    Parameters
    ----------
    by_slide
        Sources whose groups are runs of frames of a slide, which are divided by `parts_of_runs`.
    """
    every = list(samples)
    slides: dict[str, set[str]] = defaultdict(set)
    for sample in every:
        if sample.source in by_slide:
            slides[sample.group.rpartition("/")[0]].add(sample.group)
    sides = {run: side for runs in slides.values() for run, side in parts_of_runs(runs).items()}
    parts: dict[Part, list[Sample]] = {"train": [], "validation": [], "test": []}
    for sample in every:
        parts[sides.get(sample.group) or part_of(sample.group)].append(sample)
    return parts


def split_digest(samples: Sequence[Sample]) -> str:
    """Return the SHA-256 over names and contents in order of name: the same cells give the same digest."""
    lines = sorted(f"{sample.sample_id} {sample.digest}" for sample in samples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def number_of(name: str) -> float:
    """Return a number from 0 to 1 that looks random and is the same everywhere."""
    return int.from_bytes(hashlib.sha256(f"{SALT}:{name}".encode()).digest()[:8]) / 2**64
