"""Smooth surfaces: what they can follow they follow, by what has weight alone."""

import numpy as np
import pytest

from smearwatch.capture.vision.surface import Surfaces

HEIGHT, WIDTH = 60, 90


def _bent(degree, seed=2):
    """A level that a surface of that degree follows exactly."""
    x, y = np.meshgrid(np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT))
    rng = np.random.default_rng(seed)
    return sum(rng.normal() * x**i * y**j for i in range(degree + 1) for j in range(degree + 1 - i))


@pytest.mark.parametrize("degree", [0, 1, 2, 4])
def test_a_surface_of_its_degree_is_followed_closely(degree):
    level = _bent(degree)
    drawn = Surfaces(HEIGHT, WIDTH, degree).through(level, np.ones_like(level))
    # A slight pull towards a plain level remains.
    assert np.abs(drawn - level).max() < 0.02 * max(np.ptp(level), 1e-9) + 1e-9


def test_it_is_the_least_squares_solution():
    degree = 3
    rng = np.random.default_rng(7)
    level, weight = rng.normal(size=(HEIGHT, WIDTH)), rng.random((HEIGHT, WIDTH)) ** 2
    x, y = (np.polynomial.chebyshev.chebvander(np.linspace(-1, 1, n), degree) for n in (WIDTH, HEIGHT))
    terms = [y[:, j, None] * x[None, :, i] for i in range(degree + 1) for j in range(degree + 1 - i)]
    design = np.stack(terms, axis=-1).reshape(-1, len(terms))
    w, centre = weight.ravel(), np.average(level, weights=weight)
    pull = np.diag([0.0] + [1e-3 * w.sum()] * (len(terms) - 1))
    solved = np.linalg.solve(design.T @ (design * w[:, None]) + pull, design.T @ (w * (level.ravel() - centre)))
    expected = (design @ solved).reshape(level.shape) + centre
    assert np.allclose(Surfaces(HEIGHT, WIDTH, degree).through(level, weight), expected, atol=1e-9)


def test_what_has_no_weight_has_no_say():
    level = _bent(2)
    spoilt, weight = level.copy(), np.ones_like(level)
    spoilt[10:30, 20:50], weight[10:30, 20:50] = 50.0, 0.0
    surfaces = Surfaces(HEIGHT, WIDTH, 2)
    assert np.allclose(surfaces.through(spoilt, weight), surfaces.through(level, weight), atol=1e-9)


def test_planes_are_fitted_one_by_one():
    planes = np.stack([_bent(2, seed) for seed in (1, 2, 3)], axis=-1)
    weight = np.random.default_rng(1).random((HEIGHT, WIDTH))
    surfaces = Surfaces(HEIGHT, WIDTH, 2)
    together = surfaces.through(planes, weight)
    for plane in range(3):
        assert np.allclose(together[:, :, plane], surfaces.through(planes[:, :, plane], weight), atol=1e-12)


def test_a_grid_of_one_place_is_survived():
    assert Surfaces(1, 1, 2).through(np.array([[3.0]]), np.ones((1, 1)))[0, 0] == pytest.approx(3.0)
