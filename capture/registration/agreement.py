"""Check and refine the registration of two fields: small blocks all over their overlap have to look alike."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from smearwatch.capture.arrays import Flags, Image, Points
from smearwatch.capture.registration.keypoints import is_plausible
from smearwatch.capture.registration.picture import FieldPicture
from smearwatch.capture.registration.similarity import Similarity, fit_similarity

_BLOCK_PX, _STRIDE_PX = 23, 12  # 10 um and 5 um
_LEAST_CONTRAST = 14.0  # grey steps; a flatter block could lie anywhere
_ALIKE = 0.55
_WITHIN_UM = 0.6
_ROUNDS = ((22.0, 8), (50.0, 5), (1000.0, 4))  # reach around the seed in um, search in pixels
_LAST_SEARCH_PX = 3
_FEWEST_TO_REFINE, _LEAST_FOLLOWED = 3, 0.2
_MOST_TO_REFINE = 40  # blocks all over the overlap; more moved no field by more than 0.2 um
# Fields that show different places agree in up to 0.15 of their blocks, less surely so the fewer there are; each block
# shares half of its width with its neighbours, so that four of them are worth one.
_BY_CHANCE, _SURE, _SHARED_BY = 0.15, 1.1, 4.0

# Few blocks do not suffice: then the overlap is compared pixel by pixel too. So many pixels vary together.
_FEW, _INDEPENDENT_PX, _FEWEST_INDEPENDENT = 16, 80.0, 4.0
_MOST_ALIKE = 0.995
_SURE_BEYOND_CHANCE, _LEAST_OF_FEW = 5.0, 0.5


@dataclass(frozen=True, slots=True)
class Tie:
    """How a field lies in another one, as far as it was checked.

    Attributes
    ----------
    onto
        From the field's micrometres to the other's.
    agreeing, checked
        Blocks that look alike where they should, of those in the overlap that show anything.
    beyond_chance
        By how many standard deviations of chance the free overlap as a whole is alike; 0 where blocks answer alone.
    """

    onto: Similarity
    agreeing: int
    checked: int
    beyond_chance: float = 0.0

    @property
    def share(self) -> float:
        """Agreeing by checked blocks."""
        return self.agreeing / self.checked if self.checked else 0.0

    @property
    def holds(self) -> bool:
        """Whether so many blocks agree, or a narrow overlap as a whole is so much alike, that it is no chance."""
        if not is_plausible(self.onto):
            return False
        if self.beyond_chance >= _SURE_BEYOND_CHANCE and (not self.checked or self.share >= _LEAST_OF_FEW):
            return True
        return self.checked > 0 and self.share >= _BY_CHANCE + _SURE / math.sqrt(self.checked / _SHARED_BY)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Blocks of the overlap: corners in the old picture's pixels, where they were met from there, how alike."""

    corners: npt.NDArray[np.int64]
    moved_px: Points
    alike: Points


def check_overlap(new: FieldPicture, old: FieldPicture, start: Similarity, *, seed_um: complex | None = None) -> Tie:
    """Refine a guess, and count what speaks for it.

    Parameters
    ----------
    new, old
        The two fields.
    start
        The guess, from micrometres of ``new`` to those of ``old``.
    seed_um
        Where in ``old`` the guess is surest: the check begins there and grows. None: it is as sure everywhere.

    Returns
    -------
    Tie
        Ask it whether it `holds`.
    """
    onto = start
    for reach_um, search_px in _ROUNDS[0 if seed_um is not None else 2 :]:
        blocks = _blocks_around(new, old, onto, seed_um, reach_um, search_px)
        refined = _refine(blocks, onto, old.um_per_px)
        if refined is None or not is_plausible(refined):
            return Tie(onto, 0, len(blocks.alike))
        followed = int(_follow(blocks, onto, refined, old.um_per_px).sum())
        onto = refined
        if followed < _LEAST_FOLLOWED * len(blocks.alike):
            return Tie(onto, 0, len(blocks.alike))  # most guesses are wrong, and end here
    # Leukocytes led to this guess, or may have: what lies around them has to decide, for two of them may look alike.
    warped, free = _lay_onto(new, old, onto, new.free)
    blocks = _compare_blocks(warped, free & (old.free > 0), old.grey, _LAST_SEARCH_PX)
    met_um = blocks.moved_px * old.um_per_px
    agreeing = (blocks.alike >= _ALIKE) & (np.hypot(met_um[:, 0], met_um[:, 1]) <= _WITHIN_UM)
    beyond = _beyond_chance(warped, old.grey, free & (old.free > 0)) if len(agreeing) <= _FEW else 0.0
    return Tie(onto, int(agreeing.sum()), len(agreeing), beyond)


def _beyond_chance(warped: Image, grey: Image, where: Flags) -> float:
    """Compare a narrow overlap as a whole: Fisher's z of the correlation, in standard deviations of chance."""
    independent = float(where.sum()) / _INDEPENDENT_PX
    if independent <= _FEWEST_INDEPENDENT:
        return 0.0
    one, two = warped[where].astype(np.float64), grey[where].astype(np.float64)
    one, two = one - one.mean(), two - two.mean()
    spread = math.sqrt(float(one @ one) * float(two @ two))
    if spread < where.sum() * _LEAST_CONTRAST**2:
        return 0.0
    alike = min(float(one @ two) / spread, _MOST_ALIKE)
    return math.atanh(alike) * math.sqrt(independent - 3.0)


