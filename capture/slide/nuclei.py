"""Shapes of nuclei: chains of discs in micrometres, joined by filaments and cut by bites.

The morphology follows the usual haematological description of each class: a band's nucleus is a ribbon of even
width, a segmented one's lobes hang together by filaments without chromatin inside, an eosinophil mostly has two
round lobes, a monocyte's nucleus is large and indented or folded, a lymphocyte's round and dense.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Mask, Points
from smearwatch.capture.slide.stain import CellClass

_SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line of discs: points float64 [n, 2] (x, y in um) and their radii float64 [n] in um."""

    points_um: Points
    radii_um: Points


@dataclass(frozen=True, slots=True)
class NucleusShape:
    """A nucleus before it is drawn.

    Attributes
    ----------
    lobes
        What holds chromatin.
    filaments
        Thin bridges; they keep their width whatever the outline's irregularity.
    bites
        What is cut out of the lobes again.
    """

    lobes: tuple[Stroke, ...]
    filaments: tuple[Stroke, ...] = ()
    bites: tuple[Stroke, ...] = ()

    def moved(self, scale: float, shift_xy_um: Points) -> "NucleusShape":
        """Shift the shape and then scale it about the origin; filaments keep their width."""

        def move(stroke: Stroke, width: float) -> Stroke:
            return Stroke((stroke.points_um + shift_xy_um) * scale, stroke.radii_um * width)

        return NucleusShape(
            tuple(move(s, scale) for s in self.lobes),
            tuple(move(s, 1.0) for s in self.filaments),
            tuple(move(s, scale) for s in self.bites),
        )


def draw_shape(cls: CellClass, rng: np.random.Generator, cell_radius_um: float) -> NucleusShape:
    """Draw a nucleus of the class's kind and usual area, centred near the origin.

    Parameters
    ----------
    cls
        The leukocyte's class.
    rng
        Source of randomness.
    cell_radius_um
        Radius of the whole cell; it sets the nucleus' area and how far it may reach.

    Returns
    -------
    NucleusShape
        In micrometres, x to the right and y down.
    """
    maker, low, high = _MAKERS[cls]
    area_um2 = np.pi * cell_radius_um**2 * rng.uniform(low, high)
    # Lobes are folded into the cell: of a few drawings the one that fills its reach best is taken.
    tries = [_measure(maker(rng)) for _ in range(4 if cls in ("band", "segmented", "eosinophil") else 1)]
    shape, drawn_um2, centre, reach_um = max(tries, key=lambda t: t[1] / t[3] ** 2)
    scale = float(np.sqrt(area_um2 / drawn_um2))
    if cls != "monocyte":
        scale = min(scale, (cell_radius_um - 0.2) / reach_um)
    return shape.moved(scale, -centre)


def _measure(shape: NucleusShape) -> tuple[NucleusShape, float, Points, float]:
    """Measure a shape: its area in um2, its middle and the farthest point's distance from it in um."""
    side, um_per_px = 120, 0.25
    rows, cols = np.nonzero(rasterise(shape, (side, side), um_per_px)[0])
    centre = (np.array([cols.mean(), rows.mean()]) + 0.5 - side / 2) * um_per_px
    reach_um = float(np.hypot(cols - cols.mean(), rows - rows.mean()).max()) * um_per_px
    return shape, len(rows) * um_per_px**2, centre, reach_um


def rasterise(shape: NucleusShape, size: tuple[int, int], um_per_px: float) -> tuple[Mask, Mask]:
    """Paint a shape, its origin in the picture's middle.

    Parameters
    ----------
    shape
        The nucleus in micrometres.
    size
        Height and width in pixels.
    um_per_px
        Scale.

    Returns
    -------
    tuple
        Two uint8 [height, width] masks of 0 and 255: the lobes (bites taken out), and the filaments.
    """
    lobes, filaments, bites = (np.zeros(size, np.uint8) for _ in range(3))
    for strokes, mask in ((shape.lobes, lobes), (shape.filaments, filaments), (shape.bites, bites)):
        for stroke in strokes:
            _paint(mask, stroke, um_per_px)
    lobes[bites > 0] = 0
    return lobes, filaments


