"""Named laboratories: each layout, who stands together in a split, and the old keys beside them."""

import csv
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.slide import Slide
from smearwatch.capture.vision.light import WHITE
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.data.empty_fields import RED_CELLS_PER_FIELD
from smearwatch.train.data.laboratories import Laboratory, read_laboratory
from smearwatch.train.data.samples import LEUKOCYTE, REJECT, DataUnusable, Sample, read_picture
from smearwatch.train.data.split import split
from smearwatch.train.training.config import read_config
from smearwatch.train.training.gather import list_samples
from tests.drawn import drawn, write_fields, write_tree


def quiet(what: str, done: int, total: int) -> None:
    pass


def read(name: str, cache: Path, **settings: object) -> list[Sample]:
    return read_laboratory(name, Laboratory.model_validate(settings), cache, quiet, force_scale=True)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("laboratory") / "pictures", 4, 0.15, 100)


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    slide = Slide(5, um_per_px=0.13, width_px=500, height_px=350, leukocytes_per_mm2=500.0)
    return write_fields(tmp_path_factory.mktemp("laboratory") / "fields", slide, 12, 500, 350)


def write_outlined(root: Path) -> None:
    """Two whole leukocytes, one that the border cuts, one without a nucleus, a speck, and two that touch."""
    mask = np.zeros((480, 640), np.uint8)
    for x, y, radius, nucleus in [(120, 110, 60, 30), (120, 330, 60, 30), (640, 240, 60, 30), (460, 100, 60, 0)]:
        cv2.circle(mask, (x, y), radius, 128, -1)
        if nucleus:
            cv2.circle(mask, (x, y), nucleus, 255, -1)
    cv2.circle(mask, (300, 100), 10, 255, -1)
    for x in (350, 520):
        cv2.circle(mask, (x, 360), 90, 128, -1)
        cv2.circle(mask, (x, 360), 40, 255, -1)
    for name in ("frames", "masks"):
        (root / name).mkdir(parents=True)
    cv2.imwrite(str(root / "frames" / "one.jpg"), np.full((480, 640, 3), 220, np.uint8))
    cv2.imwrite(str(root / "masks" / "one.png"), mask)
    cv2.imwrite(str(root / "frames" / "bare.jpg"), np.full((480, 640, 3), 221, np.uint8))
    cv2.imwrite(str(root / "masks" / "bare.png"), np.zeros((480, 640), np.uint8))


def test_outlined_leukocytes_have_no_class_and_places_without_one_are_to_be_rejected(tmp_path: Path):
    write_outlined(tmp_path)
    found = read("bccd", tmp_path / "cache", layout="outlined", um_per_px=0.08, folder=tmp_path)
    cells = [sample for sample in found if sample.target == LEUKOCYTE]
    assert [sample.draw.args[2] for sample in cells] == [  # type: ignore[attr-defined]
        pytest.approx((120.5 / 640, 110.5 / 480), abs=1e-3),
        pytest.approx((120.5 / 640, 330.5 / 480), abs=1e-3),
    ]
    assert {sample.label for sample in cells} == {"leukocyte"}
    spots = [sample for sample in found if sample.target == REJECT]
    assert [sample.sample_id for sample in spots] == ["bccd/bare.jpg"]
    assert {sample.group for sample in cells} == {"bccd/one"}
    alone = read("bccd", tmp_path / "cache", layout="blanks", um_per_px=0.08, folder=tmp_path)
    assert [sample.sample_id for sample in alone] == ["bccd/bare.jpg"]


def write_empty(root: Path) -> None:
    slide = Slide(7, um_per_px=0.13, width_px=500, height_px=400, leukocytes_per_mm2=0.0)
    root.mkdir()
    for number in range(2):
        cv2.imwrite(str(root / f"{number}.png"), slide.field(number).bgr)
    with_one = np.array(slide.field(2).bgr)
    with_one[120:220, 120:220] = drawn("lymphocyte", 3, 0.13, 100)
    cv2.imwrite(str(root / "2.png"), with_one)


def test_fields_without_leukocytes_give_red_cells_and_whatever_is_found(tmp_path: Path):
    root = tmp_path / "empty"
    write_empty(root)
    settings = {"layout": "empty", "um_per_px": 0.13, "folder": root}
    every = read("red", tmp_path / "cache", **settings)
    assert {sample.target for sample in every} == {REJECT}
    assert [sample.group for sample in every if sample.label == "found_no_leukocyte"] == ["red/2"]
    red = [sample for sample in every if sample.label == "red_cell"]
    assert {sample.group for sample in red} == {"red/0", "red/1", "red/2"}
    assert max(Counter(sample.group for sample in red).values()) == RED_CELLS_PER_FIELD
    crops = [sample.draw() for sample in red]
    middles = [crop[345:405, 345:405, 1].mean() for crop in crops]
    assert max(middles) < WHITE - 10, "in the middle there is a cell"
    assert [s.sample_id for s in read("red", tmp_path / "cache", **settings)] == [s.sample_id for s in every]
    fewer = read("red", tmp_path / "cache", **settings, **{"except": ("2.png",)})
    assert {sample.group for sample in fewer} == {"red/0", "red/1"}
    with pytest.raises(DataUnusable, match=r"no 3\.png in it"):
        read("red", tmp_path / "cache", **settings, **{"except": ("3.png",)})