def _blocks_around(
    new: FieldPicture, old: FieldPicture, onto: Similarity, seed_um: complex | None, reach_um: float, search_px: int
) -> _Blocks:
    warped, covered = _lay_onto(new, old, onto, np.full(new.grey.shape, 255, np.uint8))
    if seed_um is not None:
        covered &= _near(old, seed_um, reach_um)
    return _compare_blocks(warped, covered, old.grey, search_px, _MOST_TO_REFINE)


def _lay_onto(new: FieldPicture, old: FieldPicture, onto: Similarity, used: Image) -> tuple[Image, Flags]:
    """Draw one picture into the other's pixels; return also where the used part of it covers them."""
    matrix = onto.pixel_matrix(new.um_per_px, old.um_per_px)
    size = (old.grey.shape[1], old.grey.shape[0])
    warped = cv2.warpAffine(new.grey, matrix, size, flags=cv2.INTER_LINEAR)
    covered = cv2.warpAffine(used, matrix, size, flags=cv2.INTER_NEAREST)
    return np.asarray(warped, np.uint8), np.asarray(covered > 0, np.bool_)


def _near(old: FieldPicture, seed_um: complex, reach_um: float) -> Flags:
    height, width = old.grey.shape
    x = (np.arange(width) + 0.5) * old.um_per_px - seed_um.real
    y = (np.arange(height) + 0.5) * old.um_per_px - seed_um.imag
    return np.asarray((np.abs(x)[None, :] <= reach_um) & (np.abs(y)[:, None] <= reach_um), np.bool_)


def _compare_blocks(warped: Image, covered: Flags, grey: Image, search_px: int, most: int | None = None) -> _Blocks:
    """Search for each block of the warped picture near its position in the other; every so many-th where too many."""
    corners = _blocks_to_compare(warped, covered)
    if most is not None and len(corners) > most:
        corners = corners[np.linspace(0, len(corners) - 1, most).round().astype(int)]
    moved = np.empty((len(corners), 2), np.float64)
    alike = np.empty(len(corners), np.float64)
    for at, (left, top) in enumerate(corners.tolist()):
        bottom, right = top + _BLOCK_PX, left + _BLOCK_PX
        y0, x0 = max(top - search_px, 0), max(left - search_px, 0)
        window = grey[y0 : bottom + search_px, x0 : right + search_px]
        scores = cv2.matchTemplate(window, warped[top:bottom, left:right], cv2.TM_CCOEFF_NORMED)
        _, alike[at], _, (x, y) = cv2.minMaxLoc(scores)
        moved[at] = x0 + x - left, y0 + y - top
    return _Blocks(corners, moved, alike)


def _blocks_to_compare(warped: Image, covered: Flags) -> npt.NDArray[np.int64]:
    """Return the corners of all blocks that are covered and show anything, row by row: int64 [n, 2: left, top]."""
    shown = covered.astype(np.uint8)
    x_px, y_px, width, height = cv2.boundingRect(shown)
    left, top = (each.ravel() for each in np.meshgrid(_starts(x_px, width), _starts(y_px, height)))
    area = _BLOCK_PX * _BLOCK_PX
    whole = _inside(cv2.integral(shown), left, top) == area
    left, top = left[whole], top[whole]
    sums, squares = cv2.integral2(warped, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
    mean = _inside(sums, left, top) / area
    uneven = _inside(squares, left, top) / area - mean**2 >= _LEAST_CONTRAST**2
    return np.stack([left[uneven], top[uneven]], axis=1)


def _starts(first: int, length: int) -> npt.NDArray[np.int64]:
    """Return where blocks begin along one side of the overlap, from one end to the other, however narrow it is."""
    room = length - _BLOCK_PX
    if room < 0:
        return np.zeros(0, np.int64)
    return np.linspace(first, first + room, -(-room // _STRIDE_PX) + 1).round().astype(np.int64)


def _inside(total: npt.NDArray[np.generic], left: npt.NDArray[np.int64], top: npt.NDArray[np.int64]) -> Points:
    """Return the sum over each block, from the sums over all that lies above and left of each pixel."""
    sums, bottom, right = total.astype(np.float64, copy=False), top + _BLOCK_PX, left + _BLOCK_PX
    return np.asarray(sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left], np.float64)


def _follow(blocks: _Blocks, onto: Similarity, refined: Similarity, um_per_px: float) -> Flags:
    """Return which blocks look alike where the refined map puts them."""
    middles_um = np.asarray((blocks.corners + _BLOCK_PX / 2.0) * um_per_px, np.float64)
    wanted = refined.of_all(onto.inverse().of_all(middles_um))
    apart = np.hypot(*(middles_um + blocks.moved_px * um_per_px - wanted).T)
    return np.asarray((blocks.alike >= _ALIKE) & (apart <= _WITHIN_UM), np.bool_)


def _refine(blocks: _Blocks, onto: Similarity, um_per_px: float) -> Similarity | None:
    good = blocks.alike >= _ALIKE
    if good.sum() < _FEWEST_TO_REFINE:
        return None
    middles_um = np.asarray((blocks.corners[good] + _BLOCK_PX / 2.0) * um_per_px, np.float64)
    return fit_similarity(
        onto.inverse().of_all(middles_um), middles_um + blocks.moved_px[good] * um_per_px, within_um=_WITHIN_UM
    )
