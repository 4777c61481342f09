"""Which kinds of cells a range is measured of."""

import numpy as np
import pytest

from smearwatch.models.preprocess import Preprocessing, Stain
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.samples import REJECT, Sample, Target, exact
from smearwatch.train.training.ranges import measure_ranges

PLAIN = Preprocessing(field_px=96, view_px=72)
MAPPED = PLAIN.model_copy(update={"reference_stain": Stain(nucleus_bgr=(0.4, 2.0, 1.2), red_cells_bgr=(0.2, 0.3, 0.2))})


BAND = exact(0)


def cells(counts: dict[str, int], target: Target = BAND) -> CellSet:
    def no_picture() -> np.ndarray:
        raise AssertionError("nothing is drawn here")

    samples = [
        Sample(f"{name}/{number}", name, "band", target, name, None, no_picture, digest="")
        for name, count in counts.items()
        for number in range(count)
    ]
    fields = np.random.default_rng(0).integers(80, 230, (len(samples), 96, 96, 3), dtype=np.uint8)
    return CellSet(samples, fields)


@pytest.mark.parametrize(
    ("preprocessing", "counts", "kinds"),
    [
        (MAPPED, {"ours": 30, "simulated": 30, "theirs": 30}, ["ours", "theirs"]),
        (MAPPED, {"simulated": 30}, ["simulated"]),  # better a range of drawn cells than none
        (
            PLAIN,
            {"ours": 30, "simulated": 30},
            ["ours", "simulated"],
        ),  # as photographed, drawn slides differ
        (MAPPED, {"ours": 29, "theirs": 30}, ["theirs"]),
    ],
)
def test_drawn_cells_make_no_real_one_familiar(preprocessing: Preprocessing, counts: dict[str, int], kinds: list[str]):
    assert [kind.name for kind in measure_ranges(cells(counts), preprocessing)] == kinds


def test_what_is_to_be_rejected_has_no_range():
    assert measure_ranges(cells({"ours": 40}, REJECT), PLAIN) == ()