def write_manifest(root: Path, groups: dict[str, str]) -> None:
    with (root / "manifest.csv").open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["path", "label", "group"])
        rows.writerows([path, path.split("/")[0], group] for path, group in groups.items())


def test_cells_of_a_named_group_or_of_a_cluster_stand_together(tmp_path: Path):
    root = write_tree(tmp_path / "pictures", 4, 0.15, 100)
    darker = np.clip(read_picture(root / "monocyte" / "0.png") * 0.98, 0, 255).astype(np.uint8)
    cv2.imwrite(str(root / "monocyte" / "copy.png"), darker)
    before = {sample.sample_id: sample.group for sample in read_class_tree(root, 0.15, source="raabin")}
    assert before["raabin/monocyte/copy.png"] == before["raabin/monocyte/0.png"] == "raabin/monocyte/0.png"
    named = {f"{name}/{number}.png": f"day{number % 2}" for name in ("eosinophil", "basophil") for number in range(4)}
    write_manifest(root, named | {"monocyte/0.png": "day5", "monocyte/copy.png": "day1"})
    after = {sample.sample_id: sample.group for sample in read_class_tree(root, 0.15, source="raabin")}
    assert after["raabin/eosinophil/0.png"] == after["raabin/basophil/2.png"] == "raabin/day0"
    joined = [after[f"raabin/{name}.png"] for name in ("eosinophil/1", "basophil/3", "monocyte/0", "monocyte/copy")]
    assert joined == ["raabin/day1"] * 4
    for name, group in before.items():
        if name.split("/")[1] not in ("eosinophil", "basophil", "monocyte"):
            assert after[name] == group
    sides = split(read_class_tree(root, 0.15, source="raabin"))
    assert sum(any(sample.group == "raabin/day1" for sample in side) for side in sides.values()) == 1


def test_what_has_no_name_of_its_own_is_called_and_divided_as_ever(tree: Path, fields: Path, tmp_path: Path):
    old = {"cells": tree, "cells_um_per_px": 0.15, "fields": fields, "fields_um_per_px": 0.13, "force_scale": True}
    config = read_config(None, {f"data.{key}": value for key, value in old.items()})
    samples = list_samples(config, tmp_path, quiet)
    assert {sample.source for sample in samples} == {"cells", "chula"}
    assert samples[0].sample_id == "cells/band/0.png" == samples[0].group
    assert {sample.group for sample in samples if sample.source == "chula"} == {"chula/s/0", "chula/s/1"}


def test_a_laboratory_may_be_divided_as_an_earlier_run_was(tree: Path, tmp_path: Path):
    own = read("pbc", tmp_path, layout="cells", um_per_px=0.15, folder=tree)
    as_before = read("pbc", tmp_path, layout="cells", um_per_px=0.15, folder=tree, split_name="cells")
    assert own[0].group == "pbc/band/0.png"
    assert as_before[0].group == "cells/band/0.png"
    assert as_before[0].sample_id == own[0].sample_id


_TOML = """
[data]
force_scale = true
[laboratories.pbc]
layout = "cells"
um_per_px = 0.15
[laboratories.chula]
layout = "fields"
um_per_px = 0.13
found = true
[laboratories.red_cells]
layout = "empty"
um_per_px = 0.188
except = ["2.png"]
"""


def test_laboratories_of_a_file_get_their_folders_and_without_one_are_left_out(
    tree: Path, fields: Path, tmp_path: Path
):
    path = tmp_path / "train.toml"
    path.write_text(_TOML)
    config = read_config(path, {}, {"pbc": tree, "chula": fields})
    assert [*config.used_laboratories()] == ["pbc", "chula"]
    assert config.laboratories["red_cells"].left_out == ("2.png",)
    assert {sample.source for sample in list_samples(config, tmp_path / "cache", quiet)} == {"pbc", "chula"}
    with pytest.raises(DataUnusable, match="no laboratory raabin in it; there are pbc, chula, red_cells"):
        read_config(path, {}, {"raabin": tree})
    with pytest.raises(DataUnusable, match="chula is given twice"):
        read_config(path, {"data.fields": fields, "data.fields_um_per_px": 0.13}, {"chula": fields})


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ('[laboratories.a]\nlayout = "cells"\n', "um_per_px"),
        ('[laboratories.a]\nlayout = "slides"\num_per_px = 0.1\n', "layout"),
        ('[laboratories.a]\nlayout = "cells"\num_per_px = 0.1\nfound = true\n', "found is for the layout"),
        ('[laboratories.a]\nlayout = "cells"\num_per_px = 0.1\nexcept = ["a"]\n', "except is for the layout"),
        ('[laboratories.simulated]\nlayout = "cells"\num_per_px = 0.1\n', "no name for a laboratory"),
        ("epoch_cells = 5\n", "epoch_cells without balance"),
    ],
)
def test_settings_that_do_not_fit_are_one_line(tmp_path: Path, table: str, line: str):
    path = tmp_path / "train.toml"
    path.write_text(table)
    with pytest.raises(DataUnusable, match=line) as caught:
        read_config(path, {})
    assert "\n" not in str(caught.value)
