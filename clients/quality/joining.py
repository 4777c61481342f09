"""Parts of the map that show the same leukocytes are put together: the record names the cells, and not how parts lie.

A field that is tied to two parts is placed in one of them. The leukocytes that it shows again belong to either, so both
parts have places of the same cells, and from two such cells it follows how one part lies to the other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

_APART_UM: Final = 25.0  # two cells that are nearer tell the turn too badly
_MISS_UM: Final = 5.0
_LARGER: Final = 1.07  # a session's fields differ by so much in scale, and no more


@dataclass(frozen=True, slots=True)
class Motion:
    """Maps a place z = x + iy of an island to ``factor * z + shift`` in its part."""

    part: int
    factor: complex = 1 + 0j
    shift: complex = 0j

    def at(self, place: complex) -> complex:
        """Map one place."""
        return self.factor * place + self.shift


def join(islands: Iterable[int], leukocytes: Iterable[Mapping[int, complex]]) -> dict[int, Motion]:
    """Return for each island which part of the map it is in, and how it lies there.

    Parameters
    ----------
    islands
        The systems of coordinates of a session.
    leukocytes
        For each leukocyte its place in each island that shows it, in um.
    """
    shared: dict[tuple[int, int], list[tuple[complex, complex]]] = {}
    for places in leukocytes:
        for one, other in combinations(sorted(places), 2):
            shared.setdefault((one, other), []).append((places[one], places[other]))
    motions = {island: Motion(island) for island in islands}
    # What is told best first; a part that is joined already stays as it lies.
    for (one, other), pairs in sorted(shared.items(), key=lambda each: -_spread(each[1])):
        fitted = _fit(pairs)
        if fitted is None or motions[one].part == motions[other].part:
            continue
        factor, shift = fitted  # from `other` to `one`
        goal, moved = motions[one], motions[other]
        # other's part -> other -> one -> one's part
        turn = goal.factor * factor / moved.factor
        move = goal.at(shift) - turn * moved.shift
        for island, motion in motions.items():
            if motion.part == moved.part:
                motions[island] = Motion(goal.part, turn * motion.factor, turn * motion.shift + move)
    return motions


def _spread(pairs: list[tuple[complex, complex]]) -> float:
    return max((abs(one[0] - two[0]) for one, two in combinations(pairs, 2)), default=0.0)


def _fit(pairs: list[tuple[complex, complex]]) -> tuple[complex, complex] | None:
    """Return factor and shift from the second places to the first; None where they do not tell."""
    if _spread(pairs) < _APART_UM:
        return None
    to, of = (sum(each[side] for each in pairs) / len(pairs) for side in (0, 1))
    above = sum((goal - to) * (place - of).conjugate() for goal, place in pairs)
    below = sum(abs(place - of) ** 2 for _, place in pairs)
    if not below:
        return None
    factor = above / below
    shift = to - factor * of
    missed = max(abs(factor * place + shift - goal) for goal, place in pairs)
    if missed > _MISS_UM or not 1 / _LARGER <= abs(factor) <= _LARGER:
        return None
    return factor, shift
