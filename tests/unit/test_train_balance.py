"""An epoch that is drawn by laboratory and class: what weighs how much, and that nothing is left to chance."""

from collections import Counter

import numpy as np
import pytest

from smearwatch.train.data.samples import LEUKOCYTE, REJECT, Sample, exact
from smearwatch.train.training.balance import balanced_order, pair_of
from smearwatch.train.training.config import TrainConfig
from smearwatch.train.training.schedule import epoch_batches


def some(source: str, label: str, count: int) -> list[Sample]:
    def no_picture():
        raise AssertionError("nothing is drawn here")

    kinds = {"platelet": REJECT, "smudge": REJECT, "leukocyte": LEUKOCYTE}
    target = kinds.get(label, exact(4))
    return [Sample(f"{source}/{label}/{n}", source, label, target, "", None, no_picture, "") for n in range(count)]


CELLS = [
    *some("pbc", "monocyte", 400),
    *some("pbc", "lymphocyte", 100),
    *some("raabin", "monocyte", 25),
    *some("pbc", "platelet", 30),
    *some("pbc", "smudge", 70),
    *some("bccd", "leukocyte", 25),
]


def drawn(config: TrainConfig, epoch: int) -> list[int]:
    return [int(index) for index in balanced_order(config, CELLS, epoch)]


def pairs(indices: list[int]) -> Counter[tuple[str, str]]:
    return Counter(pair_of(CELLS[index]) for index in indices)


@pytest.mark.parametrize(
    ("evenness", "monocytes", "raabin"),
    [(1.0, 60.0, 60.0), (0.0, 300 * 400 / 650, 300 * 25 / 650), (0.5, 300 * 20 / 50, 300 * 5 / 50)],
)
def test_pairs_weigh_as_asked(evenness: float, monocytes: float, raabin: float):
    config = TrainConfig(balance="laboratory_class", balance_evenness=evenness, epoch_cells=300)
    epochs = [pairs(drawn(config, epoch)) for epoch in range(30)]
    assert all(epoch.total() == 300 for epoch in epochs)
    assert set(epochs[0]) == {
        ("pbc", "monocyte"),
        ("pbc", "lymphocyte"),
        ("raabin", "monocyte"),
        ("pbc", "reject"),
        ("bccd", "leukocyte"),
    }
    for pair, wanted in ((("pbc", "monocyte"), monocytes), (("raabin", "monocyte"), raabin)):
        assert np.mean([epoch[pair] for epoch in epochs]) == pytest.approx(wanted, abs=0.4)
        assert all(abs(epoch[pair] - wanted) <= 1 for epoch in epochs)


def test_no_cell_is_drawn_again_before_all_others_of_its_pair():
    config = TrainConfig(balance="laboratory_class", epoch_cells=300)
    seen = [index for epoch in range(12) for index in drawn(config, epoch)]
    for pair in pairs(seen):
        times = Counter(index for index in seen if pair_of(CELLS[index]) == pair)
        own = [index for index, sample in enumerate(CELLS) if pair_of(sample) == pair]
        counts = [times[index] for index in own]
        assert max(counts) - min(counts) <= 1, pair


def test_the_same_seed_and_epoch_give_the_same_cells_whatever_came_before():
    config = TrainConfig(balance="laboratory_class", epoch_cells=300)
    fifth = drawn(config, 5)
    assert [drawn(config, epoch) for epoch in (0, 5)][1] == fifth
    assert drawn(config, 6) != fifth
    assert drawn(config.model_copy(update={"seed": 2}), 5) != fifth


def test_an_epoch_is_as_long_as_asked_or_as_the_cells_are_many():
    config = TrainConfig(balance="laboratory_class", epoch_cells=160, batch=32)
    assert [len(batch) for batch in epoch_batches(config, CELLS, 3)] == [32] * 5
    whole = TrainConfig(balance="laboratory_class", batch=50)
    assert sum(len(batch) for batch in epoch_batches(whole, CELLS, 0)) == 650
    assert drawn(whole, 0) == np.concatenate(epoch_batches(whole, CELLS, 0)).tolist()
