"""Turns, shifts and sizes in the plane."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.registration.similarity import Similarity, fit_similarity

SOME = Similarity.of(scale=1.04, angle_deg=7.0, shift=12 - 5j)


def test_it_is_undone_by_its_inverse_and_chained_in_order():
    other = Similarity.about(3 + 4j, 10 + 1j, angle_deg=-20.0)
    assert other.at(3 + 4j) == pytest.approx(10 + 1j)
    assert SOME.inverse().at(SOME.at(2 + 9j)) == pytest.approx(2 + 9j)
    assert SOME.after(other).at(1j) == pytest.approx(SOME.at(other.at(1j)))
    assert SOME.scale == pytest.approx(1.04)
    assert SOME.angle_deg == pytest.approx(7.0)


def test_pictures_are_laid_onto_each_other_by_the_middles_of_their_pixels():
    """A bright square comes to lie where the map says, between pictures of different scales."""
    drawn = np.zeros((200, 200), np.uint8)
    drawn[90:100, 40:50] = 255  # its middle is at pixel 45, 95: 22.5 and 47.5 um
    onto = Similarity.of(scale=1.0, angle_deg=5.0, shift=8 - 6j)
    laid = cv2.warpAffine(drawn, onto.pixel_matrix(0.5, 0.25), (400, 400))
    y, x = np.nonzero(laid > 127)
    middle_um = complex(float(x.mean()) + 0.5, float(y.mean()) + 0.5) * 0.25
    assert abs(middle_um - onto.at(22.5 + 47.5j)) < 0.06


def test_it_is_fitted_through_points_of_which_a_third_lie():
    rng = np.random.default_rng(3)
    points = rng.uniform(0, 100, (60, 2))
    onto = SOME.of_all(points) + rng.normal(0, 0.1, points.shape)
    onto[:20] = rng.uniform(0, 100, (20, 2))
    found = fit_similarity(points, onto, within_um=0.6)
    assert found is not None
    assert abs(found.at(50 + 50j) - SOME.at(50 + 50j)) < 0.2
    assert found.scale == pytest.approx(1.04, abs=0.005)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_points_fit_nothing(count):
    points = np.ones((count, 2))
    assert fit_similarity(points, points, within_um=1.0) is None
