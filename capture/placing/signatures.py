"""Find a leukocyte again among all that a session has seen, by its nucleus and what lies around it.

The look of a cell comes from its thumbnail, which the ledger keeps, so a session that goes on knows its cells again
without searching its frames anew.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.light import WHITE
from smearwatch.capture.placing.picture import Image

ANGLES_DEG = (0.0, -9.0, 9.0, -18.0, 18.0)
"""Turns at which a cell is looked for; those between differ too little to be missed."""

_SIDE, _UM_PER_PX = 24, 0.92
_REACH_UM = 11.0
_NUCLEUS_WITHIN_UM, _NUCLEUS_SHARE = 7.0, 0.55
_FULL_DENSITY = 0.7
_LEVELS = 255.0 / _FULL_DENSITY
_AT_ONCE = 1024  # entries, so that little memory is needed besides the 0.6 kB that are kept of each
_LEAST_SHARED = 0.4  # of the disc; less says too little

Floats = npt.NDArray[np.float32]

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
class Look:
    """How a cell looks at the angles that were asked for.

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


def look(thumbnail: Thumbnail, angles_deg: tuple[float, ...] = (0.0,)) -> Look:
    """Describe a cell, turned by each of some angles."""
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
    return Look(thumbnail.centre_um + offset_um, np.stack(values).astype(np.float32), np.stack(known))


def _nucleus_px(density: Floats, um: float) -> complex:
    """Middle of what is stained most strongly near the thumbnail's middle, x + iy."""
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
    """Where the thumbnail shows the field and not what was filled in: float32 [side, side]."""
    along = (np.arange(side) - (side - 1) / 2) * thumbnail.um_per_px
    x, y = thumbnail.centre_um.real + along, thumbnail.centre_um.imag + along
    across = (x >= 0) & (x <= thumbnail.field_um.real)
    down = (y >= 0) & (y <= thumbnail.field_um.imag)
    return np.asarray(down[:, None] & across[None, :], np.float32)


def _sampling(middle: complex, um: float, angle_deg: float) -> npt.NDArray[np.float64]:
    """Give the map from a look's pixels to the thumbnail's: float64 [2, 3]."""
    step = np.exp(1j * np.deg2rad(angle_deg)) * _UM_PER_PX / um
    start = middle - step * complex(_SIDE - 1, _SIDE - 1) / 2
    return np.array([[step.real, -step.imag, start.real], [step.imag, step.real, start.imag]])


class LookIndex:
    """All looks of a session, compared at once; an entry is known by the number that `add` gave it."""

    def __init__(self) -> None:
        self._whole = _Rows(1)
        self._cut = _Rows(2)
        self._count = 0

    def add(self, seen: Look) -> None:
        """Add a cell as it was seen, upright."""
        values = np.round(seen.values[0] * _LEVELS)
        if _is_whole(seen):
            self._whole.add(self._count, values)
        else:
            self._cut.add(self._count, values, seen.known[0])
        self._count += 1

    def alike(self, turned: Sequence[Look]) -> Floats:
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
        found = np.empty((len(turned), len(turned[0].values), self._count), np.float32)
        for numbers, entries in (*self._whole.parts(), *self._cut.parts()):
            for seen, row in zip(turned, found, strict=True):
                row[:, numbers] = _correlation(seen, entries)
        return found


@dataclass(frozen=True, slots=True)
class _Entries:
    """Looks of n entries: values float32 [576, n], sums of these and of their squares [n], and what each shows.

    `known` is float32 [576, n], or None where all of them show the whole disc.
    """

    values: Floats
    sums: Floats
    squares: Floats
    known: Floats | None


class _Rows:
    """Looks that are small while they are kept and single precision when they are asked for."""

    def __init__(self, rows_each: int) -> None:
        self._rows = np.zeros((64, rows_each, _SIDE * _SIDE), np.uint8)
        self._sums = np.zeros((64, 2), np.float32)
        self._numbers: list[int] = []

    def add(self, number: int, *rows: Floats) -> None:
        place = len(self._numbers)
        if place == len(self._rows):
            self._rows, self._sums = (np.concatenate([each, np.zeros_like(each)]) for each in (self._rows, self._sums))
        self._rows[place] = rows
        self._sums[place] = rows[0].sum(), (rows[0] ** 2).sum()
        self._numbers.append(number)

    def parts(self) -> Iterator[tuple[list[int], _Entries]]:
        """Give the entries in parts that need little memory, each with their numbers."""
        for start in range(0, len(self._numbers), _AT_ONCE):
            numbers = self._numbers[start : start + _AT_ONCE]
            chosen = slice(start, start + len(numbers))
            rows = self._rows[chosen].astype(np.float32).transpose(1, 2, 0)
            sums, squares = self._sums[chosen].T
            yield numbers, _Entries(rows[0], sums, squares, rows[1] if len(rows) > 1 else None)


def _is_whole(seen: Look) -> bool:
    """Whether the field shows all of the disc, at whichever angle."""
    return bool((seen.known == _DISC.reshape(-1)).all())


def _correlation(seen: Look, entries: _Entries) -> Floats:
    """Correlate a cell at its angles with entries, over what both show.

    Where both show all of the disc, one product of matrices does.
    """
    known, values = seen.known, seen.values * np.float32(_LEVELS)
    if entries.known is None:
        shared, own, own_squares = (each.sum(axis=1, keepdims=True) for each in (known, values, values**2))
    else:
        shared, own, own_squares = known @ entries.known, values @ entries.known, values**2 @ entries.known
    theirs, their_squares = entries.sums, entries.squares
    if entries.known is not None or not _is_whole(seen):
        theirs, their_squares = known @ entries.values, known @ entries.values**2
    shared = np.maximum(shared, 1.0)
    spread = (own_squares - own**2 / shared) * (their_squares - theirs**2 / shared)
    alike = (values @ entries.values - own * theirs / shared) / np.sqrt(np.maximum(spread, 1e-6))
    # Three digits are what is meant; more would differ from one processor to another.
    return np.where(shared >= _LEAST_SHARED * _DISC.sum(), alike.round(3), -1.0).astype(np.float32)
