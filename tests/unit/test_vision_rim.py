"""A light that falls off in a disc is no round field: cells are seen beyond its edge."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, FieldRejected, find
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.rim import detail_beyond
from smearwatch.capture.vision.round_field import find_round_field

HEIGHT, WIDTH = 480, 720
FIELD = Slide(5, um_per_px=0.12, width_px=WIDTH, height_px=HEIGHT).field(0).bgr
FROM_CENTRE = np.hypot(*np.meshgrid(np.arange(WIDTH) - WIDTH / 2, np.arange(HEIGHT) - HEIGHT / 2)) / HEIGHT


def lit(corners: float, softness: float) -> np.ndarray:
    light: np.ndarray = corners + (1.0 - corners) / (1.0 + np.exp((FROM_CENTRE - 0.42) / softness))
    shaded: np.ndarray = np.clip(FIELD * light[..., None], 0, 255).astype(np.uint8)
    return shaded


@pytest.mark.parametrize("softness", [0.01, 0.03, 0.05])
@pytest.mark.parametrize("corners", [0.3, 0.42, 0.5, 0.6])
def test_a_half_closed_diaphragm_is_no_rim(corners, softness):
    assert find_round_field(lit(corners, softness)) is None


@pytest.mark.parametrize("ground", [0, 40, 90])
def test_an_even_ground_is(ground):
    noise = np.random.default_rng(3).normal(0.0, 3.0, FIELD.shape)
    seen = np.where(FROM_CENTRE[..., None] < 0.42, FIELD, np.clip(ground + noise, 0, 255)).astype(np.uint8)
    field = find_round_field(seen)
    assert field is not None
    assert field.radius_px == pytest.approx(0.42 * HEIGHT, rel=0.05)
    detail = detail_beyond(seen, field.centre_xy_px, field.radius_px)
    assert detail is not None
    assert detail < 0.2


@pytest.mark.parametrize("noise", [5.0, 8.0])
@pytest.mark.parametrize("ground", [20, 60, 90])
def test_a_dark_cameras_noise_is_no_cell_beyond_the_rim(ground, noise):
    made = np.random.default_rng(5).normal(0.0, noise, FIELD.shape)
    seen = np.where(FROM_CENTRE[..., None] < 0.3, FIELD, ground) + made
    field = find_round_field(np.clip(seen, 0, 255).astype(np.uint8))
    assert field is not None
    assert field.radius_px == pytest.approx(0.3 * HEIGHT, rel=0.06)
    assert field.faint_share == 0.0


def test_where_little_lies_beyond_nothing_is_told():
    assert detail_beyond(FIELD, (WIDTH / 2, HEIGHT / 2), WIDTH) is None


@pytest.mark.parametrize("softness", [0.01, 0.03])
@pytest.mark.parametrize("corners", [0.1, 0.15])
def test_what_is_faintly_seen_beyond_a_light_is_told(corners, softness):
    field = find_round_field(lit(corners, softness))
    assert field is not None
    beyond = 1.0 - np.pi * field.radius_px**2 / (WIDTH * HEIGHT)
    assert field.faint_share == pytest.approx(beyond, abs=0.01)


@pytest.mark.parametrize("quality", [None, 90, 60])
@pytest.mark.parametrize(
    ("ground", "noise"), [(0, 0.0), (0, 4.0), (6, 1.5), (20, 4.0), (40, 1.5), (90, 0.0), (90, 3.0)]
)
def test_where_nothing_is_seen_beyond_nothing_is_told(ground, noise, quality):
    made = np.random.default_rng(3).normal(0.0, noise, FIELD.shape)
    seen = np.clip(np.where(FROM_CENTRE[..., None] < 0.42, FIELD, ground) + made, 0, 255).astype(np.uint8)
    if quality is not None:
        seen = np.asarray(cv2.imdecode(cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1))
    field = find_round_field(seen)
    assert field is not None
    assert field.faint_share == 0.0


def test_a_light_that_falls_off_is_named_where_the_field_is_refused():
    blurred = cv2.GaussianBlur(lit(0.3, 0.01), (0, 0), 4.0)
    found = find(cv2.imencode(".png", blurred)[1].tobytes(), um_per_px=0.12, um_per_px_source=None)
    assert isinstance(found, FieldRejected)
    assert found.detail.endswith("its light falls off in a disc: open the diaphragm, centre the condenser")


def test_what_is_faintly_seen_and_not_searched_stands_with_what_was_found():
    shares = []
    for corners, bars in ((0.1, 0), (0.1, 160), (0.0, 0)):
        picture = cv2.copyMakeBorder(lit(corners, 0.01), 0, 0, bars, bars, cv2.BORDER_CONSTANT)
        found = find(cv2.imencode(".png", picture)[1].tobytes(), um_per_px=0.12, um_per_px_source=None)
        assert isinstance(found, FieldFound)
        shares.append(found.unsearched_percent)
    assert shares[0] == pytest.approx(100 * (1 - np.pi * 0.41**2 * HEIGHT / WIDTH), abs=3)
    assert shares[1] == pytest.approx(shares[0] * WIDTH / (WIDTH + 320), abs=1)
    assert shares[2] == 0
