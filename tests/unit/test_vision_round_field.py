"""A round field on a black ground is found, its surround taken out, and ordinary fields are left as they are."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.round_field import find_round_field, without_surround

UM = 0.1


@pytest.fixture(scope="module")
def fields():
    """Fields of a drawn slide."""
    slide = Slide(7, um_per_px=UM, width_px=1000, height_px=800)
    return [slide.field(index).bgr for index in range(6)]


def rounded(bgr, centre, radius, *, black=6, shade_px=15):
    """The field as it is seen through an eyepiece: dark beyond a circle, with a shade at its rim."""
    y, x = np.ogrid[: bgr.shape[0], : bgr.shape[1]]
    lit = np.clip((radius - np.hypot(x - centre[0], y - centre[1])) / shade_px, 0.0, 1.0)[..., None]
    noise = np.random.default_rng(1).normal(0, 1.5, bgr.shape)
    return np.clip(bgr * lit + black * (1 - lit) + noise, 0, 255).astype(np.uint8)


def jpeg(bgr):
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


@pytest.mark.parametrize(
    ("centre", "radius"), [((500, 400), 380), ((480, 420), 390), ((500, 400), 460), ((560, 400), 300)]
)
def test_the_disc_is_found_also_where_the_picture_cuts_it(fields, centre, radius):
    found = find_round_field(rounded(fields[0], centre, radius))
    assert found is not None
    assert np.hypot(found.centre_xy_px[0] - centre[0], found.centre_xy_px[1] - centre[1]) < 0.03 * radius
    assert 0.9 * radius < found.radius_px < radius


def test_what_is_no_disc_is_none(fields):
    letterbox, corner, masks = fields[0].copy(), fields[0].copy(), np.zeros_like(fields[0])
    letterbox[:120] = letterbox[-120:] = 4
    corner[:200, :200] = 3
    cv2.circle(masks, (500, 400), 60, (255, 255, 255), -1)
    for bgr in (*fields, letterbox, corner, masks, np.zeros_like(fields[0]), fields[0][:100, :100]):
        assert find_round_field(bgr) is None
    assert without_surround(fields[0], None) is fields[0]


def test_its_surround_becomes_background_and_its_inside_stays(fields):
    bgr = rounded(fields[0], (500, 400), 380)
    disc = find_round_field(bgr)
    filled = without_surround(bgr, disc)
    assert np.array_equal(filled[400, 200:800], bgr[400, 200:800])
    brightest = np.percentile(bgr.min(axis=2), 95)
    assert abs(float(filled[:40, :40].min(axis=2).mean()) - brightest) < 30


def test_the_same_whole_cells_are_found_in_it_and_the_rim_cuts_others(fields):
    whole, cut = 0, 0
    for bgr in fields:
        ordinary, through = (find(jpeg(each), um_per_px=UM, um_per_px_source=None) for each in (
            bgr, rounded(bgr, (500, 400), 380)
        ))  # fmt: skip
        assert isinstance(ordinary, FieldFound)
        assert isinstance(through, FieldFound)
        inside = [
            cell for cell in ordinary.cells
            if np.hypot(cell.leukocyte.centre_xy_px[0] - 500, cell.leukocyte.centre_xy_px[1] - 400) < 280
        ]  # fmt: skip
        seen = [cell.leukocyte for cell in through.cells if not cell.leukocyte.at_edge]
        for cell in inside:
            x, y = cell.leukocyte.centre_xy_px
            assert any(np.hypot(each.centre_xy_px[0] - x, each.centre_xy_px[1] - y) < 20 for each in seen)
        whole += len(inside)
        cut += sum(cell.leukocyte.at_edge for cell in through.cells)
        for each in seen:
            assert np.hypot(each.centre_xy_px[0] - 500, each.centre_xy_px[1] - 400) < 380
    assert whole >= 3
    assert cut >= 1
