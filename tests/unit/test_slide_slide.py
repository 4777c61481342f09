"""The slide's fields: the same for the same seed, and the truth true."""

import numpy as np
import pytest

from smearwatch.capture.slide.errors import SlideError
from smearwatch.capture.slide.optics import Optics
from smearwatch.capture.slide.plane import PlacedLeukocyte
from smearwatch.capture.slide.slide import Slide, true_cell
from smearwatch.capture.slide.stain import Stain


def _small(seed, **more):
    return Slide(seed, width_px=720, height_px=450, um_per_px=0.12, **more)


def test_the_same_seed_gives_the_same_fields_in_any_order():
    one, other = _small(8), _small(8)
    forward = [one.field(i) for i in (0, 1, 2)]
    backward = [other.field(i) for i in (2, 1, 0)][::-1]
    for first, second in zip(forward, backward, strict=True):
        assert np.array_equal(first.bgr, second.bgr)
        assert first.cells == second.cells
    assert not np.array_equal(forward[0].bgr, _small(9).field(0).bgr)


def test_fields_go_on_from_any_number():
    slide = _small(8)
    fields = slide.fields(5)
    assert [next(fields).index for _ in range(3)] == [5, 6, 7]


def test_every_true_box_holds_a_dark_nucleus_and_no_nucleus_lies_outside():
    plain = {"stain": Stain(), "optics": Optics(vignetting=0.0), "variation": 0.0}
    slide = _small(3, leukocytes_per_mm2=500.0, **plain)
    checked = 0
    for index in range(12):
        field = slide.field(index)
        dark = field.bgr[:, :, 2] < 110
        for cell in field.cells:
            x, y, w, h = cell.box_xywh_px
            if not cell.at_edge:
                assert dark[y : y + h, x : x + w].sum() * 0.12**2 > 15.0
                checked += 1
            dark[y : y + h, x : x + w] = False
        # What is left is platelets, far smaller than a nucleus.
        assert dark.sum() * 0.12**2 < 25.0
    assert checked > 15


def test_no_leukocyte_is_seen_in_two_fields():
    slide = _small(5, leukocytes_per_mm2=500.0)
    names = [cell.name for index in (0, 1, 2, 3, 76, 77, 78, 79) for cell in slide.field(index).cells]
    assert len(names) > 12
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("sides", "box", "at_edge"),
    [
        ((10.2, 20.0, 60.4, 80.0), (10, 20, 50, 60), False),
        ((-5.0, 20.0, 60.0, 80.0), (0, 20, 60, 60), True),
        ((10.0, 0.0, 60.0, 80.0), (10, 0, 50, 80), True),
        ((150.0, 20.0, 230.0, 80.0), (150, 20, 50, 60), True),
        ((10.0, 60.0, 60.0, 100.0), (10, 60, 50, 40), True),
        ((-80.0, 20.0, -1.0, 80.0), None, False),
        ((10.0, 100.2, 60.0, 180.0), None, False),
    ],
)
def test_a_cell_at_the_edge_is_marked_and_its_box_cut(sides, box, at_edge):
    cell = true_cell(PlacedLeukocyte("a", "band", 0.0, 0.0, (1,)), sides, (200, 100))
    assert (cell and cell.box_xywh_px) == box
    if cell:
        assert cell.at_edge is at_edge


@pytest.mark.parametrize("um_per_px", [0.022, 0.05, 0.13])
def test_any_scale_and_size_can_be_had(um_per_px):
    field = Slide(1, um_per_px=um_per_px, width_px=641, height_px=479).field(0)
    assert field.bgr.shape == (479, 641, 3)
    assert field.um_per_px == um_per_px


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("um_per_px", 0.0),
        ("um_per_px", float("nan")),
        ("um_per_px", 50.0),
        ("width_px", 0),
        ("height_px", 30000),
        ("leukocytes_per_mm2", 1e9),
        ("blurred_share", 1.5),
    ],
)
def test_a_value_outside_its_limits_is_refused_with_its_mend(name, value):
    with pytest.raises(SlideError) as refused:
        Slide(**{"seed": 1, name: value})
    assert str(value) in str(refused.value)
    assert refused.value.hint
