"""What the benchmarks rest on: ways in turn, the first round left out, ratios round by round."""

import pytest

from tests.bench.turns import Aim, Taken, alone, compared, in_turn, paired, percentile_95, quartiles


def test_ways_are_done_in_turn_and_the_first_round_is_left_out():
    done = []
    taken = in_turn({"one": lambda: done.append("one"), "other": lambda: done.append("other")}, 2)
    assert done == ["one", "other"] * 3
    assert {name: len(each) for name, each in taken.items()} == {"one": 2, "other": 2}


def test_a_ratio_is_that_of_the_rounds_not_of_the_medians():
    ours = [Taken(1.0, 0.5), Taken(8.0, 2.0), Taken(9.0, 3.0)]
    theirs = [Taken(1.0, 0.5), Taken(2.0, 1.0), Taken(9.0, 1.0)]
    figure = compared("this", "that", ours, theirs, each=4)
    assert figure.ratio == (1.0, 1.0, 2.5)
    assert figure.cpu_ratio == (1.5, 2.0, 2.5)
    assert figure.ours[1] == 2000.0


def test_time_of_the_processor_that_was_too_little_to_measure_gives_no_ratio():
    assert compared("this", "that", [Taken(1.0, 0.1)], [Taken(1.0, 0.0)]).cpu_ratio is None


@pytest.mark.parametrize(
    ("aim", "reached"),
    [(Aim("at most", 2.0), True), (Aim("at most", 1.9), False), (Aim("at least", 2.0), True), (None, None)],
)
def test_an_aim_is_held_against_the_median_of_the_ratio(aim, reached):
    assert paired("this", "ms", "that", [4.0, 4.0, 9.0], [2.0, 2.0, 1.0], aim=aim).json()["reached"] is reached


def test_an_aim_of_what_stands_alone_is_held_against_itself():
    assert alone("this", "a second", [7.0, 8.0, 9.0], aim=Aim("at least", 8.0, of="ours")).json()["reached"]
    assert not alone("this", "a second", [7.0, 7.5, 9.0], aim=Aim("at least", 8.0, of="ours")).json()["reached"]


def test_quartiles_and_the_95th_percentile():
    assert quartiles([3.0]) == (3.0, 3.0, 3.0)
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 3.0, 4.0)
    assert percentile_95([float(each) for each in range(101)]) == 95.0


def test_an_aim_is_held_against_the_number_that_is_written():
    row = paired("this", "ms", "that", [1.00001], [1.0], aim=Aim("at most", 1.0)).json()
    assert (row["ratio"][1], row["reached"]) == (1.0, True)
