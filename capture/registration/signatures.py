"""Find a leukocyte again among all that a session has seen, by its nucleus and what lies around it.

A cell's descriptor is computed from its thumbnail, which the ledger keeps, so a session that is continued knows its
cells again without searching its frames anew.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from smearwatch.capture.arrays import Doubles, Floats, Image
from smearwatch.capture.vision.light import WHITE

ANGLES_DEG = (0.0, -9.0, 9.0, -18.0, 18.0)
"""Turns at which a cell is searched for; those between differ too little to be missed."""

_SIDE, _UM_PER_PX = 24, 0.92
_REACH_UM = 11.0
_NUCLEUS_WITHIN_UM, _NUCLEUS_SHARE = 7.0, 0.55
_FULL_DENSITY = 0.7
_LEAST_SHARED = 0.4  # of the disc; less proves too little


_AXIS = (np.arange(_SIDE, dtype=np.float32) - (_SIDE - 1) / 2) * _UM_PER_PX
_DISC = np.flatnonzero(np.hypot(_AXIS[:, None], _AXIS[None, :]) <= _REACH_UM)  # of the square's pixels, row by row

# Seven bits: what a thumbnail's eight hold once they are averaged, and float32 adds up products of them without error,
# in whatever order; so the sums are the same on every processor.
_STEPS = 127
_AT_ONCE = 512  # descriptors are compared; they are kept in one byte a pixel, and are float32 no longer than that


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
        uint8 [angles, pixels of the disc]: green optical density in 127 steps up to 0.7, 0 where `known` is 0.
    known
        uint8 [angles, pixels of the disc]: 1 inside the field.
    """

    middle_um: complex
    values: Image
    known: Image


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
        there = cv2.warpAffine(inside, matrix, size, flags=flags | cv2.INTER_NEAREST).reshape(-1)[_DISC]
        drawn = cv2.warpAffine(smooth, matrix, size, flags=flags | cv2.INTER_LINEAR).reshape(-1)[_DISC]
        values.append(np.rint(drawn * there * (_STEPS / _FULL_DENSITY)))
        known.append(there)
    return Descriptor(
        thumbnail.centre_um + offset_um, np.stack(values).astype(np.uint8), np.stack(known).astype(np.uint8)
    )


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
        entries = self._whole if seen.known.all() else self._cut
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
        values = np.concatenate([seen.values for seen in turned]).astype(np.float32)
        known = np.concatenate([seen.known for seen in turned]).astype(np.float32)
        found = np.empty((self._whole.count + self._cut.count, len(values)), np.float32)
        for entries in (self._whole, self._cut):
            for numbers, alike in entries.alike(values, known):
                found[numbers] = alike
        return found.T.reshape(len(turned), len(turned[0].values), len(found))


class _Entries:
    """Descriptors and their numbers; `whole` where the field shows all of each one's disc."""

    def __init__(self, *, whole: bool) -> None:
        self._numbers: list[int] = []
        self._whole = whole
        self._values: list[Image] = []  # uint8 [_AT_ONCE, pixels] each, as are the known ones
        self._known: list[Image] = []

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._numbers)

    def add(self, number: int, seen: Descriptor) -> None:
        """Add one, upright."""
        row = self.count % _AT_ONCE
        if row == 0:
            self._values.append(np.zeros((_AT_ONCE, len(_DISC)), np.uint8))
            if not self._whole:
                self._known.append(np.zeros((_AT_ONCE, len(_DISC)), np.uint8))
        self._values[-1][row] = seen.values[0]
        if not self._whole:
            self._known[-1][row] = seen.known[0]
        self._numbers.append(number)

    def alike(self, values: Floats, known: Floats) -> Iterator[tuple[list[int], Floats]]:
        """Correlate with descriptors float32 [m, pixels] over what both show: some numbers at a time, float32 [n, m].

        All sums are of whole numbers below 2**24, so float32 holds them exactly.
        """
        for first in range(0, self.count, _AT_ONCE):
            numbers = self._numbers[first : first + _AT_ONCE]
            theirs = self._values[first // _AT_ONCE][: len(numbers)].astype(np.float32)
            if self._whole:
                both, own, own_squares = (each.sum(axis=1) for each in (known, values, values**2))
            else:
                seen = self._known[first // _AT_ONCE][: len(numbers)].astype(np.float32)
                both, own, own_squares = (seen @ each.T for each in (known, values, values**2))
            yield (
                numbers,
                _correlation(theirs @ values.T, own, own_squares, theirs @ known.T, theirs**2 @ known.T, both),
            )


def _correlation(
    products: Floats, own: Floats, own_squares: Floats, theirs: Floats, their_squares: Floats, both: Floats
) -> Floats:
    """Return the correlation of pairs, from sums over the pixels that both of a pair show: float32 [n, m]."""
    shared = np.maximum(both.astype(np.float64), 1.0)
    spread = (own_squares - own.astype(np.float64) ** 2 / shared) * (
        their_squares - theirs.astype(np.float64) ** 2 / shared
    )
    alike = (products - own * theirs.astype(np.float64) / shared) / np.sqrt(np.maximum(spread, 1.0))
    # Three digits are what is meant.
    return np.where(both >= _LEAST_SHARED * len(_DISC), alike.round(3), -1.0).astype(np.float32)
