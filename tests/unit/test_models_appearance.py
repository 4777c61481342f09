"""How a cell looks in numbers: of a drawn view they are the densities it was drawn with."""

import cv2
import numpy as np
import pytest

from smearwatch.models.appearance import MEASURES, TAIL, appearance_features, range_of
from smearwatch.models.preprocess import WHITE

SIDE, UM = 176, 33.0 / 176
NUCLEUS, RED = (0.4, 1.9, 1.2), (0.18, 0.3, 0.2)


def drawn(nucleus=NUCLEUS, red=RED, *, red_cells=True, blur_px=0.8, side=SIDE):
    """A nucleus of 7 um in the middle and red cells around it, each of one optical density, edges a little soft."""
    density = np.zeros((side, side, 3), np.float32)
    um = 33.0 / side
    if red_cells:
        for angle in np.linspace(0, 2 * np.pi, 9)[:-1]:
            at = (side / 2 + np.array([np.cos(angle), np.sin(angle)]) * 13.0 / um).round().astype(int)
            cv2.circle(density, tuple(map(int, at)), round(3.4 / um), red, -1)
    cv2.circle(density, (side // 2, side // 2), round(3.5 / um), nucleus, -1)
    density = cv2.GaussianBlur(density, (0, 0), blur_px)
    return np.clip(np.round(WHITE * np.exp(-density)), 0, 255).astype(np.uint8)


def test_densities_are_found_again():
    found = appearance_features(drawn(), UM)
    assert tuple(sorted(found)) == tuple(sorted(MEASURES))
    assert found["nucleus_green"] == pytest.approx(NUCLEUS[1], rel=0.03)
    assert found["nucleus_blue_green"] == pytest.approx(NUCLEUS[0] / NUCLEUS[1], rel=0.03)
    assert found["nucleus_red_green"] == pytest.approx(NUCLEUS[2] / NUCLEUS[1], rel=0.03)
    assert found["red_cells_green"] == pytest.approx(RED[1], rel=0.03)
    assert found["red_cells_blue_green"] == pytest.approx(RED[0] / RED[1], rel=0.05)
    assert found["red_cells_red_green"] == pytest.approx(RED[2] / RED[1], rel=0.05)


def test_paler_stain_is_paler_and_as_sharp():
    whole, half = (
        appearance_features(drawn(tuple(f * v for v in NUCLEUS), tuple(f * v for v in RED)), UM) for f in (1.0, 0.5)
    )
    for name in ("nucleus_green", "red_cells_green"):
        assert half[name] / whole[name] == pytest.approx(0.5, rel=0.05)
    for name in ("nucleus_red_green", "red_cells_red_green", "sharpness"):
        assert half[name] / whole[name] == pytest.approx(1.0, rel=0.06)


def test_blur_lowers_sharpness_alone():
    sharp, soft = (appearance_features(drawn(blur_px=px), UM) for px in (0.8, 2.0))
    assert soft["sharpness"] < 0.9 * sharp["sharpness"]
    for name in MEASURES[:-1]:
        assert soft[name] / sharp[name] == pytest.approx(1.0, rel=0.1), name


def test_another_number_of_pixels_says_the_same_densities():
    fine, coarse = appearance_features(drawn(), UM), appearance_features(drawn(side=88), 2 * UM)
    for name in MEASURES[:-1]:
        assert coarse[name] / fine[name] == pytest.approx(1.0, rel=0.06), name


@pytest.mark.parametrize(
    ("picture", "missing"),
    [
        (drawn(red_cells=False), {name for name in MEASURES if name.startswith("red_cells")}),
        (np.full((SIDE, SIDE, 3), WHITE, np.uint8), set(MEASURES) - {"nucleus_green"}),
        (np.zeros((SIDE, SIDE, 3), np.uint8), {name for name in MEASURES if name.startswith("red")} | {"sharpness"}),
    ],
    ids=["no red cells", "empty", "black"],
)
def test_what_cannot_be_measured_is_missing(picture, missing):
    found = appearance_features(picture, UM)
    assert set(MEASURES) - set(found) == missing
    assert all(np.isfinite(value) and value >= 0 for value in found.values())


def test_a_range_leaves_its_tail_on_either_side():
    looks = [{"sharpness": 0.3 + 0.001 * n} for n in range(200)]
    kind = range_of("x", looks)
    assert kind is not None
    assert (kind.name, kind.cells, set(kind.limits)) == ("x", 200, {"sharpness"})
    low, high = kind.limits["sharpness"]
    assert sum(low <= each["sharpness"] <= high for each in looks) == pytest.approx(200 * (1 - 2 * TAIL), abs=2)
    assert range_of("x", looks[:29]) is None
    none_at_all = range_of("zero", [{"nucleus_green": 0.0}] * 30)
    assert none_at_all is not None
    assert none_at_all.limits["nucleus_green"][0] > 0
