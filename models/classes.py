"""The six classes of the differential and the verdicts about a cell, in their one order."""

from typing import Literal, TypeAlias

ClassName: TypeAlias = Literal["band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte"]
Verdict: TypeAlias = Literal["confirmed", "corrected", "flagged", "rejected"]

CLASSES: tuple[ClassName, ...] = ("band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte")
"""The order of every vector of six numbers in this project."""

NEUTROPHILS: tuple[int, int] = (0, 1)
"""Indices of band and segmented, which together are the total neutrophils."""

BAND_RULE = "A filament without chromatin inside between two lobes means segmented; otherwise band."
"""The filament rule, which separates bands from segmented neutrophils here."""
