"""Leukocytes are found on the simulated slide, and nothing else is taken for one."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.mix import Mix
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.light import WHITE, flatten_field
from smearwatch.capture.vision.segment import CYTOPLASM, NUCLEUS, segment


def _contains(box, point):
    x, y, width, height = box
    return x <= point[0] <= x + width and y <= point[1] <= y + height


@pytest.mark.parametrize("um_per_px", [0.08, 0.13])
def test_every_whole_cell_is_found_once_and_nothing_else(um_per_px):
    size = {"width_px": round(90 / um_per_px), "height_px": round(60 / um_per_px)}
    slide = Slide(7, um_per_px=um_per_px, leukocytes_per_mm2=600.0, **size)
    truths = found = 0
    for index in range(6):
        field = slide.field(index)
        result = segment(flatten_field(field.bgr, um_per_px), um_per_px)
        assert result.mask().shape == field.bgr.shape[:2]
        assert set(np.unique(result.mask())) <= {0, CYTOPLASM, NUCLEUS}
        for truth in field.cells:
            holding = [cell for cell in result.cells if _contains(cell.box, truth.centre_xy_px)]
            if not truth.at_edge:
                truths += 1
                found += len(holding) == 1
        for cell in result.cells:
            assert any(_contains(cell.box, truth.centre_xy_px) for truth in field.cells)
            assert 0.0 <= cell.score <= 1.0
    assert truths >= 4
    assert found == truths


@pytest.mark.parametrize("cls", ["band", "segmented", "eosinophil", "basophil", "monocyte", "lymphocyte"])
def test_each_class_is_one_whole_cell(cls):
    slide = Slide(11, um_per_px=0.1, width_px=700, height_px=500, mix=Mix.parse(f"{cls}=100"))
    whole = overlaps = 0
    for index in range(12):
        field = slide.field(index)
        truths = [truth for truth in field.cells if not truth.at_edge]
        if not truths:
            continue
        result = segment(flatten_field(field.bgr, 0.1), 0.1)
        for truth in truths:
            (cell,) = [cell for cell in result.cells if _contains(cell.box, truth.centre_xy_px)]
            whole += 1
            overlaps += _overlap(cell.box, truth.box_xywh_px)
            assert 20.0 < cell.area_um2 < 400.0
    assert whole >= 3
    assert overlaps / whole > 0.8


def _overlap(a, b):
    across = max(0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
    down = max(0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    return across * down / (a[2] * a[3] + b[2] * b[3] - across * down)


def _drawn(*discs, size=(600, 800)):
    """White field at 0.1 um/px with stained discs (x, y, radius in um, colour)."""
    bgr = np.full((*size, 3), WHITE, np.uint8)
    for x, y, radius, colour in discs:
        cv2.circle(bgr, (round(x * 10), round(y * 10)), round(radius * 10), colour, -1, cv2.LINE_AA)
    return bgr


NUCLEAR, PALE, RED_CELL, EOSIN = (170, 60, 100), (225, 195, 200), (170, 160, 205), (180, 140, 220)


@pytest.mark.parametrize(
    ("name", "discs", "count"),
    [
        ("a lymphocyte", [(40, 30, 4.5, PALE), (40, 30, 3.6, NUCLEAR)], 1),
        ("a platelet", [(40, 30, 1.3, NUCLEAR)], 0),
        ("red cells", [(x, 30, 3.7, RED_CELL) for x in range(10, 75, 6)], 0),
        ("three lobes", [(40, 30, 6.5, PALE), *((x, 30, 1.7, NUCLEAR) for x in (36, 40, 44))], 1),
        ("two round cells", [(36, 30, 3.6, NUCLEAR), (45, 30, 3.6, NUCLEAR)], 2),
        ("two that touch", [(36, 30, 4.6, NUCLEAR), (44.4, 30, 4.4, NUCLEAR)], 2),
        ("two large lobes in one cell", [(40, 30, 6.8, EOSIN), *((x, 30, 3.1, NUCLEAR) for x in (36, 44))], 1),
        ("two lymphocytes", [(x, 30, r, c) for r, c in ((4.4, PALE), (3.4, NUCLEAR)) for x in (35.8, 44.2)], 2),
        ("a large platelet", [(40, 30, 2.3, NUCLEAR)], 0),
        ("a pool of stain", [(40, 30, 12.0, NUCLEAR)], 0),
        ("nothing", [], 0),
    ],
)
def test_what_counts_as_a_leukocyte(name, discs, count):
    cells = segment(_drawn(*discs), 0.1).cells
    assert len(cells) == count, name
    assert not any(cell.at_edge for cell in cells)


def test_a_speckled_thing_as_large_as_a_small_nucleus_is_a_heap_of_platelets():
    spread = np.mgrid[37.4:42.7:1.3, 27.4:32.7:1.3].reshape(2, -1).T
    specks = [(x, y, 0.45, (140, 20, 50)) for x, y in spread if np.hypot(x - 40, y - 30) < 2.7]
    smooth = _drawn((40, 30, 2.9, NUCLEAR))
    speckled = _drawn((40, 30, 2.9, (210, 140, 170)), *specks)
    assert [len(segment(bgr, 0.1).cells) for bgr in (smooth, speckled)] == [1, 0]


def test_much_violet_does_not_hide_a_nucleus():
    """Where stain differs much over a field, its spread alone would set a threshold that no nucleus reaches."""
    bgr = _drawn()
    bgr[:, 270:530], bgr[:, 530:] = (185, 142, 185), (170, 110, 145)
    cv2.circle(bgr, (130, 300), 42, NUCLEAR, -1, cv2.LINE_AA)
    (cell,) = segment(bgr, 0.1).cells
    assert cell.centre_xy_px == pytest.approx((130, 300), abs=8)


@pytest.mark.parametrize("centre", [(2.0, 30), (78.5, 30), (40, 2.0), (40, 58.5)])
def test_a_cell_cut_by_the_border_is_marked(centre):
    (cell,) = segment(_drawn((*centre, 5.0, PALE), (*centre, 4.0, NUCLEAR)), 0.1).cells
    assert cell.at_edge


def test_size_is_measured_in_um():
    (cell,) = segment(_drawn((40, 30, 5.0, (200, 160, 170)), (40, 30, 4.0, NUCLEAR)), 0.1).cells
    assert cell.area_um2 == pytest.approx(np.pi * 25.0, rel=0.15)
    assert cell.centre_xy_px == pytest.approx((400, 300), abs=6)
    assert cell.box[2] == pytest.approx(100, abs=10)


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3)])
def test_tiny_pictures_hold_no_cells(shape):
    result = segment(np.full((*shape, 3), 60, np.uint8), 0.1)
    assert result.mask().shape == shape
    assert len(result.cells) == 0
