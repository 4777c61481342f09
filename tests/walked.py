"""Fields of a hand's route over a simulated slide, as the finder has them."""

from dataclasses import dataclass

import numpy as np

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.registration.similarity import Similarity
from smearwatch.capture.slide.slide import Field, Slide
from smearwatch.capture.slide.view import View
from smearwatch.capture.slide.writer import encode


@dataclass(frozen=True)
class At:
    """A route through given views."""

    views: tuple[View, ...]

    def view(self, index: int) -> View:
        """Return the view of a field."""
        return self.views[index]


@dataclass(frozen=True)
class Walked:
    """A field, what was found in it, and where it truly lies."""

    field: Field
    data: bytes
    result: FieldFound
    pose: Similarity

    @property
    def size_um(self) -> complex:
        """Width and height as the finder believes them."""
        return complex(self.result.width_px, self.result.height_px) * self.result.um_per_px


def walked(views: list[View], *, seed: int = 5, **slide: object) -> list[Walked]:
    """Photograph and search a slide at these views."""
    smear = Slide(seed, **slide)  # type: ignore[arg-type]
    smear._route = At(tuple(views))  # type: ignore[assignment]
    fields = []
    for index in range(len(views)):
        field = smear.field(index)
        data = encode(field.bgr, "jpeg")
        result = find(data, um_per_px=smear.um_per_px, um_per_px_source="configured")
        assert isinstance(result, FieldFound), result
        corners = smear.frame(index).to_um(np.array([[0.0, 0.0], [1.0, 0.0]]))
        step = complex(*corners[1]) - complex(*corners[0])
        fields.append(Walked(field, data, result, Similarity(step / smear.um_per_px, complex(*corners[0]))))
    return fields


def named(photographed: Field, centre_xy_px: tuple[float, float]) -> str | None:
    """The leukocyte in whose box a found cell's middle lies, the nearest where there are two."""
    x, y = centre_xy_px
    inside = [
        (abs(complex(x, y) - complex(*cell.centre_xy_px)), cell.name)
        for cell in photographed.cells
        if cell.box_xywh_px[0] <= x <= cell.box_xywh_px[0] + cell.box_xywh_px[2]
        and cell.box_xywh_px[1] <= y <= cell.box_xywh_px[1] + cell.box_xywh_px[3]
    ]
    return min(inside)[1] if inside else None
