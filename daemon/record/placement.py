"""Where on the slide a frame was taken, and which cell of which frame is meant."""

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
