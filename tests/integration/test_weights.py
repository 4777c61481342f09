"""The shipped weights: fit to be loaded, small enough, described truly, and useful."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.capture.vision.crop import cut_crop
from smearwatch.capture.vision.light import flatten_cell
from smearwatch.models.checkpoint import shipped_weights_dir
from smearwatch.models.classes import CLASSES
from smearwatch.models.engine import Engine
from smearwatch.train.data.class_tree import read_class_tree
from smearwatch.train.data.samples import cell_crop
from smearwatch.train.data.split import split

pytestmark = pytest.mark.integration

_FIRST_UNSEEN_SEED = 1_000_000
_LARGEST_BYTES = 30e6


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(shipped_weights_dir(), device="cpu")


def test_size_and_report_beside_the_weights(engine: Engine):
    folder = shipped_weights_dir()
    assert sum(path.stat().st_size for path in folder.iterdir()) < _LARGEST_BYTES
    report = json.loads((folder / "report.json").read_text())
    assert engine.weights_id in "".join(report["notes"])
    assert engine.weights_id in (folder / "report.md").read_text()
    assert np.trace(report["confusion"]) / report["n"] == pytest.approx(report["accuracy"], abs=1e-4)
    assert engine.manifest.licences
    assert engine.manifest.name != "x"


def test_drawn_cells_that_were_never_seen_are_named_rightly(engine: Engine):
    crops, truth = [], []
    for number in range(60):
        cls = CLASSES[number % len(CLASSES)]
        rng = np.random.default_rng(_FIRST_UNSEEN_SEED + number)
        picture = render_cell_picture(cls, rng, um_per_px=0.09, size_px=372)
        crops.append(cut_crop(flatten_cell(picture), (186.0, 186.0), 0.09))
        truth.append(cls)
    said = [judgement.cls for judgement in engine.judge(crops)]
    assert np.mean([a == b for a, b in zip(said, truth, strict=True)]) >= 0.9


def test_empty_background_is_never_confirmed(engine: Engine):
    blank = np.full((750, 750, 3), 235, dtype=np.uint8)
    assert engine.judge([blank])[0].verdict in ("rejected", "flagged")


@pytest.mark.realdata
def test_real_cells_kept_aside(engine: Engine, real_data: Path):
    """A sixth of the test cells; the bound is far below the reported score, and far above a broken preprocessing."""
    samples = split(read_class_tree(real_data / "pbc", 0.095, source="cells"))["test"]
    known = [sample for sample in samples if sample.target.kind == "exact"][::6]
    judgements = engine.judge([sample.draw() for sample in known])
    right = [judgement.cls == sample.label for judgement, sample in zip(judgements, known, strict=True)]
    assert np.mean(right) > 0.85


@pytest.mark.realdata
def test_a_turned_or_dimmed_picture_keeps_its_class(engine: Engine, real_data: Path, tmp_path: Path):
    paths = sorted((real_data / "pbc" / "eosinophil").iterdir())[:8]
    said = []
    for path in paths:
        picture = cv2.imread(str(path))
        assert picture is not None
        for name, variant in {"turned": cv2.rotate(picture, cv2.ROTATE_180), "dimmed": picture * 0.7}.items():
            cv2.imwrite(str(tmp_path / f"{name}.png"), variant)
            said.append(engine.judge([cell_crop(tmp_path / f"{name}.png", 0.095)])[0].cls)
    assert np.mean([name == "eosinophil" for name in said]) >= 0.85
