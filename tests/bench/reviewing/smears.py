"""Smears and machines: true shares, and how each machine names what it sees."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from smearwatch.daemon.record.classes import CLASSES

Matrix = NDArray[np.float64]
Counts = NDArray[np.int64]

MIXES: Final = {
    "healthy": (0.04, 0.56, 0.03, 0.005, 0.065, 0.30),
    "left shift": (0.22, 0.48, 0.01, 0.002, 0.088, 0.20),
}
"""True shares of the six classes."""

NO_LEUKOCYTE: Final = 0.06
"""This share of the pictures shows none of the six."""

_NEAR: Final = (1, 0, 1, 1, 5, 4)
_BASOPHIL, _LYMPHOCYTE, _NONE = CLASSES.index("basophil"), CLASSES.index("lymphocyte"), len(CLASSES)

ERRORS: Final = ("near", "to lymphocyte", "to basophil", "rare lost")
"""How errors lean: to the class that is likest; all to a frequent class, or all to the rarest; or rare classes alone
are misnamed, three times as often, and frequent ones never."""


def machine(errors: str, rate: float, mix: tuple[float, ...]) -> Matrix:
    """Return the share of each true kind [7] that the machine calls each word [7]; the last are none and rejected.

    Rejected are nine tenths of what is no leukocyte, and of the leukocytes a quarter as many as are misnamed.
    """
    six = len(CLASSES)
    words = np.zeros((six + 1, six + 1))
    for true, share in enumerate(mix):
        wrong = rate
        if errors == "rare lost":
            wrong = min(3 * rate, 1.0) if share < 0.1 else 0.0
        goal = {"to lymphocyte": _LYMPHOCYTE, "to basophil": _BASOPHIL}.get(errors, _NEAR[true])
        words[true, true] += (1 - rate / 4) * (1 - wrong)
        words[true, _NEAR[true] if goal == true else goal] += (1 - rate / 4) * wrong
        words[true, _NONE] = rate / 4
    words[_NONE, :six], words[_NONE, _NONE] = 0.1 / six, 0.9
    return words


def pictures(mix: tuple[float, ...], words: Matrix, count: int, smears: int, random: np.random.Generator) -> Counts:
    """Draw smears of so many pictures: how many are truly this and named that [smears, 7, 7]."""
    truly = np.append(np.array(mix) / sum(mix) * (1 - NO_LEUKOCYTE), NO_LEUKOCYTE)
    joint = truly[:, None] * words
    drawn: Counts = random.multinomial(count, joint.ravel(), size=smears).reshape(smears, *joint.shape)
    return drawn
