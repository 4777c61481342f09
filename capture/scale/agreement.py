"""Which scale the red cells of a field agree on, with the field's nuclei as a second witness, and how surely.

Circles are also fitted to clumps, gaps, pale centres and platelets. Where many red cells agree, they outvote these.
Where few do, the nuclei help to decide between the scales on offer: a leukocyte's nucleus covers as much as a circle of
about 9 um. The answer is the range of scales, as wide as is allowed, that holds most belief, and how much it holds.
Where that is too little, the field cannot tell its scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smearwatch.capture.arrays import Doubles, Flags, Indices, Mask, Plane
from smearwatch.capture.scale.circles import keep_largest
from smearwatch.capture.scale.nucleus import NucleusPx

RED_CELL_UM = 7.5
"""Middle of the normal range."""

NUCLEUS_UM = 9.0
"""Diameter of a circle of a leukocyte nucleus's area: 7 to 12 um from small lymphocytes to monocytes."""

MEASURED_SHARE = 0.97
"""What is measured of a red cell, as a share of `RED_CELL_UM`: chosen on fields of three laboratories."""

_BLUR_PX = 1.0  # by which the smoothing before the fit widens a cell, at the density where its edge is measured
_LEAST_DIAMETER_PX = 3.0

_RED_STAIN = 0.18  # mean of red + green / 2 - blue density above which a round thing is no red cell of usual stain
_VIOLET = 0.6  # of the nuclei's, where the stain turns all red cells violet
_GREATEST_ROUGHNESS = 0.12
_LEAST_FILLED = 0.5  # share of the inside that absorbs half as much as the rim: gaps between cells are empty
_NUCLEUS_REACH = 0.8

_ROUGHNESS, _WHOLE_ARC, _ARC_POWER = 0.06, 0.8, 1.5
_WELL_SEEN_ROUGHNESS, _WELL_SEEN_ARC = 0.08, 0.5
_AREA_POWER = 1.5
_PEAK_WIDTH = 0.10  # log units, as all below
_SAME_SIZE = 0.18
_NUCLEUS_SPREAD = 0.25
_SMALL_COSTS, _LARGE_COSTS = 2.0, 5.0  # at most; what looks like a small nucleus is often a platelet
_SHARPNESS = 2.0  # votes do not multiply as independent ones would: the cells of one field err together
_DOUBT = 0.02  # of one well seen cell, that every scale has
_STEP, _BEYOND = 0.01, 0.3
_ALLOWED = 0.19  # half of the range
_LEAST_BELIEF = 0.58
_NUCLEI_UM = (6.0, 13.5)
_LEAST_WITH_NUCLEUS, _LEAST_ALONE, _LEAST_AGAINST = 0.4, 1.2, 3.0  # so many faultless red cells' worth
_MANY, _LEAST_SHARE_OF_MANY = 3.0, 0.40

_TURN = np.arange(24) * (2.0 * np.pi / 24)
_RINGS = 0.95 * np.sqrt((np.arange(8) + 0.5) / 8.0)


@dataclass(frozen=True, slots=True)
class Agreement:
    """The scale that a field's red cells and nuclei speak for.

    Attributes
    ----------
    um_per_px
        Scale of the picture that was measured.
    red_cells
        How many round, well seen cells are of the size that follows.
    weight
        How many faultless ones all that are of that size are worth.
    share
        What part of the area of all circles theirs is.
    belief
        0-1, how much of all that speaks for any scale speaks for one within 19 % of this.
    spread
        Median absolute deviation of their diameters, as a share of the median.
    nucleus_um
        Diameter of the largest nucleus that lies whole in the field, at that scale; None where there is none.
    """

    um_per_px: float
    red_cells: int
    weight: float
    share: float
    belief: float
    spread: float
    nucleus_um: float | None

    @property
    def is_sure(self) -> bool:
        """Whether the field can tell its scale; many cells of which few agree were measured wrongly."""
        least, greatest = _NUCLEI_UM
        if self.nucleus_um is None or self.nucleus_um < least:
            enough = self.weight >= _LEAST_ALONE
        else:
            enough = self.weight >= (_LEAST_WITH_NUCLEUS if self.nucleus_um <= greatest else _LEAST_AGAINST)
        scattered = self.weight >= _MANY and self.share < _LEAST_SHARE_OF_MANY
        return enough and self.belief >= _LEAST_BELIEF and not scattered


