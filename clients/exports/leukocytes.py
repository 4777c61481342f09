"""Cells in a volume of blood: only where a person gives the leukocyte count that another device measured."""

from dataclasses import dataclass
from typing import Final, Self

from pydantic import field_validator, model_validator

from smearwatch.clients.exports.result import Row, SessionResult, Share
from smearwatch.daemon.plugin_options import Options

UNIT: Final = "10\N{SUPERSCRIPT NINE}/L"
"""The unit of every count in a volume."""

MOST: Final = 1000.0
"""No blood has so many leukocytes in 10^9/L: a larger number was typed in another unit."""

NUCLEATED_RED_CELL: Final = "erythroblast"


@dataclass(frozen=True, slots=True)
class Leukocytes:
    """The leukocyte count of the blood, in 10^9/L.

    Attributes
    ----------
    given
        As it was typed.
    used
        What absolute counts are made of: corrected for nucleated red cells where there is something to correct.
    per_100
        Nucleated red cells for each 100 leukocytes that it was corrected for; None where it was not.
    says
        One sentence about the correction, for a person.
    """

    given: float
    used: float
    per_100: float | None
    says: str

    def absolute(self, share: Share | None) -> Share | None:
        """Return a share in percent as cells in a volume; its limits hold no error of the leukocyte count itself."""
        if share is None or share.value is None:
            return None
        value, low, high = (self.used * each / 100 for each in (share.value, share.low, share.high))
        return Share(value, low, high)


class BloodOptions(Options):
    """What only the laboratory knows of the blood: ``wbc`` is its leukocyte count in 10^9/L, for counts in a volume."""

    wbc: float | None = None
    wbc_corrected: bool = False

    @field_validator("wbc")
    @classmethod
    def _a_count(cls, wbc: float | None) -> float | None:
        if wbc is not None and not 0 < wbc < MOST:
            raise ValueError(f"a leukocyte count in 10^9/L is above 0 and below {MOST:.0f}; 7200 in a uL are 7.2")
        return wbc

    @model_validator(mode="after")
    def _of_a_count(self) -> Self:
        if self.wbc_corrected and self.wbc is None:
            raise ValueError("wbc_corrected is of a leukocyte count, and wbc gives none")
        return self

    def blood(self, result: SessionResult) -> Leukocytes | None:
        """Return the leukocyte count that counts in a volume are made of, None where none was given."""
        return None if self.wbc is None else leukocytes(result, self.wbc, corrected_already=self.wbc_corrected)


def leukocytes(result: SessionResult, given: float, *, corrected_already: bool) -> Leukocytes:
    """Correct a leukocyte count for the nucleated red cells that persons named: x 100 / (100 + nucleated red cells).

    Parameters
    ----------
    given
        In 10^9/L.
    corrected_already
        Whether the device that measured it has left nucleated red cells out.
    """
    if corrected_already:
        return Leukocytes(given, given, None, "Nucleated red cells are left out of it already, as was typed.")
    if result.reviewed_cells is None:
        return Leukocytes(
            given, given, None, "Not corrected for nucleated red cells: nobody has labelled a cell, so none are known."
        )
    row = next((row for row in result.rows if row.label == NUCLEATED_RED_CELL), None)
    per_100 = _per_100(row, result.reviewed_cells)
    if not per_100:
        return Leukocytes(given, given, None, "Nobody has named a nucleated red cell, so there is nothing to correct.")
    used = given * 100 / (100 + per_100)
    says = (
        f"Corrected for {per_100:.1f} nucleated red cells for each 100 leukocytes: {given:g} \N{MULTIPLICATION SIGN} "
        f"100 / (100 + {per_100:.1f}) = {used:.2f}. Right only if the device had counted them as leukocytes."
    )
    return Leukocytes(given, used, per_100, says)


def _per_100(row: Row | None, cells: int) -> float:
    return 0.0 if row is None or not row.reviewed or not cells else 100 * row.reviewed / cells
