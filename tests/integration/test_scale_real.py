"""Real fields with few, pale or haloed red cells: the scale is right, or said to be unknown."""

import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.formats.decode import decode
from smearwatch.capture.scale.red_cells import estimate_um_per_px

pytestmark = [pytest.mark.integration, pytest.mark.realdata]

BCCD_UM_PER_PX, CHULA_UM_PER_PX = 0.0755, 0.092
_STEP = 12


@pytest.fixture
def weak_fields(real_data):
    """Fields whose scale was once taken wrongly, or not at all, each with its right one."""
    folder = real_data.parent / "cases" / "scale"
    files = sorted(folder.glob("*.jpg"))
    if not files:
        pytest.skip(f"no {folder} beside the real pictures")
    return [(file, BCCD_UM_PER_PX if file.name.startswith("BloodImage") else CHULA_UM_PER_PX) for file in files]


def test_a_weak_field_alone_gets_a_scale_near_the_right_one_or_none(weak_fields):
    for file, right in weak_fields:
        answer = find(file.read_bytes(), um_per_px=None, um_per_px_source=None)
        if isinstance(answer, FieldFound):
            assert answer.um_per_px == pytest.approx(right, rel=0.25), file.name
            assert answer.cells, file.name
        else:
            assert answer.reason == "scale_unknown", file.name


def test_a_weak_field_in_a_session_is_searched_at_its_scale(weak_fields):
    for file, right in weak_fields:
        answer = find(file.read_bytes(), um_per_px=None, um_per_px_source=None, session_estimates=[right] * 3)
        assert isinstance(answer, FieldFound), file.name
        assert answer.um_per_px == pytest.approx(right, rel=0.02), file.name
        assert answer.cells, file.name


@pytest.mark.parametrize(
    ("folder", "right", "least_sure"),
    [
        ("bccd/frames", BCCD_UM_PER_PX, 0.9),
        ("chula/frames", CHULA_UM_PER_PX, 0.8),
        ("red_cells", 0.188, 0.9),
    ],
)
def test_sure_scales_of_single_fields_are_near_the_right_one(real_data, folder, right, least_sure):
    pictures = sorted((real_data / folder).glob("*.jpg"))[::_STEP]
    estimates = [estimate_um_per_px(decode(file.read_bytes())) for file in pictures]
    ratios = np.array(
        [estimate.um_per_px / right for estimate in estimates if estimate is not None and estimate.is_sure]
    )
    assert len(ratios) >= least_sure * len(pictures)
    assert np.all(np.abs(ratios - 1.0) < 0.25)
    assert np.median(ratios) == pytest.approx(1.0, abs=0.06)
