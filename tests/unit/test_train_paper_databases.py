"""DB-1 keeps the whole cell and nothing else; a killed reproduction is taken up; bad input is one line."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from smearwatch.capture.vision.crop import cut_crop
from smearwatch.capture.vision.light import WHITE, flatten_cell
from smearwatch.daemon.hinted import Hinted
from smearwatch.daemon.scale_rule import ScaleUnusable
from smearwatch.models.classes import CLASSES, ClassName
from smearwatch.train.commands.paper import app
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.data.samples import DataUnusable, Sample, cell_crop, exact
from smearwatch.train.paper.config import PaperConfig
from smearwatch.train.paper.databases import Databases, alone, gather
from smearwatch.train.paper.learning import train_six
from smearwatch.train.paper.outline import OUTLINE_PX, outline_cell
from smearwatch.train.paper.outlines import Outlines
from smearwatch.train.paper.results import Epoch
from smearwatch.train.paper.run import reproduce
from smearwatch.train.paper.stages import Stage, read_stage, write_stage
from tests.drawn import drawn, write_tree

SIZE_PX, UM_PER_PX = 240, 0.15
pytestmark = pytest.mark.usefixtures("one_thread")
TINY = PaperConfig(
    um_per_px=UM_PER_PX,
    protocols=("honest",),
    px=(72,),
    epochs=1,
    fine_epochs=1,
    per_class=12,
    verifier_px=72,
    verifier_epochs=1,
    batch=16,
)


def quiet(what: str, done: int, total: int) -> None:
    del what, done, total


def crop_of(cls: ClassName, seed: int) -> np.ndarray:
    return cut_crop(flatten_cell(drawn(cls, seed, UM_PER_PX, SIZE_PX)), (SIZE_PX / 2, SIZE_PX / 2), UM_PER_PX)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # The name of the folder decides which cells are kept aside, so it is always the same.
    return write_tree(tmp_path_factory.mktemp("tree") / "cells", 9, UM_PER_PX, SIZE_PX)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_cell_alone(cls: ClassName):
    crop = crop_of(cls, 5)
    inside = outline_cell(crop)
    assert inside is not None
    area_um2 = inside.sum() * (33.0 / OUTLINE_PX) ** 2
    assert 30 < area_um2 < 420
    single = alone(crop, inside)
    middle = slice(365, 385)
    assert np.array_equal(single[middle, middle], crop[middle, middle])
    border = np.concatenate([single[:8].reshape(-1, 3), single[:, :8].reshape(-1, 3)])
    assert (border == WHITE).all()
    # All that is as dark as a nucleus in the middle of the crop is still there.
    dark = crop[250:500, 250:500, 2] < 110
    assert np.array_equal(single[250:500, 250:500][dark], crop[250:500, 250:500][dark])
    again = outline_cell(crop)
    assert again is not None
    assert np.array_equal(inside, again)


def test_a_crop_without_a_leukocyte_has_no_outline():
    assert outline_cell(np.full((750, 750, 3), WHITE, dtype=np.uint8)) is None


def test_the_edge_of_a_cell_alone_is_soft_and_generous():
    inside = np.zeros((OUTLINE_PX, OUTLINE_PX), dtype=np.uint8)
    cv2.circle(inside, (90, 90), 30, 1, -1)
    single = alone(np.zeros((750, 750, 3), dtype=np.uint8), inside)[375, :, 0].astype(int)
    radius = 30.5 * 750 / OUTLINE_PX
    kept_px = int((single < WHITE / 2).sum()) / 2
    assert kept_px - radius == pytest.approx(0.45 * 750 / 33, abs=3)
    assert 2 <= int(((single > 10) & (single < WHITE - 10)).sum()) / 2 <= 8


def test_stages_are_kept_by_what_they_depend_on(tmp_path: Path):
    stage = Stage({"a": torch.arange(3)}, [{"epoch": 1}])
    write_stage(tmp_path, "one", "key", stage)
    found = read_stage(tmp_path, "one", "key")
    assert found is not None
    assert found.tensors["a"].tolist() == [0, 1, 2]
    assert found.rows == [{"epoch": 1}]
    assert read_stage(tmp_path, "one", "another key") is None
    assert read_stage(tmp_path, "two", "key") is None
    (tmp_path / "one.safetensors").write_bytes(b"no")
    with pytest.raises(DataUnusable, match="damaged"):
        read_stage(tmp_path, "one", "key")


def plain_databases() -> Databases:
    """Discs of a colour for each class, quick to draw; five cells of a class, and two fresh ones."""

    def disc(place: int, number: int) -> Sample:
        def draw() -> np.ndarray:
            crop = np.full((750, 750, 3), WHITE, dtype=np.uint8)
            colour = (200 - 20 * place, 40 + 30 * place, 100 + 5 * number)
            return np.asarray(cv2.circle(crop, (375, 375), 120 + number, colour, -1))

        name = f"{place}/{number}"
        digest = hashlib.sha256(name.encode()).hexdigest()
        return Sample(name, "cells", CLASSES[place], exact(place), name, None, draw, digest)

    cells = [disc(place, number) for place in range(6) for number in range(5)]
    return Databases(cells, cells, [], [disc(place, number) for place in range(6) for number in (5, 6)])


def test_a_killed_reproduction_is_taken_up_with_the_same_result(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("smearwatch.train.paper.run.read_class_tree", lambda *_: [])
    monkeypatch.setattr("smearwatch.train.paper.run.gather", lambda *_: plain_databases())
    whole = reproduce(tree, TINY, tmp_path / "whole", tmp_path / "whole.state", quiet)
    calls: list[object] = []

    def dies_at_the_second(*arguments: Any) -> list[Epoch]:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train_six(*arguments)

    monkeypatch.setattr("smearwatch.train.paper.run.train_six", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        reproduce(tree, TINY, tmp_path / "out", tmp_path / "state", quiet)
    assert not (tmp_path / "out" / "paper.json").exists()
    again = reproduce(tree, TINY, tmp_path / "out", tmp_path / "state", quiet)
    assert len(calls) == 3  # the finished one is not trained again
    assert again == whole
    assert json.loads((tmp_path / "out" / "paper.json").read_text()) == whole.to_json()
    assert (tmp_path / "out" / "figure1.png").stat().st_size > 10_000
    for name in CLASSES:
        sheet = cv2.imread(str(tmp_path / "out" / f"databases_{name}.png"))
        assert sheet is not None
        assert sheet.shape[1] == 1500
    honest = whole.protocols["honest"]
    assert set(honest.six_class["72"].tests) == {"augmented", "cells", "fresh", "db1"}
    assert honest.test_pictures_of_trained_cells == 0
    assert list(whole.to_json()) == ["settings", "data", "protocols", "leakage"]
    assert list(honest.two_class.curve[0].to_json()) == ["epoch", "training_error", "training_cost"]
    assert len(honest.six_class["72"].curve.db1[0].to_json()) == 5


def test_cells_without_an_outline_are_counted_and_others_stand_in(tree: Path, tmp_path: Path):
    root = tmp_path / "cells"
    shutil.copytree(tree, root)
    for number in range(9):
        blank = np.full((SIZE_PX, SIZE_PX, 3), 225, dtype=np.uint8)
        blank += np.random.default_rng(number).integers(0, 3, blank.shape, dtype=np.uint8)
        assert cv2.imwrite(str(root / "band" / f"blank{number}.png"), blank)
    every = read_class_tree(root, UM_PER_PX)
    found = gather(root, every, TINY, Outlines(tmp_path, UM_PER_PX), quiet)
    assert found.without_outline
    assert all("/band/blank" in name for name in found.without_outline)
    assert [sum(sample.label == name for sample in found.cells) for name in CLASSES] == [5, 5, 5, 6, 5, 5]
    assert [sample.label for sample in found.cells] == [sample.label for sample in found.alone]
    groups = {sample.group for sample in found.cells}
    assert not groups & {sample.group for sample in found.fresh}
    again = gather(root, every, TINY, Outlines(tmp_path, UM_PER_PX), quiet)
    assert [sample.digest for sample in again.alone] == [sample.digest for sample in found.alone]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--px", "64"], "--px"),
        (["--epochs", "0"], "--epochs"),
        (["--per-class", "5"], "--per-class"),
        (["--out", "FILE"], "there is a file of this name"),
        (["--cells", "NOWHERE"], "there is no such folder"),
        (["--cells", "FEW"], "usable cells of class band"),
    ],
)
def test_bad_input_is_one_error(tree: Path, tmp_path: Path, options: list[str], said: str):
    (tmp_path / "FILE").write_text("")
    (tmp_path / "FEW" / "band").mkdir(parents=True)
    (tmp_path / "FEW" / "band" / "0.png").write_bytes((tree / "band" / "0.png").read_bytes())
    options = [str(tmp_path / value) if value.isupper() else value for value in options]
    given = {"--cells": str(tree), "--um-per-px": str(UM_PER_PX), "--out": str(tmp_path / "out")}
    given |= dict(zip(options[::2], options[1::2], strict=True))
    result = CliRunner().invoke(app, [word for pair in given.items() for word in pair])
    assert isinstance(result.exception, DataUnusable | Hinted)
    assert said in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.exception.hint
    assert not (tmp_path / "out").exists()


def test_a_scale_without_sense_is_wrong_usage(tree: Path, tmp_path: Path):
    result = CliRunner().invoke(app, ["--cells", str(tree), "--um-per-px", "9", "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, ScaleUnusable)
    assert not (tmp_path / "out").exists()


@pytest.mark.realdata
def test_pale_cytoplasm_is_kept_and_red_cells_are_not(real_data: Path):
    areas = []
    for path in sorted((real_data / "pbc" / "segmented_neutrophil").iterdir())[:12]:
        crop = cell_crop(path, 0.095)
        inside = outline_cell(crop)
        assert inside is not None
        areas.append(float(inside.sum()) * (33.0 / OUTLINE_PX) ** 2)
    # A neutrophil on a smear is 11 to 16 um wide: 95 to 200 um2; its nucleus alone is 40 to 60.
    assert min(areas) > 75
    assert np.median(areas) > 95
    assert max(areas) < 230
