"""Find a leukocyte again among all that a session has seen, by its nucleus and what lies around it.

A cell's descriptor is computed from its thumbnail, which the ledger keeps, so a session that is continued knows its
cells again without searching its frames anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, Flags, Floats, Image
from smearwatch.capture.vision.light import WHITE

ANGLES_DEG = (0.0, -9.0, 9.0, -18.0, 18.0)
"""Turns at which a cell is searched for; those between differ too little to be missed."""

_SIDE, _UM_PER_PX = 24, 0.92
_REACH_UM = 11.0
_NUCLEUS_WITHIN_UM, _NUCLEUS_SHARE = 7.0, 0.55
_FULL_DENSITY = 0.7
_LEAST_SHARED = 0.4  # of the disc; less proves too little


_AXIS = (np.arange(_SIDE, dtype=np.float32) - (_SIDE - 1) / 2) * _UM_PER_PX
_DISC = np.asarray(np.hypot(_AXIS[:, None], _AXIS[None, :]) <= _REACH_UM, np.float32)


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A cell's small picture and where it was cut.

    Attributes
    ----------
    bgr
        uint8 [side, side, 3], background at `WHITE`, white where it reaches beyond the field.
    um_per_px
        Its scale.
    centre_um
        Its middle in the field, x + iy.
    field_um
        Width and height of the field, x + iy.
    """

    bgr: Image
    um_per_px: float
    centre_um: complex
    field_um: complex


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a cell and its surroundings look like, at some angles.

    Attributes
    ----------
    middle_um
        Middle of its nucleus in the field, x + iy.
    values
        float32 [angles, 576]: green optical density, 0 where `known` is 0.
    known
        float32 [angles, 576]: 1 inside the disc and the field.
    """

    middle_um: complex
    values: Floats
    known: Floats


def describe_cell(thumbnail: Thumbnail, angles_deg: tuple[float, ...] = (0.0,)) -> Descriptor:
    """Compute a cell's descriptor, turned by each of some angles."""
    density = -np.log((thumbnail.bgr[..., 1].astype(np.float32) + 4.0) / (WHITE + 4.0))
    um = thumbnail.um_per_px
    side = density.shape[0]
    middle = _nucleus_px(density, um)
    offset_um = (middle - complex(side - 1, side - 1) / 2) * um
    inside = _inside_field(thumbnail, side)
    smooth = cv2.blur(np.clip(density, 0.0, _FULL_DENSITY), (round(_UM_PER_PX / um) | 1,) * 2)
    values, known = [], []
    for angle_deg in angles_deg:
        matrix = _sampling(middle, um, angle_deg)
        flags = cv2.WARP_INVERSE_MAP
        size = (_SIDE, _SIDE)
        there = cv2.warpAffine(inside, matrix, size, flags=flags | cv2.INTER_NEAREST) * _DISC
        drawn = cv2.warpAffine(smooth, matrix, size, flags=flags | cv2.INTER_LINEAR)
        values.append((drawn * there).reshape(-1))
        known.append(there.reshape(-1))
    return Descriptor(thumbnail.centre_um + offset_um, np.stack(values).astype(np.float32), np.stack(known))


def _nucleus_px(density: Floats, um: float) -> complex:
    """Find the middle of what is stained most strongly near the thumbnail's middle, x + iy."""
    side = density.shape[0]
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    middle = complex(side - 1, side - 1) / 2
    for _ in range(2):
        near = np.hypot(x - middle.real, y - middle.imag) * um <= _NUCLEUS_WITHIN_UM
        if not near.any():
            break
        level = _NUCLEUS_SHARE * float(np.percentile(density[near], 95))
        weight = np.where(near, np.maximum(density - level, 0.0), 0.0)
        total = float(weight.sum())
        if total <= 0.0:
            break
        middle = complex(float((weight * x).sum()) / total, float((weight * y).sum()) / total)
    return middle


def _inside_field(thumbnail: Thumbnail, side: int) -> Floats:
    """Return where the thumbnail shows the field and not what was filled in: float32 [side, side]."""
    along = (np.arange(side) - (side - 1) / 2) * thumbnail.um_per_px
    x, y = thumbnail.centre_um.real + along, thumbnail.centre_um.imag + along
    across = (x >= 0) & (x <= thumbnail.field_um.real)
    down = (y >= 0) & (y <= thumbnail.field_um.imag)
    return np.asarray(down[:, None] & across[None, :], np.float32)


