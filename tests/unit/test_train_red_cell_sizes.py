"""Red cells' size holds for the narrowest group that has enough of them."""

import cv2
import numpy as np
import pytest

from smearwatch.capture.scale.red_cell_size import measure_red_cell_um
from smearwatch.capture.vision.light import WHITE
from smearwatch.train.data.red_cell_sizes import RedCellSizes
from smearwatch.train.data.samples import REJECT, Sample, exact

SIDE_PX = 176


def drawn(diameter_um, number=0):
    """Draw a nucleus with red cells all around, as a shrunken crop of 33 um."""
    big = np.full((704, 704, 3), WHITE, np.uint8)
    px = 704 / 33.0
    rng = np.random.default_rng(number)
    for angle in np.arange(8) * np.pi / 4:
        x, y = (352 + (12.0 + rng.uniform(-0.5, 0.5)) * px * part for part in (np.cos(angle), np.sin(angle)))
        cv2.circle(big, (round(x), round(y)), round(diameter_um / 2 * px), (190, 170, 200), -1, cv2.LINE_AA)
    cv2.circle(big, (352, 352), round(4.5 * px), (150, 40, 80), -1, cv2.LINE_AA)
    return np.asarray(cv2.resize(big, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def sample(number, group, *, reject=False):
    target = REJECT if reject else exact(0)
    return Sample(f"lab/{number}", "lab", "band", target, group, None, lambda: drawn(7.0), str(number))


@pytest.mark.parametrize("diameter_um", [6.0, 7.5, 9.0])
def test_red_cells_are_measured_by_the_crops_scale(diameter_um):
    measured = measure_red_cell_um(drawn(diameter_um))
    assert measured == pytest.approx(diameter_um, rel=0.08)
    assert measure_red_cell_um(cv2.resize(drawn(diameter_um), (750, 750))) == pytest.approx(measured, rel=0.06)


def test_where_there_are_none_nothing_is_measured():
    assert measure_red_cell_um(np.full((SIDE_PX, SIDE_PX, 3), WHITE, np.uint8)) is None


def test_a_slide_has_its_own_size_and_one_with_too_few_that_of_its_laboratory():
    groups = ["lab/a/0"] * 5 + ["lab/a/1"] * 5 + ["lab/b"] * 9 + ["lab/c"] * 3
    diameters_um = [6.0] * 10 + [8.0] * 9 + [8.0] * 3
    samples = [sample(number, group) for number, group in enumerate(groups)]
    sizes = RedCellSizes(samples, np.stack([drawn(um, n) for n, um in enumerate(diameters_um)]))
    of = [sizes.of(each) for each in samples]
    assert of[0] == of[7] == pytest.approx(6.0, rel=0.08), "both blocks of the slide together"
    assert of[10] == pytest.approx(8.0, rel=0.08)
    assert of[20] == sizes.of(sample(99, "lab/unknown")) == pytest.approx(8.0, rel=0.08), "the laboratory's median"


def test_things_to_reject_and_too_few_cells_say_nothing():
    few = [sample(number, "lab/a", reject=number >= 5) for number in range(20)]
    sizes = RedCellSizes(few, np.stack([drawn(7.0, number) for number in range(20)]))
    assert sizes.of(few[0]) is None
