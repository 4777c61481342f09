"""What red cells of one kind of picture say is kept apart from what those of another do."""

import pytest

from smearwatch.daemon.record.events import Found
from smearwatch.daemon.record.picture_kinds import MOST, PictureKinds
from smearwatch.daemon.record.picture_size import of_two_kinds


def found(number, size, *, um_per_px=0.1, source="red_cells", estimate=None):
    width_px, height_px = size
    return Found(f"{number:064x}", width_px, height_px, um_per_px, source, estimate, 0.5, ())


@pytest.mark.parametrize(
    ("one", "other", "two_kinds"),
    [
        ((1440, 900), (720, 450), True),
        ((720, 450), (1440, 900), True),
        ((1440, 900), (450, 720), True),
        ((2592, 1944), (1296, 972), True),
        ((1920, 1080), (1280, 720), True),
        ((1440, 900), (1440, 900), False),
        ((1440, 900), (900, 1440), False),
        ((2592, 1944), (1280, 960), True),
        ((1440, 900), (576, 360), True),
        ((1440, 900), (1400, 875), False),
        ((575, 575), (480, 510), False),
        ((300, 300), (360, 360), False),
        ((1440, 900), (720, 900), False),
        ((1440, 900), (1920, 1080), True),
        ((1600, 1200), (1920, 1080), True),
        ((1080, 1920), (1200, 1600), True),
        ((1280, 1024), (1280, 960), True),
        ((1440, 900), (1430, 800), False),
        ((1440, 900), (400, 300), False),
        ((1440, 900), (0, 0), False),
    ],
)
def test_a_simple_factor_is_another_mode_and_another_cut_is_not(one, other, two_kinds):
    assert of_two_kinds(one, other) is two_kinds


def test_each_kind_keeps_its_own_first_estimates():
    kinds = PictureKinds()
    for number in range(40):
        kinds.found(found(number, (1440, 900 - number), estimate=0.09 + number / 10_000))
    kinds.found(found(50, (720, 450), estimate=0.18))
    kinds.found(found(51, (900, 1440), estimate=0.5))
    estimates = kinds.estimates
    assert len(estimates) == MOST + 1
    assert estimates[-1] == (0.18, (720, 450))
    assert 0.5 not in [each for each, _ in estimates], "a turned camera is the same kind, and that had enough"


def test_a_given_scale_is_that_of_the_first_field_searched_by_it():
    kinds = PictureKinds()
    assert kinds.first_of(0.09, "configured") is None
    kinds.found(found(1, (1440, 900), um_per_px=0.09, source="configured"))
    kinds.found(found(2, (720, 450), um_per_px=0.09, source="configured"))
    kinds.found(found(3, (640, 480), um_per_px=0.2, source="metadata"))
    assert kinds.first_of(0.09, "configured") == (1440, 900)
    assert kinds.first_of(0.2, "metadata") == (640, 480)
    assert kinds.first_of(0.2, "configured") is None
    assert kinds.first_of(None, None) is None
    kinds.found(found(4, (640, 480), um_per_px=0.3, source="red_cells"))
    assert kinds.first_of(0.3, "red_cells") is None, "nobody gave it"
