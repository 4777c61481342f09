"""The crop of a picture of one cell: the pipeline's own where it finds the cell, and what is no picture of one cell."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.capture.slide.slide import Slide
from smearwatch.models.classes import CLASSES
from smearwatch.train.data.samples import DataUnusable, cell_crop
from smearwatch.train.data.single_cell_crop import single_cell_crop

UM = 0.09


def around_cell(cls, *, seed=0, off_um=(0.0, 0.0), size_um=(36.0, 36.0), jitter_um=0.0):
    """A window of a drawn picture whose cell lies so far from the window's middle, x to the right and y down."""
    side = 1000
    drawn = render_cell_picture(cls, np.random.default_rng(seed), um_per_px=UM, size_px=side, jitter_um=jitter_um)
    width, height = (round(um / UM) for um in size_um)
    x, y = (round(side / 2 - off / UM - size / 2) for off, size in zip(off_um, (width, height), strict=True))
    return drawn[y : y + height, x : x + width]


def written(tmp_path: Path, bgr) -> Path:
    path = tmp_path / "cell.png"
    assert cv2.imwrite(str(path), np.ascontiguousarray(bgr))
    return path


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("off_um", [(0.0, 0.0), (-3.0, 2.0), (7.0, 0.0)])
def test_the_crop_is_the_pipelines_wherever_in_the_middle_the_cell_lies(cls, off_um, tmp_path):
    path = written(tmp_path, around_cell(cls, off_um=off_um))
    cell = single_cell_crop(path, UM)
    assert cell.found
    field = find(path.read_bytes(), um_per_px=UM, um_per_px_source="configured")
    assert isinstance(field, FieldFound)
    true_xy = np.array(field.segmentation.size_px) / 2 + np.array(off_um) / UM
    cut = min(field.cells, key=lambda found: np.abs(np.array(found.leukocyte.centre_xy_px) - true_xy).sum())
    assert cut.crop_bgr is not None
    assert np.array_equal(cell.crop_bgr, cut.crop_bgr)


def test_a_run_with_wider_crops_has_its_like_here(tmp_path):
    path = written(tmp_path, around_cell("monocyte"))
    field = find(path.read_bytes(), um_per_px=UM, um_per_px_source=None, field_um=40.0, restain=True)
    assert isinstance(field, FieldFound)
    wide = single_cell_crop(path, UM, field_um=40.0, restain=True).crop_bgr
    crops = [found.crop_bgr for found in field.cells if found.crop_bgr is not None]
    assert any(np.array_equal(wide, crop) for crop in crops)
    assert not np.array_equal(wide, single_cell_crop(path, UM).crop_bgr)


def blurred(bgr):
    return cv2.GaussianBlur(bgr, (0, 0), 1.2 / UM)


@pytest.mark.parametrize(
    ("picture", "why"),
    [
        (np.full((400, 400, 3), 220, np.uint8), "empty"),
        (blurred(around_cell("monocyte")), "out_of_focus"),
        (around_cell("monocyte", size_um=(36.0, 12.0)), "at_edge"),
        (around_cell("lymphocyte", off_um=(11.0, 9.0), size_um=(38.0, 34.0)), "no_leukocyte"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_where_no_whole_leukocyte_is_found_the_middle_is_cut(picture, why, tmp_path):
    path = written(tmp_path, picture)
    cell = single_cell_crop(path, UM)
    assert (cell.found, cell.not_found) == (False, why)
    assert np.array_equal(cell.crop_bgr, cell_crop(path, UM))


@pytest.mark.parametrize("size_px", [(1440, 900), (900, 600), (400, 960)])
def test_what_covers_far_more_than_a_crop_is_a_field(size_px, tmp_path):
    slide = Slide(7, um_per_px=UM, width_px=size_px[0], height_px=size_px[1])
    path = written(tmp_path, slide.field(1).bgr)
    with pytest.raises(DataUnusable) as refused:
        single_cell_crop(path, UM)
    assert refused.value.reason == "whole_field"
    assert "smearwatch segment" in refused.value.hint
    assert f"{size_px[0]} x {size_px[1]} px" in str(refused.value)


@pytest.mark.parametrize("cls", ["lymphocyte", "segmented"])
def test_a_small_field_is_known_by_its_leukocyte_off_the_middle(cls, tmp_path):
    """As large as a field of 640 x 480 pixels behind a 100x objective; with the cell in the middle it is named."""
    size_um = (48.0, 36.0)
    path = written(tmp_path, around_cell(cls, off_um=(14.0, 5.0), size_um=size_um))
    with pytest.raises(DataUnusable, match="1 leukocyte, none in the middle") as refused:
        single_cell_crop(path, UM)
    assert refused.value.reason == "whole_field"
    assert single_cell_crop(written(tmp_path, around_cell(cls, off_um=(4.0, 2.0), size_um=size_um)), UM).found


@pytest.mark.parametrize("size_um", [(50.0, 50.0), (64.0, 64.0)])
def test_a_generous_picture_of_one_cell_is_named(size_um, tmp_path):
    assert single_cell_crop(written(tmp_path, around_cell("eosinophil", size_um=size_um)), UM).found
