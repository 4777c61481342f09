"""Where on the slide a frame was taken, and which cell of which frame is meant."""

import cmath
import math
from typing import Literal

from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.values import STRICT, Count, Positive, Sha256


@dataclass(frozen=True, slots=True, config=STRICT)
class CellName:
    """A cell by its frame and its number there."""

    frame: Sha256
    index: Count


@dataclass(frozen=True, slots=True, config=STRICT)
class Placement:
    """A frame's place in slide coordinates, or that it has none.

    ``placed`` was registered to the frames ``tied_to``; ``first`` begins an island of coordinates in which others may
    be placed; ``unplaced`` could be registered to none of those that were there before, so whether its cells were seen
    before is not known, and it begins an island, too. The middle of the frame lies at ``x_um``, ``y_um`` of its
    ``island``, turned by ``angle_deg``, and its pixels are ``scale`` times those of the island's first frame.
    """

    status: Literal["first", "placed", "unplaced"]
    island: Count
    x_um: float
    y_um: float
    angle_deg: float
    scale: Positive
    tied_to: tuple[Sha256, ...] = ()

    def to_slide(self, point_um: complex, size_um: complex) -> complex:
        """Return where a point of the frame lies in its island.

        Parameters
        ----------
        point_um
            The point, from the frame's upper left corner, x + iy.
        size_um
            Width and height of the frame, x + iy.
        """
        return complex(self.x_um, self.y_um) + self._factor * (point_um - size_um / 2)

    def to_frame(self, point_um: complex, size_um: complex) -> complex:
        """Return where a point of the island lies in the frame; the inverse of `to_slide`."""
        return (point_um - complex(self.x_um, self.y_um)) / self._factor + size_um / 2

    @property
    def _factor(self) -> complex:
        return cmath.rect(self.scale, math.radians(self.angle_deg))
