"""The vision part on real fields: a teaching microscope's, and blurry pictures of another laboratory."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from smearwatch.capture.finder.field import FieldFound, find
from smearwatch.capture.formats.decode import decode
from smearwatch.capture.scale.red_cells import estimate_um_per_px
from smearwatch.capture.vision.light import flatten_field
from smearwatch.capture.vision.quality import judge

pytestmark = [pytest.mark.integration, pytest.mark.realdata]

CHULA_STEP, BCCD_STEP, PBC_STEP = 9, 10, 160


def _pictures(folder, step):
    return sorted(Path(folder).glob("*.jpg"))[::step]


def _overlap(a, b):
    across = max(0.0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    return across * down / (a[2] * a[3] + b[2] * b[3] - across * down)


def _hits(truth, cell):
    x, y, width, height = cell.box
    middle = (truth[0] + truth[2] / 2, truth[1] + truth[3] / 2)
    inside = x <= middle[0] <= x + width and y <= middle[1] <= y + height
    return inside or _overlap(truth, cell.box) >= 0.3


def _labelled(file, width, height):
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            w, h = float(row["width"]) * width, float(row["height"]) * height
            box = (float(row["x_center"]) * width - w / 2, float(row["y_center"]) * height - h / 2, w, h)
            middle = (box[0] + w / 2, box[1] + h / 2)
            if middle[0] < width and middle[1] < height:  # one label of the set lies outside its picture
                yield box


def test_chula_fields_are_accepted_and_their_labelled_cells_found(real_data):
    labelled = found = accepted = 0
    scales: list[float] = []
    estimates: list[float] = []
    pictures = _pictures(real_data / "chula" / "frames", CHULA_STEP)
    for file in pictures:
        result = find(file.read_bytes(), um_per_px=None, um_per_px_source=None, session_estimates=estimates)
        if isinstance(result, FieldFound) and result.um_per_px_estimate is not None:
            estimates.append(result.um_per_px_estimate)
        accepted += isinstance(result, FieldFound)
        cells = result.cells if isinstance(result, FieldFound) else ()
        scales += [result.um_per_px] if isinstance(result, FieldFound) else []
        for box in _labelled(real_data / "chula" / "boxes" / f"{file.stem}.csv", 1440, 900):
            labelled += 1
            found += any(_hits(box, cell.leukocyte) for cell in cells)
    assert len(pictures) > 20
    assert accepted == len(pictures)
    assert found / labelled >= 0.95
    assert np.median(scales) == pytest.approx(0.093, rel=0.1)
    assert np.percentile(scales, 90) / np.percentile(scales, 10) < 1.35


def test_bccd_cells_are_found_whole_and_nothing_else(real_data):
    truths = hits = cells = matched = 0
    overlaps = []
    for file in _pictures(real_data / "bccd" / "frames", BCCD_STEP):
        result = find(file.read_bytes(), um_per_px=0.07, um_per_px_source="configured")
        assert isinstance(result, FieldFound), file.name
        hand = decode((real_data / "bccd" / "masks" / f"{file.stem}.png").read_bytes())[..., 0]
        count, labels, stats, _ = cv2.connectedComponentsWithStats((hand > 0).astype(np.uint8))
        used = set()
        for index in range(1, count):
            if stats[index, cv2.CC_STAT_AREA] * 0.07**2 < 6.0:
                continue
            near = [cell for cell in result.cells if _hits(stats[index, :4].astype(float), cell.leukocyte)]
            truths, hits = truths + 1, hits + bool(near)
            used |= {cell.index for cell in near}
            overlaps += [
                _mask_overlap(labels == index, result.segmentation.mask(), cell.leukocyte.box) for cell in near[:1]
            ]
        cells, matched = cells + len(result.cells), matched + len(used)
    assert truths > 20
    assert hits / truths >= 0.97
    assert matched / cells >= 0.93
    assert np.mean(overlaps) >= 0.75


@pytest.mark.parametrize(
    ("folder", "step", "least", "most"),
    [
        ("eosinophil", 20, 0.97, 1.0),
        ("segmented_neutrophil", 20, 0.97, 1.0),
        ("lymphocyte", 20, 0.97, 1.0),
        ("monocyte", 20, 0.97, 1.0),
        ("platelet", 4, 0.0, 0.3),
    ],
)
def test_a_picture_of_one_leukocyte_holds_one_and_that_of_a_platelet_none(real_data, folder, step, least, most):
    pictures = _pictures(real_data / "pbc" / folder, step)
    accepted = alone = 0
    for file in pictures:
        result = find(file.read_bytes(), um_per_px=0.095, um_per_px_source="configured")
        if not isinstance(result, FieldFound):  # a few are blurred
            continue
        accepted += 1
        middle = np.array([result.width_px, result.height_px]) / 2.0
        near = [cell for cell in result.cells if np.hypot(*(cell.leukocyte.centre_xy_px - middle)) * 0.095 < 6.5]
        alone += len(near) == 1
    assert accepted >= max(40, 0.9 * len(pictures))
    assert least <= alone / accepted <= most


def _mask_overlap(hand, mask, box):
    x, y, width, height = box
    ours = np.zeros_like(hand)
    ours[y : y + height, x : x + width] = mask[y : y + height, x : x + width] > 0
    return (hand & ours).sum() / (hand | ours).sum()


@pytest.mark.parametrize(
    ("folder", "step", "um_per_px"),
    [("bccd/frames", BCCD_STEP, 0.0755), ("pbc/segmented_neutrophil", PBC_STEP, 0.095)],
)
def test_scale_from_red_cells_is_near_the_known_one(real_data, folder, step, um_per_px):
    estimates = [estimate_um_per_px(decode(file.read_bytes())) for file in _pictures(real_data / folder, step)]
    values = [estimate.um_per_px for estimate in estimates if estimate is not None and estimate.is_sure]
    assert len(values) >= 0.9 * len(estimates)
    assert np.median(values) == pytest.approx(um_per_px, rel=0.15)


@pytest.mark.parametrize(("folder", "step", "um_per_px"), [("chula/frames", 23, 0.094), ("bccd/frames", 25, 0.07)])
def test_blur_and_movement_are_noticed_on_real_fields(real_data, folder, step, um_per_px):
    fields = [decode(file.read_bytes()) for file in _pictures(real_data / folder, step)]
    good = [judge(flatten_field(bgr, um_per_px), um_per_px, raw_bgr=bgr) for bgr in fields]
    assert sum(quality.accepted for quality in good) >= len(good) - 1
    spread = 1.0 / um_per_px
    blurred = [np.asarray(cv2.GaussianBlur(bgr, (0, 0), spread), np.uint8) for bgr in fields]
    moved = [np.asarray(cv2.blur(bgr, (round(3.0 * spread), 1)), np.uint8) for bgr in fields]
    for poor, reasons in ((blurred, {"out_of_focus", "moving"}), (moved, {"moving"})):
        judged = [judge(flatten_field(bgr, um_per_px), um_per_px, raw_bgr=bgr) for bgr in poor]
        assert {quality.reason for quality in judged} <= reasons
