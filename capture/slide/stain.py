"""The stain: how strongly each substance of a cell takes light away, and how that differs between laboratories."""

from dataclasses import dataclass, fields
from typing import Literal, Self, TypeAlias

import numpy as np

CellClass: TypeAlias = Literal["band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte"]
"""Name of a leukocyte class."""

CELL_CLASSES: tuple[CellClass, ...] = (
    "band",
    "segmented",
    "eosinophil",
    "basophil",
    "monocyte",
    "lymphocyte",
)
"""The classes that can be drawn, in the order used everywhere; a test holds them equal to those that are counted."""

Od: TypeAlias = tuple[float, float, float]
"""Optical density (natural logarithm) for blue, green and red light."""


@dataclass(frozen=True, slots=True)
class Stain:
    """Optical density (natural logarithm; blue, green, red) of each stained substance at full strength.

    The defaults are close to a May-Gruenwald-Giemsa smear photographed with a neutral white balance; they were
    read as -log(colour / background) at typical places of stained cells.
    """

    chromatin: Od = (0.42, 1.90, 1.27)
    monocyte_chromatin: Od = (0.40, 1.62, 1.02)
    basophil_chromatin: Od = (0.40, 1.45, 0.98)
    neutrophil_cytoplasm: Od = (0.12, 0.27, 0.17)
    neutrophil_granule: Od = (0.16, 0.55, 0.26)
    eosinophil_granule: Od = (0.42, 0.93, 0.40)
    basophil_granule: Od = (0.52, 2.20, 1.45)
    basophil_cytoplasm: Od = (0.13, 0.36, 0.18)
    monocyte_cytoplasm: Od = (0.14, 0.42, 0.38)
    lymphocyte_cytoplasm: Od = (0.11, 0.46, 0.50)
    platelet: Od = (0.34, 1.00, 0.66)
    haemoglobin: Od = (0.19, 0.31, 0.19)

    @classmethod
    def draw(cls, rng: np.random.Generator, *, variation: float = 1.0) -> Self:
        """Draw a laboratory's stain: strength, tint and the balance of the dyes differ from the default.

        Parameters
        ----------
        rng
            Source of randomness.
        variation
            0 gives the default stain, 1 the usual spread between laboratories.
        """
        strength = np.exp(variation * rng.normal(0.0, 0.10))
        tint = np.exp(variation * rng.normal(0.0, (0.22, 0.06, 0.10)))
        # The two dyes drift apart: azure colours chromatin and granules, eosin colours haemoglobin and eosinophils.
        eosin = np.exp(variation * rng.normal(0.0, 0.08))
        haem_tint = np.exp(variation * rng.normal(0.0, (0.22, 0.05, 0.10)))
        drawn: dict[str, Od] = {}
        for field in fields(cls):
            own = np.exp(variation * rng.normal(0.0, 0.07, 3))
            od = np.asarray(field.default) * strength * tint * own
            if field.name == "haemoglobin":
                od = od * eosin * haem_tint
            elif field.name == "eosinophil_granule":
                od = od * eosin
            drawn[field.name] = (float(od[0]), float(od[1]), float(od[2]))
        return cls(**drawn)
