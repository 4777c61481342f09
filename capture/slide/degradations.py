"""Degrade fields as a hand and a long session do: movement, a focus not quite right, uneven stain."""

from dataclasses import dataclass

import numpy as np

from smearwatch.capture.slide.limits import check, check_range

_STAIN_LENGTH_UM = 1800.0


@dataclass(frozen=True, slots=True)
class Degradations:
    """How much fields are degraded; by default not at all.

    Attributes
    ----------
    moved_share
        Share of fields that were taken while the slide moved.
    moved_um
        The shortest and the longest such movement.
    focus_um
        Spread of a mild defocus that every field has besides (standard deviation of its blur), 0 to 1.
    stain_drift
        How far the stain's strength and tint differ over the slide: 0 not at all, 1 as on a badly rinsed slide.

    Raises
    ------
    SlideError
        If a value is outside its limits.
    """

    moved_share: float = 0.0
    moved_um: tuple[float, float] = (1.5, 6.0)
    focus_um: float = 0.0
    stain_drift: float = 0.0

    def __post_init__(self) -> None:
        limits = (
            ("moved_share", self.moved_share, 0, 1),
            ("focus_um", self.focus_um, 0, 1),
            ("stain_drift", self.stain_drift, 0, 1),
        )
        check("a slide", limits)
        check_range("a slide", "moved_um", self.moved_um, 0.1, 20)

    def movement_um(self, seed: int, index: int) -> tuple[float, float]:
        """Return how far (x, y) the slide moves while a field is taken; 0, 0 for most."""
        rng = np.random.default_rng([seed, index, 41])
        if rng.random() >= self.moved_share:
            return 0.0, 0.0
        length, angle = rng.uniform(*self.moved_um), rng.uniform(0.0, np.pi)
        return float(length * np.cos(angle)), float(length * np.sin(angle))

    def defocus_um(self, seed: int, index: int) -> float:
        """Return the mild blur that a field has besides."""
        return self.focus_um * abs(float(np.random.default_rng([seed, index, 42]).normal()))

    def stain_at(self, seed: int, x_um: float, y_um: float) -> tuple[float, float, float]:
        """Return what densities are multiplied by at a place, for blue, green and red light; slow waves."""
        rng = np.random.default_rng([seed, 43])
        heading, phase = rng.uniform(0.0, 2.0 * np.pi, (2, 4, 3))
        length = _STAIN_LENGTH_UM * rng.uniform(0.6, 1.8, (4, 3))
        along = (x_um * np.cos(heading) + y_um * np.sin(heading)) / length
        waves = np.sin(2.0 * np.pi * along + phase).mean(axis=0)
        # One wave for the strength of all, two for the balance of the colours.
        spread = 0.22 * waves[0] + np.array([0.25, 0.08, -0.12]) * waves[1] + np.array([-0.05, 0.05, 0.08]) * waves[2]
        blue, green, red = np.exp(self.stain_drift * spread)
        return float(blue), float(green), float(red)
