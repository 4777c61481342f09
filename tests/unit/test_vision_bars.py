"""Even bars at a picture's border are left out; what is found has its place in the whole picture."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, FieldRejected, find
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.bars import within_bars

UM = 0.1


@pytest.fixture(scope="module")
def field():
    """A field of a drawn slide with the noise of a camera."""
    slide = Slide(7, um_per_px=UM, width_px=900, height_px=700)
    for index in range(20):
        bgr = slide.field(index).bgr
        noisy = np.clip(bgr * 0.75 + np.random.default_rng(2).normal(0, 2.0, bgr.shape), 0, 255).astype(np.uint8)
        found = find(cv2.imencode(".png", noisy)[1].tobytes(), um_per_px=UM, um_per_px_source=None)
        if isinstance(found, FieldFound) and any(cell.crop_bgr is not None for cell in found.cells):
            return noisy
    raise AssertionError


def framed(bgr, above, below, left, right, colour=(0, 0, 0)):
    return cv2.copyMakeBorder(bgr, above, below, left, right, cv2.BORDER_CONSTANT, value=colour)


def window(bgr):
    made = np.full((900, 1300, 3), 60, np.uint8)
    made[:40] = 200
    made[70:770, 50:950] = bgr
    cv2.putText(made, "Exposure 20 ms", (1000, 150), 0, 1, (255, 255, 255), 2)
    return made


PICTURES = {
    "film": (lambda bgr: framed(bgr, 100, 100, 0, 0), (0, 100)),
    "pillars": (lambda bgr: framed(bgr, 0, 0, 150, 130), (150, 0)),
    "page": (lambda bgr: framed(bgr, 40, 40, 40, 40, (255, 255, 255)), (40, 40)),
    "window": (window, (50, 70)),
}


@pytest.mark.parametrize("kind", [".png", ".jpg"])
@pytest.mark.parametrize("name", PICTURES)
def test_a_field_within_bars_is_searched_as_it_is_without_them(field, name, kind):
    put, (left, top) = PICTURES[name]
    picture = put(field)
    plain, within = (
        find(cv2.imencode(kind, each)[1].tobytes(), um_per_px=UM, um_per_px_source=None) for each in (field, picture)
    )
    assert isinstance(plain, FieldFound)
    assert isinstance(within, FieldFound)
    assert (within.width_px, within.height_px) == (picture.shape[1], picture.shape[0])
    assert len(plain.cells) == len(within.cells) >= 1
    for before, after in zip(plain.cells, within.cells, strict=True):
        moved = after.leukocyte.box[0] - left, after.leukocyte.box[1] - top, *after.leukocyte.box[2:]
        assert np.abs(np.subtract(moved, before.leukocyte.box)).max() <= (0 if kind == ".png" else 4)
        if kind == ".png" and before.crop_bgr is not None and after.crop_bgr is not None:
            assert np.array_equal(before.crop_bgr, after.crop_bgr)
    mask = within.segmentation.mask()
    assert mask.shape == picture.shape[:2]
    inside = mask[top : top + field.shape[0], left : left + field.shape[1]]
    assert (mask > 0).sum() == pytest.approx((inside > 0).sum(), rel=0.02)


def test_what_may_be_missing_is_no_bar_and_says_both(field):
    for missing in ((0, 90, 0, 0), (90, 0, 0, 0)):
        found = find(cv2.imencode(".bmp", framed(field, *missing))[1].tobytes(), um_per_px=UM, um_per_px_source=None)
        assert isinstance(found, FieldRejected)
        assert found.reason == "damaged"
        assert found.detail.endswith("are alike: never written, or a bar of one colour")
    lone = framed(field, 0, 0, 0, 90)
    assert within_bars(lone) == (0, 0, 900, 700)
    filled = framed(field, 0, 90, 0, 0, (128, 128, 128))
    assert within_bars(filled) == (0, 0, 900, 790)


SIDES = {
    "thin": (6, 6, 0, 0),
    "thin, all around": (5, 4, 3, 7),
    "film": (61, 60, 0, 0),
    "above": (62, 0, 0, 0),
    "left": (0, 0, 90, 0),
}


@pytest.mark.parametrize("quality", [None, 90, 50])
@pytest.mark.parametrize(("level", "noise"), [(0, 0.0), (12, 5.0), (60, 5.0)])
@pytest.mark.parametrize("name", SIDES)
def test_bars_that_are_thin_noisy_blurred_or_alone_end_at_the_pixel(field, name, level, noise, quality):
    above, _, left, _ = SIDES[name]
    bgr = framed(field, *SIDES[name], (level,) * 3).astype(np.float64)
    bar = np.ones(bgr.shape[:2], bool)
    bar[above : above + 700, left : left + 900] = False
    bgr[bar] += np.random.default_rng(1).normal(0.0, noise, (int(bar.sum()), 3))
    picture = np.clip(bgr, 0, 255).astype(np.uint8)
    if quality is not None:
        picture = np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1))
    assert within_bars(picture) == (left, above, 900, 700)


@pytest.mark.parametrize("kind", [".png", ".jpg"])
def test_a_bar_with_close_writing_is_left_in_for_it_might_be_cells(field, kind):
    film = framed(field, 50, 0, 0, 0)
    cv2.putText(film, "2026-12-01 04:11:00 camera 1 exposure 20 ms gain 1", (10, 34), 0, 0.9, (255, 255, 255), 2)
    picture = np.asarray(cv2.imdecode(cv2.imencode(kind, film)[1], 1))
    assert within_bars(picture) == (0, 0, 900, 750)


def test_a_field_half_covered_is_searched_in_the_rest(field):
    made = framed(field, 0, 0, 160, 0, (9, 9, 9)).astype(np.float64)
    made[:, :160] += np.random.default_rng(2).normal(0.0, 3.0, (700, 160, 3))
    covered = np.clip(made, 0, 255).astype(np.uint8)
    plain, rest = (
        find(cv2.imencode(".png", each)[1].tobytes(), um_per_px=UM, um_per_px_source=None) for each in (field, covered)
    )
    assert isinstance(plain, FieldFound)
    assert isinstance(rest, FieldFound)
    assert [cell.leukocyte.area_um2 for cell in plain.cells] == [cell.leukocyte.area_um2 for cell in rest.cells]


def test_where_cells_are_seen_in_the_dark_there_is_no_bar(field):
    shaded = field.copy()
    shaded[:, :200] = (field[:, :200] * 0.3).astype(np.uint8)
    assert within_bars(shaded) == (0, 0, 900, 700)


def test_pictures_without_bars(field):
    dark = field.copy()
    y, x = np.ogrid[:700, :900]
    dark[np.hypot(x - 450, y - 350) > 330] = 0  # no straight edge
    shaded = (field * np.linspace(0.05, 1.0, 700)[:, None, None]).astype(np.uint8)
    for bgr in (field, dark, shaded, np.zeros_like(field), np.full_like(field, 255), field[:5], field[:, :5]):
        assert within_bars(bgr) == (0, 0, bgr.shape[1], bgr.shape[0])


@pytest.mark.parametrize("light", [0.1, 0.15])
def test_a_straight_shade_in_which_cells_are_seen_is_no_bar(field, light):
    shaded = field.astype(np.float64)
    shaded[:, :400] *= light
    shaded = cv2.GaussianBlur(shaded, (0, 0), 1.0) + np.random.default_rng(1).normal(0, 1, field.shape)
    assert within_bars(np.clip(shaded, 0, 255).astype(np.uint8)) == (0, 0, field.shape[1], field.shape[0])
