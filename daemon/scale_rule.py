"""The scale that a person states: one rule for options, settings, recipes and kept calibrations."""

import math
from typing import Annotated

from pydantic import AfterValidator

# Finer than any light microscope resolves; coarser, and a leukocyte has too few pixels to be classified.
LEAST_UM_PER_PX, MOST_UM_PER_PX = 0.01, 1.0

PLAUSIBLE_UM_PER_PX = (LEAST_UM_PER_PX, 0.6)
"""What a file's metadata or red cells may claim unasked; a printer's 300 dpi would be 85 µm/px."""

USABLE = f"a number from {LEAST_UM_PER_PX:g} to {MOST_UM_PER_PX:g}"
"""What a scale may be, in words, in micrometres per pixel."""


class ScaleUnusable(ValueError):
    """A scale that no smear is counted at, as it was typed."""

    wrongly_typed = True

    def __init__(self, option: str, text: str, *, or_auto: bool = False) -> None:
        super().__init__(f"{option} {text}: no usable scale")
        self.hint = f"give {'auto or ' if or_auto else ''}{USABLE}"


def is_usable(um_per_px: float) -> bool:
    """Return whether cells can be counted at a scale."""
    return LEAST_UM_PER_PX <= um_per_px <= MOST_UM_PER_PX


def typed_scale(text: str, option: str = "--um-per-px", *, or_auto: bool = False) -> float:
    """Read micrometres per pixel from a command line.

    Parameters
    ----------
    text, option
        What was typed, and where.
    or_auto
        Whether the word ``auto`` could have stood there.

    Raises
    ------
    ScaleUnusable
        It is no number, or none that cells can be counted at.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not is_usable(value):
        raise ScaleUnusable(option, text, or_auto=or_auto)
    return value


def given_scale(text: str | None, option: str) -> float | None:
    """Read micrometres per pixel from an option that may be left out; raises `ScaleUnusable`."""
    return None if text is None else typed_scale(text, option)


def typed_scale_or_auto(text: str, option: str = "--um-per-px") -> float | None:
    """Read micrometres per pixel, or None for the word ``auto``; raises `ScaleUnusable`."""
    return None if text == "auto" else typed_scale(text, option, or_auto=True)


def _checked(value: float) -> float:
    if not is_usable(value):
        raise ValueError(f"{value:g} is no usable scale; give {USABLE}")
    return value


UmPerPx = Annotated[float, AfterValidator(_checked)]
"""A scale in a settings model."""
