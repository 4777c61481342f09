"""Intervals and paired tests against published examples, brute force and their own inverse."""

import json
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from smearwatch.train.statistics import (
    Difference,
    NetGain,
    Paired,
    Share,
    cells_needed,
    independent_difference,
    mcnemar,
    share_text,
    tango,
)

Z = 1.959964
MARGIN = 0.01


def bools(text: str) -> NDArray[np.bool_]:
    return np.array([letter == "1" for letter in text], dtype=np.bool_)


def test_a_share_has_exact_limits_and_survives_nothing():
    share = Share(5, 100)
    assert share.to_json() == {"hits": 5, "n": 100, "value": 0.05, "low": 0.01643, "high": 0.11283}
    assert share.text() == share_text(share.to_json()) == "0.0500 (0.016 to 0.113; 5/100)"
    assert Share.of(bools("110")) == Share(2, 3) != Share(1, 3)
    assert Share(0, 0).to_json() == {"hits": 0, "n": 0, "value": None, "low": 0.0, "high": 1.0}
    assert Share(0, 0).text() == "none"


@pytest.mark.parametrize(("hits", "n"), [(1, 0), (3, 2), (-1, 2)])
def test_what_is_no_share_is_refused(hits: int, n: int):
    with pytest.raises(ValueError, match="no share"):
        Share(hits, n)


@pytest.mark.parametrize("count", [1, 20, 380, 381, 5000])
def test_without_a_change_the_interval_is_as_wide_as_the_cells_are_few(count: int):
    low, high = tango(0, 0, count)
    assert (low, high) == pytest.approx((-(Z**2) / (count + Z**2), Z**2 / (count + Z**2)), abs=1e-5)
    assert (low > -MARGIN) == (count >= 381)


@pytest.mark.parametrize(("gained", "lost", "count"), [(10, 5, 100), (0, 7, 60), (12, 2, 50), (1, 0, 14), (30, 30, 90)])
def test_the_limits_are_where_the_score_test_just_rejects(gained: int, lost: int, count: int):
    """The share of the lost under each limit is looked for by brute force, not by the formula."""
    for limit in tango(gained, lost, count):
        unlikely = minimize_scalar(
            lambda q, d=limit: -_likelihood(gained, lost, count, q, d),
            bounds=(max(0.0, -limit) + 1e-12, (1 - limit) / 2 - 1e-12),
            method="bounded",
            options={"xatol": 1e-12},
        )
        variance = (2 * unlikely.x + limit * (1 - limit)) / count
        z = ((gained - lost) / count - limit) / math.sqrt(variance)
        assert abs(z) == pytest.approx(Z, abs=2e-3)


def _likelihood(gained: int, lost: int, count: int, q: float, difference: float) -> float:
    rest = max(1 - 2 * q - difference, 1e-300)
    more = gained * math.log(max(q + difference, 1e-300)) + lost * math.log(max(q, 1e-300))
    return more + (count - gained - lost) * math.log(rest)


@pytest.mark.parametrize(("gained", "lost", "count"), [(4, 1, 30), (0, 9, 9), (3, 3, 6)])
def test_the_limits_mirror_when_before_and_after_change_places(gained: int, lost: int, count: int):
    low, high = tango(gained, lost, count)
    assert tango(lost, gained, count) == pytest.approx((-high, -low), abs=1e-4)
    assert -1 <= low <= (gained - lost) / count <= high <= 1


@pytest.mark.parametrize(("gained", "lost", "count"), [(1, 0, 0), (-1, 0, 5), (3, 3, 5)])
def test_counts_that_cannot_be(gained: int, lost: int, count: int):
    with pytest.raises(ValueError, match="no part of"):
        tango(gained, lost, count)


@pytest.mark.parametrize(
    ("gained", "lost", "p"), [(0, 0, 1), (5, 5, 1), (0, 6, 2 / 64), (0, 5, 2 / 32), (8, 1, 20 / 512)]
)
def test_the_exact_test(gained: int, lost: int, p: float):
    assert mcnemar(gained, lost) == pytest.approx(p)


