"""Labelled cells on disk: what is read, and each way of being unusable."""

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from smearwatch.capture.vision.light import WHITE
from smearwatch.models.preprocess import Preprocessing
from smearwatch.train.data.blanks import read_blanks
from smearwatch.train.data.boxed_fields import BLOCK_FRAMES, read_boxed_fields
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.data.crop_cache import shrunken_fields
from smearwatch.train.data.samples import DataUnusable, Sample
from smearwatch.train.training.config import TrainConfig, read_config


def write(path: Path, seed: int, size: tuple[int, int] = (100, 100)) -> None:
    """A grey disc on a bright background, different for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    picture = np.full((*size, 3), 220, dtype=np.uint8)
    centre = (size[1] // 2, size[0] // 2)
    cv2.circle(picture, centre, int(rng.integers(15, 25)), [int(v) for v in rng.integers(40, 160, 3)], -1)
    picture = np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)
    assert cv2.imwrite(str(path), picture)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "cells"
    for place, folder in enumerate(["band_neutrophil", "segmented", "neutrophil", "platelet", "not_a_class"]):
        for number in range(2):
            write(root / folder / f"{number}.png", 10 * place + number)
    (root / "manifest.csv").write_text(
        "path,label,band_label_agreed\n"
        "cells/band_neutrophil/0.png,x,1\ncells/segmented/0.png,x,0\ncells/segmented/1.png,x,\n"
    )
    return root


def test_class_tree(tree: Path):
    found = {sample.sample_id: sample for sample in read_class_tree(tree, 0.3)}
    assert len(found) == 8
    assert found["cells/band_neutrophil/0.png"].label == "band"
    assert found["cells/band_neutrophil/0.png"].agreed is True
    assert found["cells/segmented/0.png"].agreed is False
    assert found["cells/segmented/0.png"].target.shares[:2] == pytest.approx((0.3, 0.7))
    assert found["cells/segmented/1.png"].target.shares[1] == 1.0
    assert found["cells/neutrophil/0.png"].target.kind == "either"
    assert found["cells/platelet/0.png"].target.kind == "reject"


def test_a_crop_has_its_background_at_white_and_the_cell_in_the_middle(tree: Path):
    crop = read_class_tree(tree, 0.3)[0].draw()
    assert crop.shape == (750, 750, 3)
    assert np.median(crop[200:230, 200:230]) == pytest.approx(WHITE, abs=6)
    assert crop[375, 375].mean() < WHITE - 40


def copy_across(root: Path) -> None:
    shutil.copy(root / "segmented" / "0.png", root / "band_neutrophil" / "copy.png")


def spoil(root: Path) -> None:
    (root / "segmented" / "0.png").write_bytes(b"no picture")


def empty(root: Path) -> None:
    for path in (root / "segmented").iterdir():
        path.unlink()


def strip(root: Path) -> None:
    for folder in root.iterdir():
        if folder.is_dir() and folder.name != "not_a_class":
            shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (shutil.rmtree, "no such folder"),
        (strip, "no class folders"),
        (empty, "segmented: no pictures"),
        (copy_across, "in two classes"),
        (spoil, "0.png: not_an_image"),
    ],
)
def test_unusable_tree(tree: Path, damage: Callable[[Path], object], line: str):
    damage(tree)
    with pytest.raises(DataUnusable, match=line) as caught:
        read_class_tree(tree, 0.3)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    root = tmp_path / "fields"
    (root / "boxes").mkdir(parents=True)
    for number in range(BLOCK_FRAMES + 3):
        write(root / "frames" / f"S-1_{number:04}.png", number, (120, 200))
        row = "label,x_center,y_center,width,height\nneutrophil,0.5,0.5,0.2,0.2\nmonocyte,0.1,0.9,0.2,0.2\n"
        (root / "boxes" / f"S-1_{number:04}.csv").write_text(row)
    return root


def test_boxed_fields(fields: Path):
    found = read_boxed_fields(fields, 0.2)
    assert len(found) == 2 * (BLOCK_FRAMES + 2), "the last frame of a run is left out"
    assert {sample.group for sample in found} == {"chula/S-1/0", "chula/S-1/1"}
    assert [sample.target.kind for sample in found[:2]] == ["either", "exact"]
    middle = found[0].draw()
    assert middle[375, 375].mean() < WHITE - 40


@pytest.mark.parametrize(
    "text", ["label\nx\n", "label,x_center,y_center\nmonocyte,here,0.5\n", "label,x_center\n\xe4,1\n"]
)
def test_unusable_boxes(fields: Path, text: str):
    (fields / "boxes" / "S-1_0000.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataUnusable, match=r"S-1_0000\.csv: unreadable boxes"):
        read_boxed_fields(fields, 0.2)


def test_blanks_keep_away_from_leukocytes(tmp_path: Path):
    for name in ("empty", "full"):
        write(tmp_path / "frames" / f"{name}.jpg", 1, (480, 640))
        mask = np.zeros((480, 640), dtype=np.uint8)
        cv2.circle(mask, (180, 240), 70, 255, -1)
        if name == "full":
            cv2.circle(mask, (460, 240), 110, 255, -1)
        (tmp_path / "masks").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "masks" / f"{name}.png"), mask)
    found = read_blanks(tmp_path, 0.07)
    assert [sample.sample_id for sample in found] == ["blanks/empty.jpg"]
    _, _, centre = found[0].draw.args  # type: ignore[attr-defined]
    assert np.hypot(centre[0] * 640 - 180, centre[1] * 480 - 240) > 70 + 0.4 * 33 / 0.07


def test_cache_draws_once_and_anew_when_the_cells_change(tree: Path, tmp_path: Path):
    samples = read_class_tree(tree, 0.3)
    said: list[int] = []

    def progress(what: str, done: int, total: int) -> None:
        said.append(done)

    small = Preprocessing(field_px=88, view_px=72)
    first = shrunken_fields(samples, small, tmp_path / "cache", progress)
    assert said == list(range(1, 9))
    again = shrunken_fields(samples, small, tmp_path / "cache", progress)
    assert len(said) == 8
    assert np.array_equal(first, again)
    assert shrunken_fields(samples[1:], small, tmp_path / "cache", progress).shape == (7, 88, 88, 3)
    assert len(said) == 15
    assert not list((tmp_path / "cache").glob("*.partial"))


def test_a_training_without_one_source_does_not_draw_the_others_again(tree: Path, tmp_path: Path):
    one, two = (read_class_tree(tree, 0.3, source=name) for name in ("one", "two"))
    mixed = [sample for pair in zip(one, two, strict=True) for sample in pair]
    said: list[int] = []
    small = Preprocessing(field_px=88, view_px=72)

    def fields(samples: list[Sample]) -> NDArray[np.uint8]:
        return shrunken_fields(samples, small, tmp_path / "cache", lambda _, done, __: said.append(done))

    both = fields(mixed)
    assert len(said) == 16
    assert np.array_equal(fields(two), both[1::2])
    assert np.array_equal(fields(one), both[::2])
    assert len(said) == 16


def test_two_runs_that_want_the_same_crops_draw_them_once(tree: Path, tmp_path: Path):
    drawn: list[str] = []
    waited: list[str] = []
    begun = threading.Event()

    def slowly(sample: Sample) -> np.ndarray:
        drawn.append(sample.sample_id)
        begun.set()
        time.sleep(0.05)
        return sample.draw()

    samples = [replace(sample, draw=partial(slowly, sample)) for sample in read_class_tree(tree, 0.3)]

    def progress(what: str, done: int, total: int) -> None:
        if what != "crops":
            waited.append(what)

    def run() -> np.ndarray:
        return shrunken_fields(samples, Preprocessing(field_px=88, view_px=72), tmp_path / "cache", progress)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run)
        assert begun.wait(10)
        second = pool.submit(run)
        assert np.array_equal(first.result(), second.result())
    assert len(drawn) == len(samples)
    assert waited == ["waiting for the crops of another run"]


def test_config_from_toml_and_options(tmp_path: Path):
    path = tmp_path / "train.toml"
    path.write_text('epochs = 3\nbatch = 8\n[data]\ncells = "somewhere"\ncells_um_per_px = 0.1\n')
    config = read_config(path, {"epochs": 5, "data.simulated": 12, "init": None})
    assert (config.epochs, config.batch, config.data.simulated) == (5, 8, 12)
    assert config.data.cells == Path("somewhere")
    assert read_config(None, {}) == TrainConfig()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("epoch = 3", "epoch"),
        ('[data]\ncells = "somewhere"', "cells without cells_um_per_px"),
        ("epochs = 0", "epochs"),
        ("epochs = [", "train.toml"),
        ("[data]\ncells_um_per_px = nan", "cells_um_per_px"),
        ("[recoloured]\nchula = 0.6\ncells = 0.5", "recoloured has shares that sum to more than 1"),
        ("[recoloured]\nchula = -0.1", "recoloured.chula"),
        ("[data]\ncells_um_per_px = 50", "cells_um_per_px"),
    ],
)
def test_unusable_config(tmp_path: Path, text: str, line: str):
    path = tmp_path / "train.toml"
    path.write_text(text)
    with pytest.raises(DataUnusable, match=line) as caught:
        read_config(path, {})
    assert "\n" not in str(caught.value)
    with pytest.raises(DataUnusable):
        read_config(tmp_path / "missing.toml", {})