def _sampling(middle: complex, um: float, angle_deg: float) -> Doubles:
    """Return the map from a descriptor's pixels to the thumbnail's: float64 [2, 3]."""
    step = np.exp(1j * np.deg2rad(angle_deg)) * _UM_PER_PX / um
    start = middle - step * complex(_SIDE - 1, _SIDE - 1) / 2
    return np.array([[step.real, -step.imag, start.real], [step.imag, step.real, start.imag]])


class DescriptorIndex:
    """All descriptors of a session, compared at once; an entry is known by the number that `add` gave it."""

    def __init__(self) -> None:
        self._whole, self._cut = _Entries(whole=True), _Entries(whole=False)

    def add(self, seen: Descriptor) -> None:
        """Add a cell as it was seen, upright."""
        entries = self._whole if _are_whole(seen.known).all() else self._cut
        entries.add(self._whole.count + self._cut.count, seen)

    def alike(self, turned: Sequence[Descriptor]) -> Floats:
        """Compare some cells with all; several at once cost less than one after the other.

        Parameters
        ----------
        turned
            The cells, each at the same angles.

        Returns
        -------
        numpy.ndarray
            float32 [cells, angles, entries], the correlation over what both show; -1 where they share too little.
        """
        values = np.concatenate([seen.values for seen in turned])
        known = np.concatenate([seen.known for seen in turned])
        whole = _are_whole(known)
        found = np.empty((self._whole.count + self._cut.count, len(values)), np.float32)
        for chosen, show_all in ((np.flatnonzero(whole), True), (np.flatnonzero(~whole), False)):
            for entries in (self._whole, self._cut):
                alike = entries.alike(values[chosen], known[chosen], whole=show_all)
                found[np.ix_(np.array(entries.numbers, np.int64), chosen)] = alike
        return found.T.reshape(len(turned), len(turned[0].values), len(found))


def _are_whole(known: Floats) -> Flags:
    """Return for each row of [n, 576] whether the field shows all of the disc."""
    return np.asarray((known == _DISC.reshape(-1)).all(axis=1))


class _Entries:
    """Descriptors and their numbers; `whole` where the field shows all of each one's disc."""

    def __init__(self, *, whole: bool) -> None:
        self.numbers: list[int] = []
        self._all_whole = whole
        self._rows = np.zeros((2, 64, _SIDE * _SIDE), np.float32)
        self._sums = np.zeros((2, 64, 1), np.float32)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.numbers)

    def add(self, number: int, seen: Descriptor) -> None:
        """Add one, upright."""
        if self.count == self._rows.shape[1]:
            self._rows, self._sums = (
                np.concatenate([each, np.zeros_like(each)], axis=1) for each in (self._rows, self._sums)
            )
        values = seen.values[0]
        self._rows[:, self.count] = values, seen.known[0]
        self._sums[:, self.count, 0] = values.sum(), (values**2).sum()
        self.numbers.append(number)

    def alike(self, values: Floats, known: Floats, *, whole: bool) -> Floats:
        """Correlate with descriptors [m, 576] over what both show: float32 [n, m].

        Where both show all of the disc, `whole`, one product of matrices does.
        """
        entries, entries_known = self._rows[:, : self.count]
        theirs, their_squares = self._sums[:, : self.count]
        shared, own, own_squares = (
            each.sum(axis=1) if self._all_whole else entries_known @ each.T for each in (known, values, values**2)
        )
        if not whole:
            theirs, their_squares = entries @ known.T, entries**2 @ known.T
        shared = np.maximum(shared, 1.0)
        spread = (own_squares - own**2 / shared) * (their_squares - theirs**2 / shared)
        alike = (entries @ values.T - own * theirs / shared) / np.sqrt(np.maximum(spread, 1e-6))
        # Three digits are what is meant; more would differ from one processor to another.
        return np.where(shared >= _LEAST_SHARED * _DISC.sum(), alike.round(3), -1.0).astype(np.float32)
