"""Closed outlines: through gaps, past horns, and closed wherever the line begins."""

import itertools

import numpy as np
import pytest

from smearwatch.capture.vision.cytoplasm import find_closed_outlines

ANGLES, RADII = 16, 20


def worth(radius_at, gain=1.0):
    """What an outline is worth where everything within `radius_at(angle)` gains, everything beyond it costs."""
    inside = np.array([[radius <= radius_at(angle) for radius in range(RADII)] for angle in range(ANGLES)])
    return np.cumsum(np.where(inside, gain, -gain), axis=1).astype(np.float32)[None]


def test_a_circle_is_found():
    assert (find_closed_outlines(worth(lambda _: 9), most_step=2, step_cost=0.1) == 9).all()


def test_a_horn_of_a_single_angle_is_not_followed():
    (line,) = find_closed_outlines(worth(lambda angle: 18 if angle == 5 else 8), most_step=2, step_cost=3.0)
    assert line.max() <= 9


def test_a_gap_of_a_single_angle_is_bridged():
    (line,) = find_closed_outlines(worth(lambda angle: 1 if angle == 12 else 10), most_step=2, step_cost=6.0)
    assert line.min() >= 9


@pytest.mark.parametrize("turn", range(ANGLES))
def test_where_the_line_begins_does_not_matter(turn):
    given = worth(lambda angle: round(9 + 3 * np.cos(2 * np.pi * angle / ANGLES)))
    (straight,) = find_closed_outlines(given, most_step=2, step_cost=0.2)
    (turned,) = find_closed_outlines(np.roll(given, turn, axis=1), most_step=2, step_cost=0.2)
    assert np.array_equal(np.roll(straight, turn), turned)
    steps = np.abs(np.diff(np.append(straight, straight[0])))
    assert steps.max() <= 2


def test_the_best_of_all_lines_is_found():
    rng = np.random.default_rng(5)
    given = rng.normal(size=(1, 6, 4)).astype(np.float32)

    def value(line):
        steps = [abs(line[a] - line[a - 1]) for a in range(6)]
        return -np.inf if max(steps) > 1 else sum(given[0, a, r] for a, r in enumerate(line)) - 0.3 * sum(steps)

    best = max(itertools.product(range(4), repeat=6), key=value)
    (line,) = find_closed_outlines(given, most_step=1, step_cost=0.3)
    assert value(line) >= value(best) - 0.5  # a turn and a half closes all but always at the best place


def test_many_lines_at_once_are_those_of_each_alone():
    given = np.random.default_rng(2).normal(size=(5, ANGLES, RADII)).astype(np.float32)
    together = find_closed_outlines(given, most_step=2, step_cost=0.4)
    alone = [find_closed_outlines(given[n : n + 1], most_step=2, step_cost=0.4)[0] for n in range(5)]
    assert np.array_equal(together, np.stack(alone))