def _paint(mask: Mask, stroke: Stroke, um_per_px: float) -> None:
    """Paint a stroke as discs close enough to each other to give a smooth outline."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke.points_um, axis=0).T))])
    step = max(0.3 * float(stroke.radii_um.min()), um_per_px)
    at = np.linspace(0.0, along[-1], int(along[-1] / step) + 2)
    x, y = (np.interp(at, along, stroke.points_um[:, i]) / um_per_px for i in (0, 1))
    radius = np.interp(at, along, stroke.radii_um) / um_per_px
    unit = 1 << _SUBPIXEL_BITS
    half_w, half_h = mask.shape[1] / 2.0 - 0.5, mask.shape[0] / 2.0 - 0.5
    for cx, cy, r in zip((x + half_w) * unit, (y + half_h) * unit, radius * unit, strict=True):
        cv2.circle(mask, (round(cx), round(cy)), max(round(r), unit // 2), 255, -1, cv2.LINE_8, _SUBPIXEL_BITS)


def _walk(rng: np.random.Generator, length_um: float, turn_rad: Points) -> Points:
    """Draw a line of the given length that turns by `turn_rad` [n] (one turn a step), from a random heading."""
    heading = rng.uniform(0.0, 2.0 * np.pi) + np.cumsum(turn_rad)
    steps = length_um / len(turn_rad) * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    return np.asarray(np.cumsum(steps, axis=0), dtype=np.float64)


def _ribbon_turns(rng: np.random.Generator, n: int) -> Points:
    """Draw the turns of a band's middle line: C and U mostly, S sometimes, a closed-up curl rarely."""
    total = rng.choice([1.6, 2.6, 3.3, 3.8], p=[0.2, 0.4, 0.3, 0.1]) * rng.uniform(0.85, 1.1)
    # A U bends mostly in its middle; weight 1 + bend * a hump there.
    hump = np.exp(-0.5 * ((np.linspace(-1.0, 1.0, n) - rng.uniform(-0.25, 0.25)) / 0.35) ** 2)
    turns = 1.0 + rng.uniform(0.0, 3.0) * hump
    turns *= total / turns.sum()
    if rng.random() < 0.2:
        turns[n // 2 :] *= -1.0
    return np.asarray(turns, dtype=np.float64)


def _band(rng: np.random.Generator) -> NucleusShape:
    n = 24
    points = _walk(rng, rng.uniform(10.5, 13.0), _ribbon_turns(rng, n))
    swell = np.interp(np.arange(n), np.linspace(0, n - 1, 6), rng.normal(0.0, 0.07, 6))
    ends = 1.0 + 0.10 * np.abs(np.linspace(-1.0, 1.0, n)) ** 2
    radii = rng.uniform(1.45, 1.75) * (1.0 + np.clip(swell, -0.14, 0.14)) * ends
    return NucleusShape((Stroke(points, radii),))


def _lobes(
    rng: np.random.Generator, count: int, radius_um: float, longness: tuple[float, float], gap_um: tuple[float, float]
) -> NucleusShape:
    """Lay lobes along a bending line, each a short stroke, neighbours joined by a filament across a gap."""
    heading = rng.uniform(0.0, 2.0 * np.pi)
    bend = rng.choice([-1.0, 1.0]) * rng.uniform(0.8, 1.6)
    lobes = [_lobe(rng, heading, radius_um, longness)]
    filaments: list[Stroke] = []
    for _ in range(count - 1):
        heading += bend * rng.uniform(0.6, 1.3)
        along = np.array([np.cos(heading), np.sin(heading)])
        before, lobe = lobes[-1], _lobe(rng, heading + rng.normal(0.0, 0.5), radius_um, longness)
        lobe = _push(lobe, before.points_um[-1], along, lobes, rng.uniform(*gap_um))
        ends = np.array([before.points_um[-1], lobe.points_um[0]])
        bow = np.array([-along[1], along[0]]) * rng.normal(0.0, 0.2)
        thread = np.array([ends[0], ends.mean(axis=0) + bow, ends[1]])
        filaments.append(Stroke(thread, np.full(3, rng.uniform(0.16, 0.27))))
        lobes.append(lobe)
    return NucleusShape(tuple(lobes), tuple(filaments))


def _lobe(rng: np.random.Generator, heading: float, radius_um: float, longness: tuple[float, float]) -> Stroke:
    """Draw one lobe about the origin: a short, slightly bent and tapered stroke."""
    radius = radius_um * rng.uniform(0.85, 1.15)
    half = radius * rng.uniform(*longness)
    axis = np.array([np.cos(heading), np.sin(heading)])
    arch = np.array([0.0, 0.7, 1.0, 0.7, 0.0]) * rng.normal(0.0, 0.3) * half
    points = np.outer(np.linspace(-half, half, 5), axis) + np.outer(arch, [-axis[1], axis[0]])
    return Stroke(points, radius * (1.0 + rng.normal(0.0, 0.12) * np.linspace(-1.0, 1.0, 5)))


def _push(lobe: Stroke, start_um: Points, along: Points, others: list[Stroke], gap_um: float) -> Stroke:
    """Push a lobe away from a point until it stands `gap_um` off every lobe before it."""
    there = np.concatenate([other.points_um for other in others])
    radii = np.concatenate([other.radii_um for other in others])
    for distance in np.arange(0.0, 12.0, 0.1):
        points = lobe.points_um + start_um + along * distance
        apart = np.hypot(*(points[:, None, :] - there[None, :, :]).transpose(2, 0, 1))
        if (apart - lobe.radii_um[:, None] - radii[None, :]).min() >= gap_um:
            break
    return Stroke(points, lobe.radii_um)


def _segmented(rng: np.random.Generator) -> NucleusShape:
    count = int(rng.choice([2, 3, 4, 5], p=[0.22, 0.43, 0.28, 0.07]))
    radius = {2: 1.75, 3: 1.55, 4: 1.4, 5: 1.25}[count]
    return _lobes(rng, count, radius, (0.1, 0.8), (0.4, 0.7))


def _eosinophil(rng: np.random.Generator) -> NucleusShape:
    count = int(rng.choice([1, 2, 3], p=[0.04, 0.80, 0.16]))
    return _lobes(rng, count, 2.1 if count < 3 else 1.6, (0.1, 0.5), (0.25, 0.9))


def _basophil(rng: np.random.Generator) -> NucleusShape:
    count = int(rng.choice([1, 2, 3], p=[0.2, 0.5, 0.3]))
    return _lobes(rng, count, 2.4 if count < 3 else 2.0, (0.2, 0.8), (-1.8, -0.6))


def _monocyte(rng: np.random.Generator) -> NucleusShape:
    kind = rng.choice(["kidney", "horseshoe", "folded"], p=[0.45, 0.25, 0.30])
    if kind == "horseshoe":
        n = 16
        turns = np.full(n, rng.uniform(2.0, 3.4) / n)
        points = _walk(rng, rng.uniform(8.0, 11.0), turns)
        return NucleusShape((Stroke(points, rng.uniform(2.4, 3.0) * (1.0 + rng.normal(0.0, 0.05, n))),))
    if kind == "folded":
        centres = rng.normal(0.0, 1.9, (int(rng.integers(3, 6)), 2))
        lobes = tuple(
            Stroke(c + np.outer([-1.0, 1.0], rng.normal(0.0, 1.0, 2)), rng.uniform(2.2, 3.4, 2)) for c in centres
        )
        return NucleusShape(lobes)
    angle = rng.uniform(0.0, 2.0 * np.pi)
    axis, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    body = Stroke(np.outer([-2.2, 0.0, 2.2], axis) + np.outer([0.0, -0.5, 0.0], across), np.array([3.5, 3.6, 3.4]))
    inner = rng.uniform(0.8, 2.2)
    line = np.array([across * 6.0, across * inner]) + axis * rng.normal(0.0, 0.6, (2, 1))
    return NucleusShape((body,), (), (Stroke(line, np.array([1.6, 0.9]) * rng.uniform(0.7, 1.3)),))


def _lymphocyte(rng: np.random.Generator) -> NucleusShape:
    axis = rng.normal(0.0, 0.35, 2)
    body = Stroke(np.outer([-1.0, 1.0], axis), np.array([3.4, 3.4]))
    if rng.random() < 0.65:
        return NucleusShape((body,))
    angle = rng.uniform(0.0, 2.0 * np.pi)
    out = np.array([np.cos(angle), np.sin(angle)])
    notch = Stroke(np.outer([3.0, 5.0], out), np.full(2, rng.uniform(0.3, 0.6)))
    return NucleusShape((body,), (), (notch,))


_Maker = Callable[[np.random.Generator], NucleusShape]
_MAKERS: dict[CellClass, tuple[_Maker, float, float]] = {
    # maker, then the smallest and largest share of the cell's area that the nucleus covers
    "band": (_band, 0.35, 0.48),
    "segmented": (_segmented, 0.36, 0.50),
    "eosinophil": (_eosinophil, 0.30, 0.42),
    "basophil": (_basophil, 0.42, 0.58),
    "monocyte": (_monocyte, 0.42, 0.60),
    "lymphocyte": (_lymphocyte, 0.70, 0.88),
}
