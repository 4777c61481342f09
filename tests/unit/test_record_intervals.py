import math
from typing import NamedTuple

import pytest

from smearwatch.daemon.record.intervals import clopper_pearson


class Row(NamedTuple):
    percent: int
    limits: dict[int, tuple[int, int]]


# Exact 95 % limits as laboratories print them: lower rounded down, upper rounded up, in whole percent.
TABLE = [
    Row(0, {100: (0, 4), 200: (0, 2), 500: (0, 1), 1000: (0, 1)}),
    Row(1, {100: (0, 6), 200: (0, 4), 500: (0, 3), 1000: (0, 2)}),
    Row(5, {100: (1, 12), 200: (2, 10), 500: (3, 8), 1000: (3, 7)}),
    Row(10, {100: (4, 18), 200: (6, 16), 500: (7, 13), 1000: (8, 13)}),
    Row(20, {100: (12, 30), 200: (14, 27), 500: (16, 24), 1000: (17, 23)}),
    Row(50, {100: (39, 61), 200: (42, 58), 500: (45, 55), 1000: (46, 54)}),
    Row(70, {100: (60, 79), 200: (63, 77), 500: (65, 74), 1000: (67, 73)}),
    Row(100, {100: (96, 100), 200: (98, 100), 500: (99, 100), 1000: (99, 100)}),
]


@pytest.mark.parametrize(("row", "n"), [(row, n) for row in TABLE for n in row.limits])
def test_the_printed_table(row, n):
    low, high = clopper_pearson(row.percent * n // 100, n)
    assert (math.floor(100 * low), math.ceil(100 * high)) == row.limits[n]


@pytest.mark.parametrize(
    ("k", "n", "low", "high"), [(5, 100, 1.643, 11.283), (10, 200, 2.423, 9.003), (50, 100, 39.832, 60.168)]
)
def test_exact_figures(k, n, low, high):
    limits = clopper_pearson(k, n)
    assert tuple(round(100 * limit, 3) for limit in limits) == (low, high)


@pytest.mark.parametrize("n", [1, 7, 100, 10_000])
def test_nothing_and_everything_are_exact(n):
    assert clopper_pearson(0, n)[0] == 0.0
    assert clopper_pearson(n, n)[1] == 1.0
    assert clopper_pearson(0, n)[1] == pytest.approx(1 - 0.025 ** (1 / n))


def test_without_cells_nothing_is_known():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n", "level"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 0.0), (1, 5, 1.0)])
def test_what_is_no_share_is_refused(k, n, level):
    with pytest.raises(ValueError, match=r"no share|confidence level"):
        clopper_pearson(k, n, level)


@pytest.mark.parametrize("k", range(0, 101, 10))
def test_mirrored_counts_have_mirrored_limits(k):
    low, high = clopper_pearson(k, 100)
    assert clopper_pearson(100 - k, 100) == pytest.approx((1 - high, 1 - low))