def keep_red_cells(circles: Doubles, green: Plane, stain: Plane, nuclei: Sequence[NucleusPx], nuclear: Mask) -> Doubles:
    """Keep what may be a red cell: round, filled, of the stain of red cells, each once.

    Parameters
    ----------
    circles
        float64 [n, 5] from `smearwatch.capture.scale.circles.fit_circles`.
    green, stain
        float32 [height, width], green density, and red + green / 2 - blue density.
    nuclei, nuclear
        The field's nuclei, and uint8 [height, width], 1 inside them.

    Returns
    -------
    numpy.ndarray
        float64 [m, 5], m <= n.
    """
    if len(circles) == 0:
        return circles
    inside = _points_in(circles, green.shape)
    density = np.where(inside[2], green[inside[1], inside[0]], np.nan).reshape(len(circles), len(_RINGS), -1)
    tinge = np.where(inside[2], stain[inside[1], inside[0]], np.nan)
    some = inside[2].any(axis=1) & ~np.isnan(density[:, 5:7]).all(axis=(1, 2))
    circles, density, tinge = circles[some], density[some], tinge[some]
    if len(circles) == 0:
        return circles
    rim = np.nanmedian(density[:, 5:7].reshape(len(circles), -1), axis=1)
    core = density[:, :6].reshape(len(circles), -1)
    seen = ~np.isnan(core)
    filled = ((core > 0.5 * rim[:, None]) & seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    stained = np.nanmean(tinge, axis=1)
    nuclear_stain = float(np.median(stain[nuclear > 0])) if nuclear.any() else 0.0
    violet = (stained < _VIOLET * nuclear_stain) & ~_in_nuclei(circles, nuclei)
    good = (circles[:, 3] <= _GREATEST_ROUGHNESS) & (filled >= _LEAST_FILLED) & ((stained < _RED_STAIN) | violet)
    good &= 2.0 * circles[:, 2] - _BLUR_PX > _LEAST_DIAMETER_PX
    return keep_largest(circles[good])


def find_agreement(cells: Doubles, nuclei: Sequence[NucleusPx]) -> Agreement | None:
    """Choose the scale for which most speaks.

    Parameters
    ----------
    cells
        float64 [n, 5] from `keep_red_cells`.
    nuclei
        The field's nuclei.

    Returns
    -------
    Agreement or None
        None where no cell is given.
    """
    if len(cells) == 0:
        return None
    diameter = 2.0 * cells[:, 2] - _BLUR_PX
    scales = np.log(MEASURED_SHARE * RED_CELL_UM / diameter)
    weight = np.exp(-0.5 * (cells[:, 3] / _ROUGHNESS) ** 2) * np.minimum(cells[:, 4] / _WHOLE_ARC, 1.0) ** _ARC_POWER
    area = weight * diameter**_AREA_POWER  # else platelets and pale centres would win by number
    middle, belief = _most_believed(scales, area / area.sum(), float(weight.sum()), nuclei)
    near = np.abs(scales - middle) < _SAME_SIZE
    well_seen = near & (cells[:, 3] <= _WELL_SEEN_ROUGHNESS) & (cells[:, 4] >= _WELL_SEEN_ARC)
    apart = np.abs(np.exp(middle - scales[near]) - 1.0)
    whole = [nucleus.diameter for nucleus in nuclei if not nucleus.at_edge]
    return Agreement(
        um_per_px=float(np.exp(middle)),
        red_cells=int(well_seen.sum()),
        weight=float(weight[near].sum()),
        share=float(area[near].sum() / area.sum()),
        belief=belief,
        spread=float(np.median(apart)) if apart.size else 0.0,
        nucleus_um=float(max(whole) * np.exp(middle)) if whole else None,
    )


def _most_believed(scales: Doubles, shares: Doubles, weight: float, nuclei: Sequence[NucleusPx]) -> tuple[float, float]:
    """Return the log scale in the middle of the allowed range that holds most belief, and how much it holds."""
    offered = np.arange(scales.min() - _BEYOND, scales.max() + _BEYOND, _STEP)
    votes = np.exp(-0.5 * ((offered[:, None] - scales[None]) / _PEAK_WIDTH) ** 2) @ shares
    worth = _SHARPNESS * np.log(votes + _DOUBT / max(weight, 0.5)) - _cost(offered, nuclei)
    belief = np.exp(worth - worth.max())
    belief /= belief.sum()
    reach = int(_ALLOWED / _STEP)
    held = np.convolve(belief, np.ones(2 * reach + 1), mode="full")[reach:-reach]
    best = int(held.argmax())
    first = max(0, best - reach)
    heaped = np.cumsum(belief[first : best + reach + 1])
    return float(offered[first + int(np.searchsorted(heaped, heaped[-1] / 2.0))]), float(held[best])


def _cost(scales: Doubles, nuclei: Sequence[NucleusPx]) -> Doubles:
    """Return how much the nuclei speak against each log scale; one that the border cuts may only be too large."""
    cost = np.zeros_like(scales)
    for at_edge in (False, True):
        sizes = [nucleus.diameter for nucleus in nuclei if nucleus.at_edge == at_edge]
        if sizes:
            away = (np.log(max(sizes) / NUCLEUS_UM) + scales) / _NUCLEUS_SPREAD
            away = np.maximum(away, 0.0) if at_edge else away
            cost = np.maximum(cost, np.minimum(0.5 * away**2, np.where(away < 0.0, _SMALL_COSTS, _LARGE_COSTS)))
    return np.asarray(cost, dtype=np.float64)


def _points_in(circles: Doubles, shape: tuple[int, ...]) -> tuple[Indices, Indices, Flags]:
    """Return points all over each circle, ring by ring: columns, rows, and whether they lie in the picture."""
    across, down = np.outer(_RINGS, np.cos(_TURN)).ravel(), np.outer(_RINGS, np.sin(_TURN)).ravel()
    columns = np.rint(circles[:, :1] + circles[:, 2:3] * across).astype(int)
    rows = np.rint(circles[:, 1:2] + circles[:, 2:3] * down).astype(int)
    inside = (columns >= 0) & (rows >= 0) & (columns < shape[1]) & (rows < shape[0])
    return np.clip(columns, 0, shape[1] - 1), np.clip(rows, 0, shape[0] - 1), inside


def _in_nuclei(circles: Doubles, nuclei: Sequence[NucleusPx]) -> Flags:
    """Return for each circle whether its middle lies in a nucleus, or a nucleus in its middle."""
    found = np.zeros(len(circles), dtype=np.bool_)
    for nucleus in nuclei:
        away = np.hypot(circles[:, 0] - nucleus.centre_xy[0], circles[:, 1] - nucleus.centre_xy[1])
        found |= away < np.maximum(_NUCLEUS_REACH * nucleus.reach, 0.5 * circles[:, 2])
    return found
