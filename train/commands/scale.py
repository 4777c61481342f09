"""The scale as a person types it."""

import math
import sys

import typer

# Finer than any light microscope resolves, and coarser than a leukocyte can be told apart at.
LEAST_UM_PER_PX, MOST_UM_PER_PX = 0.01, 1.0


def checked_scale(text: str, option: str = "--um-per-px") -> float:
    """Read micrometres per pixel; a value that makes no sense is wrong usage: one line, and exit status 2."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not LEAST_UM_PER_PX <= value <= MOST_UM_PER_PX:
        mend = f"give a number from {LEAST_UM_PER_PX} to {MOST_UM_PER_PX}"
        sys.stderr.write(f"smearwatch: {option} {text}: no usable scale ({mend})\n")
        raise typer.Exit(2)
    return value
