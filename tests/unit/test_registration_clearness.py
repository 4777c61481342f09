"""Which view of a leukocyte is clearly better than another one, and which only differs."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.registration.clearness import BestViews, Clearness, measure_clearness
from smearwatch.capture.registration.signatures import Thumbnail
from smearwatch.capture.slide.view import View
from tests.walked import walked

UM_PER_PX = 22 / 96
A, B, C = ("aa" * 32, 0), ("bb" * 32, 3), ("cc" * 32, 1)


@pytest.fixture(scope="module")
def cells() -> list[Thumbnail]:
    """Whole cells of two fields of a simulated slide."""
    fields = walked(
        [View(0.0, 0.0), View(400.0, 90.0)], width_px=1000, height_px=640, um_per_px=0.11, leukocytes_per_mm2=500.0
    )
    found = []
    for field in fields:
        for cell in field.result.cells:
            if not cell.leukocyte.at_edge:
                bgr = cv2.imdecode(np.frombuffer(cell.thumbnail_jpeg, np.uint8), cv2.IMREAD_COLOR)
                assert bgr is not None
                centre_um = complex(*cell.leukocyte.centre_xy_px) * field.result.um_per_px
                found.append(Thumbnail(np.asarray(bgr, np.uint8), UM_PER_PX, centre_um, field.size_um))
    assert len(found) >= 4
    return found


def changed(cell: Thumbnail, bgr: np.ndarray) -> Thumbnail:
    return Thumbnail(np.asarray(bgr, np.uint8), cell.um_per_px, cell.centre_um, cell.field_um)


def blurred(cell: Thumbnail, um: float) -> Thumbnail:
    return changed(cell, cv2.GaussianBlur(cell.bgr, (0, 0), um / UM_PER_PX))


def moved(cell: Thumbnail, um: float, *, across: bool) -> Thumbnail:
    length = round(um / UM_PER_PX) | 1
    return changed(cell, cv2.blur(cell.bgr, (length, 1) if across else (1, length)))


def test_a_blurred_or_moved_view_is_beaten_and_beats_nothing(cells):
    for cell in cells:
        sharp = measure_clearness(cell)
        for worse in (
            blurred(cell, 0.5),
            blurred(cell, 1.0),
            moved(cell, 2.0, across=True),
            moved(cell, 2, across=False),
        ):
            assert sharp.beats(measure_clearness(worse))
            assert not measure_clearness(worse).beats(sharp)


def test_stain_light_noise_and_a_hair_of_blur_make_no_better_view(cells):
    rng = np.random.default_rng(4)
    for cell in cells:
        sharp = measure_clearness(cell)
        noisy = np.clip(cell.bgr + rng.normal(0, 1.5, cell.bgr.shape), 0, 255)
        _, jpeg = cv2.imencode(".jpg", cell.bgr, [cv2.IMWRITE_JPEG_QUALITY, 80])
        for same in (
            changed(cell, 235 - (235.0 - cell.bgr.clip(0, 235)) * 0.8),
            changed(cell, cell.bgr * 0.95),
            changed(cell, noisy),
            changed(cell, np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))),
            changed(cell, np.rot90(cell.bgr)),
            blurred(cell, 0.15),
            cell,
        ):
            assert not measure_clearness(same).beats(sharp)
            assert not sharp.beats(measure_clearness(same))


def test_how_much_of_a_crop_the_field_shows():
    white = np.full((96, 96, 3), 235, np.uint8)
    shown = [
        measure_clearness(Thumbnail(white, UM_PER_PX, at, 100 + 80j)).inside
        for at in (50 + 40j, 16.5 + 16.5j, 8 + 40j, 0j)
    ]
    assert shown == [1.0, 1.0, round((8 + 16.5) / 33, 3), 0.25]


@pytest.mark.parametrize(
    ("new", "old", "better"),
    [
        ((2.0, 1.0), (1.6, 1.0), True),
        ((1.9, 1.0), (1.6, 1.0), False),
        ((2.0, 0.97), (1.6, 1.0), False),
        ((2.0, 0.99), (1.6, 1.0), True),
        ((1.6, 1.0), (1.6, 0.7), True),
        ((1.55, 1.0), (1.6, 0.7), True),
        ((1.5, 1.0), (1.6, 0.7), False),
        ((1.6, 1.0), (1.6, 0.8), False),
        ((1.6, 1.0), (1.6, 1.0), False),
        ((1.6, 1.0), (0.0, 1.0), True),
    ],
)
def test_what_is_clearly_better(new, old, better):
    assert Clearness(*new).beats(Clearness(*old)) == better


def test_each_view_is_held_against_the_best_until_now():
    best = BestViews()
    best.take(A[0], {}, {}, {A[1]: Clearness(1.5, 1.0)})
    assert best.beaten({B[1]: A}, {B[1]: Clearness(2.0, 1.0)}) == {B[1]: A}
    best.take(B[0], {B[1]: A}, {B[1]: A}, {B[1]: Clearness(2.0, 1.0)})
    assert best.beaten({C[1]: A}, {C[1]: Clearness(2.1, 1.0)}) == {}
    best.take(C[0], {C[1]: A}, {}, {C[1]: Clearness(2.1, 1.0)})  # which is not judged, so not the one to beat
    assert best.beaten({7: A}, {7: Clearness(2.45, 1.0)}) == {7: B}


def test_a_cell_whose_first_view_left_no_picture_is_beaten_by_none():
    assert BestViews().beaten({0: A}, {0: Clearness(3.0, 1.0)}) == {}


def test_a_cell_whose_better_view_left_no_picture_is_beaten_by_none():
    best = BestViews()
    best.take("a", {}, {}, {0: Clearness(1.0, 1.0)})
    best.take("b", {0: ("a", 0)}, {0: ("a", 0)}, {})
    assert best.beaten({0: ("a", 0)}, {0: Clearness(9.0, 1.0)}) == {}
