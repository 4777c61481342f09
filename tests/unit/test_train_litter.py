"""Drawn things to be rejected."""

from pathlib import Path

import numpy as np

from smearwatch.capture.slide.litter import Litter
from smearwatch.capture.slide.thing import THING_KINDS
from smearwatch.train.data.litter import draw_litter
from smearwatch.train.data.samples import REJECT
from smearwatch.train.training.config import DataConfig, TrainConfig
from smearwatch.train.training.gather import list_samples

WHITE = 235


def test_each_kind_in_turn_is_to_be_rejected_and_lies_in_the_middle():
    samples = draw_litter(5)
    assert tuple(sample.label for sample in samples) == THING_KINDS
    assert {sample.target for sample in samples} == {REJECT}
    for sample in samples[:3]:  # platelets and dye may lie lighter than a red cell beside them
        crop = sample.draw()
        assert crop.shape == (750, 750, 3)
        green = crop[..., 1].astype(int)
        assert green[325:425, 325:425].mean() < WHITE - 40
        assert green[325:425, 325:425].mean() < green.mean()


def test_the_same_thing_every_time_and_each_another():
    one, again, other = draw_litter(1)[0], draw_litter(7)[0], draw_litter(6)[5]
    assert (one.label, other.label) == ("smudge", "smudge")
    assert np.array_equal(one.draw(), again.draw())
    assert not np.array_equal(one.draw(), other.draw())
    assert len({sample.digest for sample in draw_litter(20)}) == len({s.group for s in draw_litter(20)}) == 20


def test_a_run_takes_as_many_as_it_is_told(tmp_path: Path):
    config = TrainConfig(data=DataConfig(simulated=3, litter=4))
    samples = list_samples(config, tmp_path, lambda *_: None)
    assert [sample.target == REJECT for sample in samples] == [False] * 3 + [True] * 4


def test_litter_of_one_kind():
    only = Litter.only("smudge", 40.0)
    assert [only.density_per_mm2(kind) for kind in THING_KINDS] == [40.0, 0.0, 0.0, 0.0, 0.0]
