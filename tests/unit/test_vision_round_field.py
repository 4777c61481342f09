"""A round field on a dark ground is found, its surround taken out, and ordinary fields are left as they are."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, FieldRejected, find
from smearwatch.capture.finder.field_scale import scale_by_red_cells
from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.light import WHITE, to_work_scale
from smearwatch.capture.vision.round_field import around, find_round_field, flatten_inside, without_surround
from smearwatch.capture.vision.stain import measure_red_cells_green, stain_maps

UM = 0.1


@pytest.fixture(scope="module")
def fields():
    """Fields of a drawn slide."""
    slide = Slide(7, um_per_px=UM, width_px=1000, height_px=800)
    return [slide.field(index).bgr for index in range(6)]


def rounded(bgr, centre, radius, *, black=(6, 6, 6), shade_px=15):
    """The field as it is seen through an eyepiece: dark beyond a circle, with a shade at its rim."""
    y, x = np.ogrid[: bgr.shape[0], : bgr.shape[1]]
    lit = np.clip((radius - np.hypot(x - centre[0], y - centre[1])) / shade_px, 0.0, 1.0)[..., None]
    noise = np.random.default_rng(1).normal(0, 1.5, bgr.shape)
    return np.clip(bgr * lit + np.array(black) * (1 - lit) + noise, 0, 255).astype(np.uint8)


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


@pytest.mark.parametrize("radius", [110, 170, 380])
@pytest.mark.parametrize("ground", [(6, 6, 6), (20, 40, 55), (60, 60, 60)])
def test_it_may_be_small_and_its_ground_grey_or_brown(fields, radius, ground):
    found = find_round_field(rounded(fields[0], (500, 400), radius, black=ground))
    assert found is not None
    assert 0.85 * radius < found.radius_px < radius


def test_a_field_that_darkens_to_its_corners_is_none(fields):
    y, x = np.ogrid[:800, :1000]
    for darkest in (0.2, 0.35, 0.45):
        light = 1.0 - (1.0 - darkest) * ((x - 500) ** 2 + (y - 400) ** 2) / (500**2 + 400**2)
        assert find_round_field((fields[0] * light[..., None]).astype(np.uint8)) is None
    for shape in ((1, 5000), (5000, 1), (3, 2000)):
        assert find_round_field(np.zeros((*shape, 3), np.uint8)) is None


def test_far_from_a_small_disc_is_background_too(fields):
    bgr = np.zeros((1600, 2000, 3), np.uint8)
    bgr[400:1200, 500:1500] = rounded(fields[0], (500, 400), 250, black=(0, 0, 0))
    filled = without_surround(bgr, find_round_field(bgr))
    inside = bgr[650:950, 850:1150].min(axis=2)
    for corner in (filled[:50, :50], filled[:50, -50:], filled[-50:, :50], filled[-50:, -50:]):
        assert abs(float(corner.min(axis=2).mean()) - np.percentile(inside, 90)) < 30


def test_a_small_disc_is_searched_and_nothing_is_found_outside(fields):
    for bgr in fields[:3]:
        found = find(jpeg(rounded(bgr, (500, 400), 250)), um_per_px=UM, um_per_px_source=None)
        assert isinstance(found, FieldFound)
        for cell in found.cells:
            assert np.hypot(cell.leukocyte.centre_xy_px[0] - 500, cell.leukocyte.centre_xy_px[1] - 400) < 250


@pytest.mark.parametrize("radius", [260, 390])
def test_its_light_is_that_of_its_own_background_up_to_the_rim(radius):
    """Glass alone, whose light falls off: what fills the surround must not bend the light within."""
    y, x = np.mgrid[:800, :1000]
    away = np.hypot(x - 500, y - 400)
    light = 1.0 - 0.5 * (away / 640) ** 2 + 0.15 * (x - 500) / 1000
    bgr = np.clip(np.array((190, 215, 230)) * light[..., None], 0, 255).astype(np.uint8)
    picture = rounded(bgr, (500, 400), radius, shade_px=3)
    field = find_round_field(picture)
    filled = without_surround(picture, field)
    work = flatten_inside(filled, field, UM).light.flat(to_work_scale(filled, UM))
    at = cv2.resize(away.astype(np.float32), work.shape[1::-1], interpolation=cv2.INTER_AREA)
    for ring in range(0, radius - 20, 40):
        level = np.median(work[(at >= ring) & (at < min(ring + 40, radius - 20))], axis=0)
        assert np.abs(level / WHITE - 1.0).max() < 0.03, ring
    outside = work[at > radius + 20].reshape(-1, 3)
    assert 0.75 * WHITE < np.percentile(outside, 1), "a crop at the rim shows no dark surround"


def test_levels_are_those_of_what_is_seen():
    """Background around a crowded field does not lower the level above which stain is a nucleus."""
    rng = np.random.default_rng(3)
    bgr = np.full((400, 400, 3), 235, np.uint8)
    bgr[100:300, 100:300] = np.clip(rng.normal((170, 150, 190), 6, (200, 200, 3)), 0, 255).astype(np.uint8)
    seen = np.zeros((400, 400), bool)
    seen[100:300, 100:300] = True
    of_field, of_part = (
        stain_maps(each, 0.22, seen=where) for each, where in ((bgr, seen), (bgr[100:300, 100:300], None))
    )
    level, alone = (float(np.median(maps.sample(maps.nuclear, 2))) for maps in (of_field, of_part))
    assert abs(level - alone) < 0.005
    assert measure_red_cells_green(bgr, seen) == pytest.approx(
        measure_red_cells_green(bgr[100:300, 100:300], None), rel=0.02
    )


def test_a_disc_without_room_for_a_leukocyte_says_so(fields):
    found = find(jpeg(rounded(fields[0], (500, 400), 110)), um_per_px=0.04, um_per_px_source=None)
    assert isinstance(found, FieldRejected)
    assert found.reason == "too_small"
    assert found.detail.startswith("a round field ")


@pytest.mark.parametrize("radius", [345, 390, 430])
def test_clumps_of_red_cells_in_a_disc_are_no_leukocytes(real_data, radius):
    bgr = cv2.imread(str(real_data / "chula" / "frames" / "N-3B_0084.jpg"))
    found = find(jpeg(rounded(bgr, (720, 450), radius, shade_px=1)), um_per_px=0.0851, um_per_px_source=None)
    assert isinstance(found, FieldFound)
    assert [cell for cell in found.cells if not cell.leukocyte.at_edge] == []


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


@pytest.mark.parametrize(
    "ground", ["light grey", "brown with a wide rim", "darker to one side", "grey, cut by the border"]
)
def test_grounds_that_are_not_black(fields, ground):
    shade, colour, centre, radius = 4, (60, 60, 62), (500, 400), 330
    if ground == "light grey":
        colour = (90, 90, 92)
    if ground == "brown with a wide rim":
        colour, shade = (40, 60, 80), 30
    if ground == "grey, cut by the border":
        centre, radius = (260, 400), 340
    bgr = rounded(fields[0], centre, radius, black=colour, shade_px=shade)
    if ground == "darker to one side":
        y, x = np.ogrid[:800, :1000]
        beyond = np.hypot(x - 500, y - 400)[..., None] > radius
        bgr = np.where(beyond, (20 + 70 * x / 1000)[..., None], bgr).astype(np.uint8)
    found = find_round_field(bgr)
    assert found is not None
    assert 0.88 * radius < found.radius_px <= 1.03 * radius
    assert isinstance(find(jpeg(bgr), um_per_px=UM, um_per_px_source=None), FieldFound)


def test_a_disc_that_cannot_be_told_from_its_surround_is_refused_with_that_reason(fields):
    """A square of grey on grey: no disc, and no smear."""
    bgr = np.random.default_rng(6).normal(70, 2.5, (800, 1000, 3)).astype(np.uint8)
    bgr[150:650, 250:750] = fields[0][150:650, 250:750, 1:2]
    found = find(jpeg(bgr), um_per_px=UM, um_per_px_source=None)
    assert isinstance(found, FieldRejected)
    assert "it cannot be told from its surround: crop the picture to the field" in found.detail


@pytest.mark.parametrize(("name", "radius"), [("N-3B_0078", 200), ("N-3B_0113", 200), ("L-8_0778", 250)])
def test_a_scale_that_few_red_cells_of_a_disc_say_is_none(real_data, name, radius):
    """They said twice to six times the right one, and were believed."""
    whole = cv2.imread(str(real_data / "chula" / "frames" / f"{name}.jpg"))
    assert whole is not None
    height, width = whole.shape[:2]
    lit = np.zeros((height, width), np.uint8)
    cv2.circle(lit, (width // 2, height // 2), radius, 255, -1)
    disc = find_round_field(bgr := np.where(lit[..., None] > 0, whole, 0).astype(np.uint8))
    assert disc is not None
    inside = around(without_surround(bgr, disc), disc)
    believed, now = (scale_by_red_cells(inside, [], disc_radius_px=each) for each in (None, disc.radius_px))
    assert believed.um_per_px is not None
    assert believed.um_per_px / 0.09 > 1.5
    assert now.um_per_px is None
    assert scale_by_red_cells(inside, [0.09], disc_radius_px=disc.radius_px).um_per_px == 0.09
