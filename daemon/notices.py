"""What every screen, report, card and help text says about the use of its figures."""

from typing import Final

RESEARCH_USE: Final = "For Research Use Only. Not for use in diagnostic procedures."

PRELIMINARY: Final = "Preliminary until verified by a person."
"""Beside every count that no person has signed."""
