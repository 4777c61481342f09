"""Circles are kept and their edges judged as the plain way of saying it would, only quicker."""

import numpy as np
import pytest

from smearwatch.capture.scale.circles import _medians, keep_largest


def test_medians_are_those_of_each_row():
    rng = np.random.default_rng(5)
    values, used = rng.random((60, 32)), rng.random((60, 32)) < rng.random((60, 1))
    used[7] = False
    used[8] = True
    plainly = [np.median(row[hit]) if hit.any() else 0.0 for row, hit in zip(values, used, strict=True)]
    assert _medians(values, used).tolist() == plainly


@pytest.mark.parametrize("count", [0, 1, 300])
def test_a_circle_in_a_larger_ones_middle_is_left_out(count):
    rng = np.random.default_rng(count)
    circles = np.stack([rng.random(count) * 200, rng.random(count) * 200, rng.integers(3, 20, count)], axis=1)
    plainly: list[np.ndarray] = []
    for circle in circles[np.argsort(-circles[:, 2], kind="stable")]:
        near = [other for other in plainly if np.hypot(*(other - circle)[:2]) < 0.6 * other[2]]
        plainly += [] if near else [circle]
    assert np.array_equal(keep_largest(circles), np.array(plainly).reshape(-1, 3))
    assert count < 2 or len(plainly) < count
