"""A scale that does not fit the cells is noticed before anything is scored."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.models.classes import CLASSES
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.data.scale_check import check_boxes_scale, check_tree_scale

_TRUE_UM_PER_PX = 0.12


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for seed, cls in enumerate((*CLASSES, *CLASSES)):
        picture = render_cell_picture(cls, np.random.default_rng(seed), um_per_px=_TRUE_UM_PER_PX, size_px=280)
        (root / cls).mkdir(exist_ok=True)
        cv2.imwrite(str(root / cls / f"{seed}.png"), picture)
    return root


def test_cells_of_the_right_size_pass(tree: Path):
    diameter_um = check_tree_scale(tree, _TRUE_UM_PER_PX)
    assert diameter_um is not None
    assert 9 < diameter_um < 20


@pytest.mark.parametrize("factor", [1 / 3, 3])
def test_a_scale_off_by_three_is_refused_with_the_one_that_fits(tree: Path, factor: float):
    wrong = round(_TRUE_UM_PER_PX * factor, 3)
    with pytest.raises(DataUnusable, match=rf"at {wrong:g} um/px its cells measure") as refused:
        check_tree_scale(tree, wrong)
    fitting = float(str(refused.value).split("which about ")[1].split()[0])
    assert fitting == pytest.approx(_TRUE_UM_PER_PX, rel=0.4)
    assert "--force-scale" in refused.value.hint
    assert check_tree_scale(tree, wrong, force=True) is not None


def test_pictures_without_a_cell_say_nothing(tmp_path: Path):
    (tmp_path / "band").mkdir()
    cv2.imwrite(str(tmp_path / "band" / "a.png"), np.full((60, 60, 3), 230, np.uint8))
    assert check_tree_scale(tmp_path, 0.1) is None
    assert check_tree_scale(tmp_path / "nowhere", 0.1) is None


@pytest.mark.parametrize(("um_per_px", "refused"), [(0.1, False), (0.03, True), (0.3, True)])
def test_boxes_tell_the_scale_too(tmp_path: Path, um_per_px: float, refused: bool):
    for name in ("frames", "boxes"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "a_1.png"), np.full((400, 600, 3), 230, np.uint8))
    (tmp_path / "boxes" / "a_1.csv").write_text(
        "label,x_center,y_center,width,height\nband,0.5,0.5,0.2,0.3\n"  # 120 px wide and high
    )
    if refused:
        with pytest.raises(DataUnusable, match="leukocytes measure 9 to 20 um"):
            check_boxes_scale(tmp_path, um_per_px)
    else:
        assert check_boxes_scale(tmp_path, um_per_px) == pytest.approx(12.0)
