"""Which cells train and which test: by the paper's protocol, augmented first, and the honest one, divided first."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smearwatch.capture.arrays import Flags
from smearwatch.models.classes import CLASSES
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.paper import published
from smearwatch.train.paper.config import PaperConfig, Protocol

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pictures:
    """n pictures, each a numbered copy of a numbered cell: int64 [n] each, and the cells' classes."""

    cells: Indices
    copies: Indices
    classes: Indices

    def __len__(self) -> int:
        return len(self.cells)

    def at(self, rows: NDArray[np.generic]) -> "Pictures":
        """Pick some of them."""
        return Pictures(self.cells[rows], self.copies[rows], self.classes[rows])


@dataclass(frozen=True, slots=True)
class TwoClass:
    """Data of the six two-class networks: pictures, and bool [n, 6] whose training and whose test each belongs to."""

    pictures: Pictures
    trains: Flags
    tests: Flags


@dataclass(frozen=True, slots=True)
class Plan:
    """One protocol's data.

    Attributes
    ----------
    train, test
        Augmented pictures. Under "honest" no cell, and no near-duplicate of it, is in both.
    test_cells
        The test's cells, each once and as photographed; empty under "paper", whose test has no cells of its own.
    two_class
        For the verifiers.
    shared_cells
        How many of the test's pictures are of a cell that is also trained on.
    """

    name: Protocol
    train: Pictures
    test: Pictures
    test_cells: Pictures
    two_class: TwoClass
    shared_cells: int


def plan(name: Protocol, cells: Sequence[Sample], config: PaperConfig) -> Plan:
    """Decide which picture is used for what; the same for the same cells and seed.

    Both protocols train on equally many pictures of each class, on average, and equally many in all.

    Raises
    ------
    DataUnusable
        Where a class cannot be divided, because its groups hang together.
    """
    classes = np.array([int(np.argmax(sample.target.shares)) for sample in cells], dtype=np.int64)
    generator = np.random.default_rng((config.seed, 80))
    groups = [published.scaled(count, config.per_class) for count in published.AUGMENTED]
    everywhere = np.ones(len(cells), dtype=bool)
    if name == "paper":
        every = augmented(classes, everywhere, groups)
        order = generator.permutation(len(every))
        cut = sum(round(published.TRAIN_SHARE * count) for count in groups)
        train, test = every.at(order[:cut]), every.at(order[cut:])
        nothing = np.zeros(0, dtype=np.int64)
        two_class = _two_class_paper(classes, config, generator)
        shared = int(np.isin(test.cells, train.cells).sum())
        return Plan(name, train, test, every.at(nothing), two_class, shared)
    tested = test_side(cells, classes, config.seed)
    kept = [round(published.TRAIN_SHARE * count) for count in groups]
    train = augmented(classes, ~tested, kept)
    test = augmented(classes, tested, [count - part for count, part in zip(groups, kept, strict=True)])
    once = np.flatnonzero(tested)
    test_cells = Pictures(once, np.zeros_like(once), classes[once])
    shared = int(np.isin(test.cells, train.cells).sum())
    return Plan(name, train, test, test_cells, _two_class_honest(classes, tested, config, generator), shared)


def augmented(classes: Indices, usable: Flags, counts: Sequence[int]) -> Pictures:
    """Take so many pictures of each class: first each usable cell itself, then a copy of each, and so on."""
    cells, copies = [], []
    for class_index, count in enumerate(counts):
        own = np.flatnonzero(usable & (classes == class_index))
        turns = np.arange(count, dtype=np.int64)
        cells.append(own[turns % len(own)])
        copies.append(turns // len(own))
    chosen = np.concatenate(cells)
    return Pictures(chosen, np.concatenate(copies), classes[chosen])


def test_side(cells: Sequence[Sample], classes: Indices, seed: int) -> Flags:
    """Flag the test's cells: a fifth of each class, whole groups, in the order of the groups' hashes.

    Raises
    ------
    DataUnusable
        Where a class cannot be divided, because its groups hang together.
    """
    side: dict[str, bool] = {}
    for class_index in range(len(CLASSES)):
        own = [cells[int(row)].group for row in np.flatnonzero(classes == class_index)]
        wanted = max(1, round((1 - published.TRAIN_SHARE) * len(own)))
        taken = sum(side.get(group, False) for group in own)
        for group in sorted(set(own), key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest()):
            if group not in side:
                side[group] = taken < wanted
                taken += own.count(group) * side[group]
    tested = np.array([side[sample.group] for sample in cells], dtype=bool)
    for class_index, name in enumerate(CLASSES):
        if len(set(tested[classes == class_index].tolist())) < 2:
            matter = f"the cells of class {name} all stand on one side, for they nearly equal each other or others"
            raise DataUnusable(Path(name), matter, "give more, and more different, pictures of this class")
    return tested


def _two_class_paper(classes: Indices, config: PaperConfig, generator: np.random.Generator) -> TwoClass:
    """Choose each network's own pictures, its class and the mix, then a random fifth of them for its test."""
    sizes = [published.scaled(count, config.per_class) for count in published.SPECIFIC]
    pictures = augmented(classes, np.ones(len(classes), dtype=bool), sizes)
    trains = np.zeros((len(pictures), len(CLASSES)), dtype=bool)
    tests = np.zeros_like(trains)
    for class_index in range(len(CLASSES)):
        rows = _own_and_mixed(pictures, np.ones(len(pictures), dtype=bool), class_index, config, generator, 1.0)
        rows = generator.permutation(rows)
        cut = round(published.TRAIN_SHARE * len(rows))
        trains[rows[:cut], class_index] = True
        tests[rows[cut:], class_index] = True
    return TwoClass(pictures, trains, tests)


def _two_class_honest(classes: Indices, tested: Flags, config: PaperConfig, generator: np.random.Generator) -> TwoClass:
    """Take the same sizes, but from the sides that the six-class network has, fixed before any copy is made."""
    sizes = [published.scaled(count, config.per_class) for count in published.SPECIFIC]
    kept = [round(published.TRAIN_SHARE * count) for count in sizes]
    left = [count - part for count, part in zip(sizes, kept, strict=True)]
    one, two = augmented(classes, ~tested, kept), augmented(classes, tested, left)
    chosen = np.concatenate([one.cells, two.cells])
    pictures = Pictures(chosen, np.concatenate([one.copies, two.copies]), classes[chosen])
    first = np.arange(len(pictures)) < len(one)
    trains = np.zeros((len(pictures), len(CLASSES)), dtype=bool)
    tests = np.zeros_like(trains)
    for class_index in range(len(CLASSES)):
        share = published.TRAIN_SHARE
        trains[_own_and_mixed(pictures, first, class_index, config, generator, share), class_index] = True
        tests[_own_and_mixed(pictures, ~first, class_index, config, generator, 1 - share), class_index] = True
    return TwoClass(pictures, trains, tests)


def _own_and_mixed(
    pictures: Pictures,
    usable: Flags,
    class_index: int,
    config: PaperConfig,
    generator: np.random.Generator,
    share: float,
) -> Indices:
    """Choose all usable pictures of a class, and a mix of the other five, of each about as many."""
    rows = [np.flatnonzero(usable & (pictures.classes == class_index))]
    others = [other for other in range(len(CLASSES)) if other != class_index]
    mixed = round(published.scaled(published.MIXED[class_index], config.per_class) * share)
    for number, other in enumerate(others):
        own = np.flatnonzero(usable & (pictures.classes == other))
        wanted = (mixed + number) // len(others)
        rows.append(generator.permutation(own)[:wanted])
    return np.concatenate(rows)
