"""Smooth surfaces over a grid: Chebyshev polynomials up to a total degree, fitted by weighted least squares."""

import numpy as np

from smearwatch.capture.arrays import Doubles

_PULL = 1e-3  # towards a plain level, where there is little to go by


class Surfaces:
    """All smooth surfaces over one grid.

    A polynomial's terms are products of one of x and one of y, so sums over the grid are taken along its rows first and
    along its columns then: the terms are never laid out over the whole grid.

    Parameters
    ----------
    height, width
        Size of the grid.
    degree
        Greatest total degree; 0 is a plain level.
    """

    def __init__(self, height: int, width: int, degree: int) -> None:
        self._across, self._down = (_orders(size, degree) for size in (width, height))
        terms = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
        self._i, self._j = np.array(terms).T
        self._pairs_across = _products(self._across)
        self._pairs_down = _products(self._down)

    def through(self, level: Doubles, weight: Doubles) -> Doubles:
        """Draw the surface that lies closest to a level where it has weight.

        Parameters
        ----------
        level
            float64 [height, width] or [height, width, planes]; each plane has a surface of its own.
        weight
            float64 [height, width], 0 where the level does not count; not 0 everywhere.

        Returns
        -------
        numpy.ndarray
            float64, the shape of `level`.
        """
        total = weight.sum()
        planes = level[:, :, None] if level.ndim == 2 else level
        normal = self._normal(weight)
        pull = np.eye(len(normal)) * (_PULL * total)
        pull[0, 0] = 1e-9
        drawn = np.empty_like(planes)
        for plane in range(planes.shape[2]):
            weighed = weight * planes[:, :, plane]
            centre = weighed.sum() / total
            moments = self._down.T @ (weighed - weight * centre) @ self._across
            coefficients = np.zeros_like(moments)
            coefficients[self._j, self._i] = np.linalg.solve(normal + pull, moments[self._j, self._i])
            drawn[:, :, plane] = self._down @ coefficients @ self._across.T + centre
        return drawn.reshape(level.shape)

    def _normal(self, weight: Doubles) -> Doubles:
        """Return the products of all terms with each other, summed over the grid: float64 [terms, terms]."""
        sums = self._pairs_down.T @ weight @ self._pairs_across
        orders = self._across.shape[1]
        down = self._j[:, None] * orders + self._j[None, :]
        across = self._i[:, None] * orders + self._i[None, :]
        return np.asarray(sums[down, across], dtype=np.float64)


def _orders(size: int, degree: int) -> Doubles:
    """Return the polynomials of each order along one side: float64 [size, degree + 1]."""
    return np.asarray(np.polynomial.chebyshev.chebvander(np.linspace(-1.0, 1.0, size), degree), dtype=np.float64)


def _products(values: Doubles) -> Doubles:
    """Return the products of all orders with each other along one side: float64 [size, orders * orders]."""
    return np.asarray((values[:, :, None] * values[:, None, :]).reshape(len(values), -1), dtype=np.float64)
