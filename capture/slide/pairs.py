"""Leukocytes at each other's side: whose outlines touch, as two that a search may take for one."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, Floats
from smearwatch.capture.slide.cells import RenderedCell
from smearwatch.capture.slide.plane import PlacedLeukocyte, Plane, Window

Render = Callable[[PlacedLeukocyte], RenderedCell]

FARTHEST_PARTNER_UM = 24.0
"""From a leukocyte's middle to its partner's, at most."""

_APART_UM = 46.0  # two leukocytes with partners are farther from each other than this
_ROOM_UM = 17.5  # from a partner's middle to the next leukocyte's
_DIRECTIONS = 12
_OVERLAP_UM = (0.2, 0.8)
_PARTNERS_KEPT = 256


class Pairs:
    """Gives leukocytes partners.

    Parameters
    ----------
    plane
        Where the leukocytes lie.
    share
        Share of them that gets a partner where there is room.
    render
        Draws a leukocyte; partners are pushed together by their drawn outlines.
    um_per_px
        Scale of the drawn cells.
    """

    def __init__(self, plane: Plane, share: float, render: Render, *, um_per_px: float) -> None:
        self._plane, self._share, self._render, self._um_per_px = plane, share, render, um_per_px
        self._pushed = lru_cache(maxsize=_PARTNERS_KEPT)(self._push)

    def leukocytes(self, window: Window) -> list[PlacedLeukocyte]:
        """Return leukocytes whose middle, or whose partner's middle, lies in a window; partners follow each other."""
        if self._share <= 0.0:
            return self._plane.leukocytes(window)
        cells = self._plane.leukocytes(window.grown(FARTHEST_PARTNER_UM + _APART_UM))
        places = np.array([(cell.x_um, cell.y_um) for cell in cells]).reshape(-1, 2)
        draws = np.array([_partner_draw(cell) for cell in cells])
        near = window.grown(FARTHEST_PARTNER_UM).holds(places)
        found: list[PlacedLeukocyte] = []
        for rank, cell in enumerate(cells):
            partner = self._partner(cell, rank, places, draws) if near[rank] and draws[rank] < self._share else None
            pair = [cell] if partner is None else [replace(cell, touches=partner.name), partner]
            if window.holds(np.array([(one.x_um, one.y_um) for one in pair])).any():
                found.extend(pair)
        return found

    def _partner(self, cell: PlacedLeukocyte, rank: int, places: Doubles, draws: Doubles) -> PlacedLeukocyte | None:
        """Return a leukocyte's partner; None where there is no room, or where a neighbour's comes first."""
        away = places - places[rank]
        apart = np.hypot(away[:, 0], away[:, 1])
        if ((draws < draws[rank]) & (draws < self._share) & (apart < _APART_UM)).any():
            return None
        rng = np.random.default_rng((*cell.seed, 62))
        turns = rng.uniform(0.0, 2.0 * np.pi) + np.arange(_DIRECTIONS) * (2.0 * np.pi / _DIRECTIONS)
        there = 12.0 * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        others = away[(apart > 0.0) & (apart < _APART_UM)]
        if len(others) == 0:
            return self._pushed(cell, float(turns[0]))
        room = np.hypot(*(there[:, None] - others[None]).transpose(2, 0, 1)).min(axis=1)
        best = int(room.argmax())
        return self._pushed(cell, float(turns[best])) if room[best] > _ROOM_UM else None

    def _push(self, cell: PlacedLeukocyte, turn_rad: float) -> PlacedLeukocyte:
        """Draw a partner and push it along a direction against the cell until their outlines just overlap."""
        rng = np.random.default_rng((*cell.seed, 63))
        cls, overlap_um = self._plane.class_of(float(rng.random())), rng.uniform(*_OVERLAP_UM)
        partner = replace(cell, name=cell.name + "b", cls=cls, seed=(*cell.seed[:-1], 2), touches=cell.name)
        along = np.array([np.cos(turn_rad), np.sin(turn_rad)])
        apart_px = contact_px(self._render(cell).cover, self._render(partner).cover, along)
        x_um, y_um = np.array([cell.x_um, cell.y_um]) + along * (apart_px * self._um_per_px - overlap_um)
        return replace(partner, x_um=float(x_um), y_um=float(y_um))


def contact_px(standing: Floats, pushed: Floats, along: Doubles) -> float:
    """Return the distance of two patches' middles at which the covered parts just meet.

    Parameters
    ----------
    standing, pushed
        float32 [side, side] covers with odd sides.
    along
        float64 [2], the direction (x, y) from the standing one's middle to the pushed one's; length 1.
    """
    mask = (standing > 0.5).astype(np.uint8)
    outlines, _ = cv2.findContours((pushed > 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = np.concatenate(outlines)[:, 0, :].astype(np.float64) - pushed.shape[0] // 2 + mask.shape[0] // 2

    def meets(apart: float) -> bool:
        at = np.rint(outline + along * apart).astype(int)
        at = at[((at >= 0) & (at < mask.shape[0])).all(axis=1)]
        return bool(mask[at[:, 1], at[:, 0]].any())

    near, far = 0.0, float(mask.shape[0] + pushed.shape[0])
    while far - near > 0.25:
        middle = 0.5 * (near + far)
        near, far = (middle, far) if meets(middle) else (near, middle)
    return near


def _partner_draw(cell: PlacedLeukocyte) -> float:
    """Return the number, 0 to 1, that decides whether a leukocyte has a partner and who comes first."""
    return float(np.random.default_rng((*cell.seed, 61)).random())
