"""The mark: whether a session's percentages stand on a doubtful scale, or on cells unlike those trained on. Pure."""

from typing import Final

WARNING: Final = "percentages may be wrong"
_UNLIKE: Final = "cells unlike what the weights were trained on"
_SCALE: Final = "the scale is contradicted by the red cells"
WORDS: Final = f"{_UNLIKE}: {WARNING}"
SCALE_WORDS: Final = f"{_SCALE}: {WARNING}"
BOTH_WORDS: Final = f"{_UNLIKE}, and {_SCALE}: {WARNING}"
"""What the mark says, wherever it stands; the warning alone beside words that say what is unlike."""

SHARE: Final = 0.1
"""More than this share of the cells judged under a drift alarm, or of the counted ones unfamiliar, is too much."""

FEWEST: Final = 3
"""Fewer unfamiliar cells mark nothing: single odd ones come in every session, and are flagged."""


def mark_of(
    *, alarmed: bool, drifted: int, judged: int, unfamiliar: int, counted: int, contradicted: bool = False
) -> str | None:
    """Return what is to be said beside every percentage of a session, None for nothing.

    Parameters
    ----------
    alarmed
        Whether the drift alarm is on now.
    drifted, judged
        How many cells were judged under a drift alarm, of how many; rejected ones are among both.
    unfamiliar, counted
        How many of the counted cells are unfamiliar; rejected ones are in neither.
    contradicted
        Whether the red cells contradict the scale.
    """
    many_drifted = drifted > SHARE * judged
    many_unfamiliar = unfamiliar >= FEWEST and unfamiliar > SHARE * counted
    if alarmed or many_drifted or many_unfamiliar:
        return BOTH_WORDS if contradicted else WORDS
    return SCALE_WORDS if contradicted else None
