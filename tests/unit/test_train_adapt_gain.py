"""When adapted weights are written: where a gain is probable; and when it is called shown."""

import pytest

from smearwatch.train.adapting.scores import is_gain, is_sure
from smearwatch.train.statistics import Paired


@pytest.mark.parametrize(
    ("gained", "lost", "probable", "sure"),
    [
        (3, 0, False, False),  # one-sided p 0.125
        (4, 0, True, False),
        (6, 0, True, True),
        (6, 2, False, False),
        (8, 2, True, False),
        (0, 9, False, False),  # as certain, and a loss
        (5, 5, False, False),
    ],
)
def test_a_gain_is_probable_before_it_is_shown(gained: int, lost: int, probable: bool, sure: bool):
    change = Paired(50, 20, gained, lost)
    assert (is_gain(change), is_sure(change)) == (probable, sure)
