"""What was found in a frame: its leukocytes, and why some of them are not counted."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic.dataclasses import dataclass

from smearwatch.daemon.record.nucleus import Nucleus
from smearwatch.daemon.record.placement import CellName, Placement
from smearwatch.daemon.record.schema import (
    FIRST_FORM,
    NUCLEI_FORM,
    SCALE_FORM,
    SEARCHED_FORM,
    SIZES_FORM,
    STAINS_FORM,
    THUMBNAILS_FORM,
)
from smearwatch.daemon.record.stain import CellStain
from smearwatch.daemon.record.values import STRICT, Count, Ordinal, Positive, Sha256, Word, without_none

LeftOut: TypeAlias = Literal[0, 1, 2, 3]
COUNTS: Final = 0
CUT: Final = 1
SEEN_BEFORE: Final = 2
BETTER: Final = 3


@dataclass(frozen=True, slots=True, config=STRICT)
class FoundCell:
    """One leukocyte in a frame: box (x, y, width, height) and centre (x, y) in pixels, area in square µm.

    ``same_as`` names the cell of an earlier frame that shows the same leukocyte whole: that one is counted. Where this
    view is clearly better than the best one until now, ``better_than`` names that one; this one's verdict replaces its.
    ``stain`` is its stain as photographed, where it gets a verdict; ``nucleus`` the shape of a whole cell's nucleus.
    ``thumbnail`` is the SHA-256 of its small picture, which is kept beside the events.
    """

    index: Count
    box: tuple[int, int, Ordinal, Ordinal]
    centre_xy_px: tuple[float, float]
    area_um2: Annotated[float, Field(ge=0)]
    at_edge: bool
    score: float
    same_as: CellName | None = None
    better_than: CellName | None = None
    stain: CellStain | None = None
    nucleus: Nucleus | None = None
    thumbnail: Sha256 | None = None

    @property
    def left_out(self) -> LeftOut:
        """Why the cell is not counted, ``COUNTS`` when it is: cut by the edge, or seen before, if only less well."""
        if self.at_edge:
            return CUT
        if self.same_as is None:
            return COUNTS
        return SEEN_BEFORE if self.better_than is None else BETTER

    @property
    def is_judged(self) -> bool:
        """Whether the cell gets a verdict: as one that counts, or in the place of a view that is less good."""
        return self.left_out in (COUNTS, BETTER)

    @model_validator(mode="after")
    def _check_better_view(self) -> "FoundCell":
        if self.better_than is not None and (self.at_edge or self.same_as is None):
            raise ValueError("a better view of a cell that was not seen before, or that is cut")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "same_as", "better_than", "stain", "nucleus", "thumbnail")


@dataclass(frozen=True, slots=True, config=STRICT)
class Found:
    """The leukocytes of a frame. Those at the edge are cut, so they are shown and never counted.

    ``placement`` is where on the slide the frame was taken; None where frames are not placed. ``scale_unsure`` is
    true, or not there: the frame's own red cells do not surely agree with its scale. ``unsearched_percent`` is how much
    of the frame was not searched although cells are faintly seen there, or not there. ``um_per_px_own`` is what its red
    cells surely say where they were held against the scale of the session's first ones; None where they were not, or
    are not sure.
    """

    frame: Sha256
    width_px: Ordinal
    height_px: Ordinal
    um_per_px: Positive
    um_per_px_source: Word
    um_per_px_estimate: Positive | None
    focus: float
    cells: tuple[FoundCell, ...]
    placement: Placement | None = None
    scale_unsure: Literal[True] | None = None
    unsearched_percent: Annotated[int, Field(ge=1, le=100)] | None = None
    um_per_px_own: Positive | None = None
    kind: Literal["found"] = "found"

    @property
    def size_um(self) -> complex:
        """Width and height, x + iy."""
        return complex(self.width_px, self.height_px) * self.um_per_px

    def to_slide(self, x_px: float, y_px: float) -> complex | None:
        """Return where a point of the frame lies in its island, x + iy in um; None where frames are not registered."""
        if self.placement is None:
            return None
        return self.placement.to_slide(complex(x_px, y_px) * self.um_per_px, self.size_um)

    def with_thumbnails(self, jpegs: Mapping[tuple[str, int], bytes]) -> "Found":
        """Return it with the digests of its cells' small pictures, which are given by frame and index."""
        digests = {
            index: hashlib.sha256(jpeg).hexdigest() for (frame, index), jpeg in jpegs.items() if frame == self.frame
        }
        return replace(self, cells=tuple([replace(cell, thumbnail=digests.get(cell.index)) for cell in self.cells]))

    @property
    def form(self) -> int:
        """Which form of a ledger has what is said of its scale and cells, where they lie apart."""
        stains = [cell.stain for cell in self.cells if cell.stain is not None]
        needed = (
            (STAINS_FORM, bool(stains)),
            (SIZES_FORM, any(stain.red_cell_um is not None for stain in stains)),
            (NUCLEI_FORM, any(cell.nucleus is not None for cell in self.cells)),
            (THUMBNAILS_FORM, any(cell.thumbnail is not None for cell in self.cells)),
            (SCALE_FORM, self.scale_unsure is True or self.um_per_px_own is not None),
            (SEARCHED_FORM, self.unsearched_percent is not None),
        )
        return max((form for form, is_needed in needed if is_needed), default=FIRST_FORM)

    @model_validator(mode="after")
    def _check_cells_differ(self) -> "Found":
        if len({cell.index for cell in self.cells}) != len(self.cells):
            raise ValueError("two cells with the same index")
        if any(cell.same_as is not None and cell.same_as.frame == self.frame for cell in self.cells):
            raise ValueError("a cell that was seen before in its own frame")
        replaced = [cell.better_than for cell in self.cells if cell.better_than is not None]
        if len(set(replaced)) != len(replaced):
            raise ValueError("two cells that are better than the same one")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_none(handler(self), "placement", "scale_unsure", "unsearched_percent", "um_per_px_own")
