"""The plain path over the slide, and how light and focus drift along it."""

from dataclasses import dataclass, replace

import numpy as np

from smearwatch.capture.slide.optics import Optics

_OFFSET = 1 << 31


@dataclass(frozen=True, slots=True)
class Path:
    """A meander of fields that do not overlap: a row to the right, the next one back.

    Attributes
    ----------
    field_width_um, field_height_um
        Size of a field.
    gap_um
        Left free between fields; wider than the largest cell, so that no cell is seen in two.
    fields_per_row
        Fields before the path turns.
    """

    field_width_um: float
    field_height_um: float
    gap_um: float = 26.0
    fields_per_row: int = 40

    def corner_um(self, index: int) -> tuple[float, float]:
        """Return the upper left corner (x, y in um) of a field by its number, from 0."""
        row, step = divmod(index, self.fields_per_row)
        column = step if row % 2 == 0 else self.fields_per_row - 1 - step
        return column * (self.field_width_um + self.gap_um), row * (self.field_height_um + self.gap_um)


@dataclass(frozen=True, slots=True)
class Drift:
    """Slow changes of light and focus from field to field, the same for the same seed.

    Attributes
    ----------
    seed
        The slide's seed.
    base
        The optics about which everything drifts.
    strength
        0: nothing drifts; 1: as on a hand-driven microscope.
    blurred_share
        Share of the fields that are clearly out of focus.
    """

    seed: int
    base: Optics
    strength: float = 1.0
    blurred_share: float = 0.0

    def at(self, index: int) -> tuple[Optics, bool]:
        """Return the optics of a field by its number, and whether it is one of the clearly blurred ones."""
        lamp, warm, left, up, focus = (self.strength * self._wander(index, kind, 9.0) for kind in range(5))
        own = np.random.default_rng([self.seed, index + _OFFSET, 3])
        base = self.base
        level = np.exp(0.02 * lamp + 0.015 * warm * np.array([-1.0, 0.0, 1.0]))
        background = np.clip(np.asarray(base.background_bgr) * level, 40.0, 254.0)
        blur_um = base.blur_um + 0.05 * abs(focus) + 0.03 * self.strength * abs(own.normal())
        blurred = bool(own.random() < self.blurred_share)
        if blurred:
            blur_um = own.uniform(0.9, 1.5)
        centre = (base.centre_xy[0] + 0.02 * left, base.centre_xy[1] + 0.02 * up)
        moved = replace(
            base,
            background_bgr=(float(background[0]), float(background[1]), float(background[2])),
            centre_xy=(float(centre[0]), float(centre[1])),
            blur_um=float(blur_um),
            halo=0.0 if blurred else base.halo,
        )
        return moved, blurred

    def _wander(self, index: int, kind: int, fields: float) -> float:
        """Return a slow random walk's value: normal draws every few fields, a smooth curve between them."""
        knot, share = divmod(index / fields, 1.0)
        ends = [np.random.default_rng([self.seed, int(knot) + step + _OFFSET, kind, 4]).normal() for step in (0, 1)]
        smooth = share * share * (3.0 - 2.0 * share)
        return float(ends[0] * (1.0 - smooth) + ends[1] * smooth)