@pytest.mark.parametrize(
    ("gained", "lost", "count", "needed"), [(0, 0, 100, 381), (1, 3, 100, None), (0, 0, 0, None), (0, 1, 101, None)]
)
def test_how_many_cells_would_settle_it(gained: int, lost: int, count: int, needed: int | None):
    found = cells_needed(gained, lost, count, MARGIN)
    if needed is not None or found is None:
        assert found == needed
    else:
        assert found > 10_000  # a difference that hardly lies above the margin takes very many


def test_cells_needed_are_enough_and_no_more_than_that():
    needed = cells_needed(2, 2, 100, MARGIN)
    assert needed is not None
    changed = round(2 * needed / 100)
    assert tango(changed, changed, needed)[0] > -MARGIN
    assert tango(2, 2, 100)[0] <= -MARGIN


def test_a_pair_counts_and_is_read_back():
    pair = Paired.of(bools("11100"), bools("10011"))
    assert (pair.n, pair.both, pair.gained, pair.lost, pair.neither) == (5, 1, 2, 2, 0)
    assert (pair.before.hits, pair.after.hits) == (3, 3)
    assert pair.difference is not None
    assert (pair.difference.value, pair.difference.low) == (0.0, -pair.difference.high)
    written = json.loads(json.dumps(pair.to_json()))
    assert list(written) == ["n", "both", "gained", "lost", "neither", "before", "after", "difference", "p_value"]
    again = Paired.from_json(written)
    assert again == pair
    assert again.to_json() == written


def test_a_pair_without_cells():
    empty = Paired.of(bools(""), bools("")).to_json()
    assert (empty["n"], empty["difference"], empty["p_value"]) == (0, {"value": None, "low": None, "high": None}, 1.0)


@pytest.mark.parametrize(("fixed", "broken", "count"), [(12, 2, 50), (2, 12, 50), (0, 0, 100), (3, 0, 3)])
def test_a_net_gain_has_the_limits_of_a_paired_difference(fixed: int, broken: int, count: int):
    was = np.arange(count) < broken
    gain = NetGain.of(was, (np.arange(count) >= broken) & (np.arange(count) < broken + fixed))
    assert (gain.fixed, gain.broken, gain.n, gain.net) == (fixed, broken, count, fixed - broken)
    assert gain.fixed_of_changed == Share(fixed, fixed + broken)
    assert gain.rate == Difference(round((fixed - broken) / count, 5), *tango(fixed, broken, count))
    written = gain.to_json()
    assert list(written) == ["fixed", "broken", "net", "n", "fixed_of_changed", "rate", "low", "high"]
    assert written["low"] <= written["rate"] <= written["high"]


def test_a_net_gain_without_cells():
    written = NetGain.of(bools(""), bools("")).to_json()
    assert (written["net"], written["rate"], written["low"], written["high"]) == (0, None, None, None)


# The first three are worked examples of Newcombe's paper (cases a, c and g of its Table II, method 10).
@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ((56, 70), (48, 80), (0.2, 0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.6, 0.1705, 0.8090)),
        ((10, 10), (0, 10), (1.0, 0.6075, 1.0)),
        ((50, 50), (50, 50), (0.0, -0.0713, 0.0713)),
    ],
)
def test_difference_of_two_shares(a: tuple[int, int], b: tuple[int, int], wanted: tuple[float, float, float]):
    found = independent_difference(Share(*a), Share(*b))
    assert (found.value, found.low, found.high) == pytest.approx(wanted, abs=6e-5)
    turned = independent_difference(Share(*b), Share(*a))
    assert (-turned.high, -turned.low) == pytest.approx(wanted[1:], abs=6e-5)


def test_a_difference_needs_cells_on_both_sides():
    with pytest.raises(ValueError, match="no share"):
        independent_difference(Share(1, 1), Share(0, 0))


def test_a_difference_is_signed_for_a_person():
    assert Difference(0.05, -0.01234, 0.1).text() == "+0.0500 (-0.0123 to +0.1000)"
    assert Difference(0.05, -0.01234, 0.1).text(2) == "+0.05 (-0.01 to +0.10)"
