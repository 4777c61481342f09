"""Leukocytes of little contrast are found, and dark violet red cells and shadows are not taken for them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.vision.light import WHITE
from smearwatch.capture.vision.segment import segment

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases"

HAEMOGLOBIN, VIOLET, DARK_VIOLET, NUCLEUS = (
    (0.55, 0.6, 0.3),
    (0.23, 0.42, 0.27),
    (0.31, 0.6, 0.44),
    (0.1, 0.4, 0.5),
)  # blue, green, red by density
BLUE_NUCLEUS, RIM, PALE_NUCLEUS = (0.05, 0.36, 0.75), (0.2, 0.3, 0.3), (0.05, 0.26, 0.19)
GREY = (0.9, 1.0, 0.95)


def _field(*discs, glass=(0.0, 0.0, 0.0)):
    """Return a field of 80 x 60 um at 0.1 um/px, uint8, with discs (x, y, radius in um, densities) added up."""
    density = np.tile(np.array(glass, dtype=np.float32), (600, 800, 1))
    for x, y, radius, added in discs:
        mask = np.zeros((600, 800), np.uint8)
        cv2.circle(mask, (round(x * 10), round(y * 10)), round(radius * 10), 255, -1, cv2.LINE_AA)
        density += (mask.astype(np.float32) / 255.0)[..., None] * np.array(added, dtype=np.float32)
    noise = np.random.default_rng(3).normal(0.0, 0.004, density.shape)
    soft = cv2.GaussianBlur(density, (0, 0), 1.5) + noise
    return np.clip(np.round(WHITE * np.exp(-soft)), 0, 255).astype(np.uint8)


def _red_cells(densities, *, spaced=9.0, without=()):
    places = [(x, y) for y in np.arange(5.0, 60.0, spaced) for x in np.arange(5.0, 80.0, spaced)]
    apart = [(x, y) for x, y in places if all(np.hypot(x - a, y - b) > 9.0 for a, b in without)]
    return [(x, y, 3.6, densities[number % len(densities)]) for number, (x, y) in enumerate(apart)]


def _times(densities, factor):
    return tuple(factor * density for density in densities)


def _middles(bgr):
    return [(cell.centre_xy_px[0] / 10.0, cell.centre_xy_px[1] / 10.0) for cell in segment(bgr, 0.1).cells]


def test_red_cells_that_are_a_darker_violet_than_the_others_are_left_out():
    assert _middles(_field(*_red_cells([VIOLET] * 3 + [DARK_VIOLET], spaced=14.0))) == []


def test_a_nucleus_among_violet_red_cells_is_found():
    others = _red_cells([VIOLET] * 3 + [DARK_VIOLET], spaced=14.0, without=[(41.0, 31.0)])
    ((x, y),) = _middles(_field(*others, (41.0, 31.0, 4.0, (0.25, 1.0, 0.7))))
    assert (x, y) == pytest.approx((41.0, 31.0), abs=0.8)


def test_a_grey_shadow_is_no_nucleus():
    shadow = [(40.0, 30.0, 3.5, _times(GREY, 0.9))]
    assert _middles(_field(*_red_cells([HAEMOGLOBIN], without=[(40.0, 30.0)]), *shadow)) == []


@pytest.mark.parametrize("um_per_px", [0.092, 0.1, 0.108])
def test_a_bleached_lymphocyte_among_red_cells_with_blue_rims_is_found(um_per_px):
    """Rims that break the light are as blue as weak stain, so the red cells' own stain seems to be high."""
    where = (41.0, 31.0)
    rims = [(x, y, 3.6, RIM) for x, y, _, _ in _red_cells([RIM], without=[where])]
    inner = [(x, y, 2.6, _times(RIM, -0.7)) for x, y, _, _ in rims]
    bgr = _field(*rims, *inner, (*where, 4.6, (0.02, 0.06, 0.05)), (*where, 4.0, PALE_NUCLEUS))
    (cell,) = segment(bgr, um_per_px).cells
    assert np.array(cell.centre_xy_px) / 10.0 == pytest.approx(where, abs=0.8)


@pytest.mark.parametrize("um_per_px", [0.092, 0.1, 0.108])
def test_lobes_that_differ_on_bluish_glass_are_one_small_neutrophil(um_per_px):
    where = np.array((41.0, 31.0))
    body = (*where, 4.2, (0.03, 0.22, 0.26))
    lobes = [(*(where + at), 1.9, _times(BLUE_NUCLEUS, f)) for at, f in (((-1.8, 0.0), 1.1), ((1.8, 0.6), 0.55))]
    bgr = _field(*_red_cells([_times(HAEMOGLOBIN, 0.6)], without=[where]), body, *lobes, glass=(0.0, 0.06, 0.06))
    (cell,) = segment(bgr, um_per_px).cells
    assert np.array(cell.centre_xy_px) / 10.0 == pytest.approx(where, abs=1.2)


def test_dark_platelets_in_a_heap_with_glass_between_are_no_leukocyte():
    heap = [(41.0 + 2.6 * np.cos(a), 31.0 + 2.6 * np.sin(a), 1.1, _times(NUCLEUS, 1.6)) for a in np.arange(5) * 1.2566]
    assert _middles(_field(*_red_cells([HAEMOGLOBIN], without=[(41.0, 31.0)]), *heap)) == []


def _found(name, um_per_px):
    path = CASES / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the project")
    result = find(path.read_bytes(), um_per_px=um_per_px, um_per_px_source="configured")
    assert isinstance(result, FieldFound)
    return [cell.leukocyte for cell in result.cells]


@pytest.mark.realdata
@pytest.mark.parametrize("off", [0.92, 1.0, 1.08])
@pytest.mark.parametrize(("name", "count"), [("E-14_0586", 3), ("N-2B_0285", 1), ("L-9_0386", 1)])
def test_leukocytes_of_little_contrast_are_found_in_real_fields(name, count, off):
    cells = _found(f"missed/{name}.jpg", 0.092 * off)
    assert len([cell for cell in cells if not cell.at_edge]) == count


@pytest.mark.realdata
@pytest.mark.parametrize("off", [0.92, 1.0, 1.08])
def test_real_dark_violet_red_cells_are_left_out(off):
    assert _found("files/violet-red-cells.jpg", 0.188 * off) == []
