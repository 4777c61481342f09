"""The shape of a found cell's nucleus, as the ledger records it."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.values import STRICT, Ordinal, Positive


@dataclass(frozen=True, slots=True, config=STRICT)
class Nucleus:
    """Lengths of a nucleus in µm, along its middle line, and the number of its lobes.

    ``narrowest_um`` is the narrowest place that has wider ones on both sides: the widest place's where the nucleus only
    tapers, 0 where its lobes are apart.
    """

    widest_um: Positive
    narrowest_um: Annotated[float, Field(ge=0)]
    length_um: Positive
    lobes: Ordinal

    @property
    def long_to_short(self) -> float:
        """How many times as long as wide it is."""
        return self.length_um / self.widest_um
