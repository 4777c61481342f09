"""A route over the slide as a hand takes it: uneven rows, overlaps, mistakes, and fields seen again."""

from dataclasses import dataclass

import numpy as np

from smearwatch.capture.arrays import Points
from smearwatch.capture.slide.limits import check
from smearwatch.capture.slide.view import View

_ROW_FIELDS, _ROW_SPREAD, _SHORTEST_ROW = 18.0, 6.0, 3
_SLOPE_SPREAD_RAD, _SLOPE_MEMORY = 0.03, 0.85
_MISTAKES = 0.06  # of the steps go back, or up or down too early
_DRIFT_STEP, _DRIFT_PULL = 0.07, 0.012  # of the limit, a field; makes a spread of about 0.45 of the limit
_NEAREST_REVISIT = 3  # fields ago
_STAYS = 0.4  # chance that the hand stays a step longer where it came back to
_REVISIT_OFFSET, _FARTHEST_OFFSET = 0.12, 0.35  # of the field's sides


@dataclass(frozen=True, slots=True)
class Freehand:
    """How a hand moves the slide.

    Attributes
    ----------
    overlap
        Largest share of a field's area that a step leaves in view, 0 to 0.9; each step's share is drawn evenly from
        0 to this one (as if the two fields were turned alike, which they nearly are).
    angle_deg
        How far fields are turned at most, 0 to 45; the angle drifts slowly.
    scale_drift
        How far the scale drifts from the nominal one at most, 0 to 0.2.
    revisits
        Share of fields that show a place photographed earlier again, 3 to many hundred fields ago, with another angle,
        scale and offset; 0 to 0.5.

    Raises
    ------
    SlideError
        If a value is outside its limits.
    """

    overlap: float = 0.6
    angle_deg: float = 10.0
    scale_drift: float = 0.05
    revisits: float = 0.08

    def __post_init__(self) -> None:
        limits = (
            ("overlap", self.overlap, 0, 0.9),
            ("angle", self.angle_deg, 0, 45),
            ("scale drift", self.scale_drift, 0, 0.2),
            ("revisits", self.revisits, 0, 0.5),
        )
        check("a freehand route", limits)


class FreehandRoute:
    """The views of a hand's route, in the order in which they are photographed.

    Parameters
    ----------
    seed
        Seed of the slide; each field draws from it and its own number, so that the route is always the same.
    hand
        How the hand moves.
    width_um, height_um
        Size of a field at the nominal scale.
    """

    def __init__(self, seed: int, hand: Freehand, width_um: float, height_um: float) -> None:
        self._seed, self._hand = seed, hand
        self._size_um = np.array([width_um, height_um])
        self._views: list[View] = []
        self._at = self._front = 0  # the field to go on from, and the last one of the route itself
        self._stays = 0
        self._to_right = True
        self._slope_rad = 0.0
        self._left_in_row = int(_ROW_FIELDS)

    def view(self, index: int) -> View:
        """Return a field's view by its number, from 0; the route to it is made once and kept."""
        while len(self._views) <= index:
            self._views.append(self._next(len(self._views)))
        return self._views[index]

    def _next(self, index: int) -> View:
        rng = np.random.default_rng([self._seed, index, 31])
        if index == 0:
            angle, scale = rng.uniform(-1.0, 1.0, 2)
            return self._view(np.zeros(2), angle * self._hand.angle_deg, 1.0 + scale * self._hand.scale_drift)
        if index > _NEAREST_REVISIT and rng.random() < self._hand.revisits:
            return self._come_back(rng, index)
        if self._stays > 0:
            self._stays -= 1
            heading = rng.uniform(0.0, 2.0 * np.pi)
        else:
            self._at, heading = self._front, self._heading(rng)
            self._front = index
        view = self._step(rng, heading)
        self._at = index
        return view

    def _come_back(self, rng: np.random.Generator, index: int) -> View:
        """Come back to an earlier field's place: mostly a recent one, at times one of long ago."""
        ago = round(float(np.exp(rng.uniform(np.log(_NEAREST_REVISIT), np.log(index)))))
        target = self._views[index - ago]
        off = np.clip(rng.normal(0.0, _REVISIT_OFFSET, 2), -_FARTHEST_OFFSET, _FARTHEST_OFFSET) * self._size_um
        angle, scale = rng.uniform(-1.0, 1.0, 2)
        self._stays = int(rng.random() < _STAYS)
        self._at = index
        middle = np.array([target.x_um, target.y_um]) + off
        angle_deg, true_scale = angle * self._hand.angle_deg, 1.0 + scale * self._hand.scale_drift
        return self._view(middle, angle_deg, true_scale, revisit_of=index - ago)

    def _heading(self, rng: np.random.Generator) -> float:
        """Return the next step's direction on the slide, in rad: along the row, to the next row, or a mistake."""
        along = 0.0 if self._to_right else np.pi
        self._slope_rad = _SLOPE_MEMORY * self._slope_rad + float(rng.normal(0.0, _SLOPE_SPREAD_RAD))
        if rng.random() < _MISTAKES:
            return float(along + rng.choice([0.5, 1.0, 1.5]) * np.pi + self._slope_rad)
        if self._left_in_row == 0:
            self._to_right = not self._to_right
            self._left_in_row = max(round(rng.normal(_ROW_FIELDS, _ROW_SPREAD)), _SHORTEST_ROW)
            return 0.5 * np.pi + self._slope_rad
        self._left_in_row -= 1
        return along + self._slope_rad

    def _step(self, rng: np.random.Generator, heading_rad: float) -> View:
        """Go one step on from the field at which the hand is."""
        last, hand = self._views[self._at], self._hand
        kept = rng.uniform(0.0, hand.overlap)
        turned = heading_rad - np.radians(last.angle_deg)
        across = np.abs([np.cos(turned), np.sin(turned)]) / (self._size_um * last.scale)
        length_um = _step_um(across, kept)
        middle = np.array([last.x_um, last.y_um]) + length_um * np.array([np.cos(heading_rad), np.sin(heading_rad)])
        angle = _let_drift(rng, last.angle_deg, hand.angle_deg)
        scale = 1.0 + _let_drift(rng, last.scale - 1.0, hand.scale_drift)
        return self._view(middle, angle, scale, follows=self._at)

    def _view(
        self,
        middle_um: Points,
        angle_deg: float,
        scale: float,
        *,
        follows: int | None = None,
        revisit_of: int | None = None,
    ) -> View:
        x_um, y_um = (float(v) for v in middle_um)
        return View(x_um, y_um, float(angle_deg), float(scale), follows, revisit_of)


def _step_um(share_per_um: Points, kept: float) -> float:
    """Return the length of a step after which a share of the area is kept in view.

    A step of length t along a direction that goes by (a, b) fields a um leaves (1 - a t)(1 - b t) in view.
    """
    a, b = share_per_um
    if a * b < 1e-12 * (a + b) ** 2:
        return float((1.0 - kept) / (a + b))
    return float((a + b - np.sqrt((a + b) ** 2 - 4.0 * a * b * (1.0 - kept))) / (2.0 * a * b))


def _let_drift(rng: np.random.Generator, value: float, limit: float) -> float:
    """Let a value drift a little, drawn back towards 0, never beyond its limit."""
    moved = value * (1.0 - _DRIFT_PULL) + limit * _DRIFT_STEP * float(rng.normal())
    return float(np.clip(moved, -limit, limit))
