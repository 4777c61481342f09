"""Training end to end in small: drawn cells to weights, resuming, and the commands."""

import json
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from smearwatch.capture.slide.cells import render_cell_picture
from smearwatch.capture.slide.slide import Slide
from smearwatch.daemon.one_line import one_line
from smearwatch.daemon.scale_rule import ScaleUnusable
from smearwatch.models import checkpoint, memory
from smearwatch.models.classes import CLASSES
from smearwatch.models.preprocess import Preprocessing
from smearwatch.train.commands import classify, evaluate, paper, train
from smearwatch.train.commands import range as range_command
from smearwatch.train.data.cells import CellSet
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.saving import save_weights
from smearwatch.train.training.config import DataConfig, TrainConfig, read_config
from smearwatch.train.training.gather import Gathered, gather
from smearwatch.train.training.loop import Trainer
from smearwatch.train.training.recipe import finish
from tests.drawn import write_fields

pytestmark = pytest.mark.integration

_SMALL = """
name = "small"
batch = 12
epochs = 2
again_epochs = 1
small_epochs = 1
small_px = 48
bf16 = false
[preprocessing]
field_px = 88
view_px = 72
[data]
simulated = 48
"""


def quiet(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("training")
    (where / "small.toml").write_text(_SMALL)
    for seed, cls in enumerate(CLASSES):
        picture = render_cell_picture(cls, np.random.default_rng(seed), um_per_px=0.1, size_px=330)
        (where / "cells" / cls).mkdir(parents=True)
        cv2.imwrite(str(where / "cells" / cls / "one.png"), picture)
    return where


@pytest.fixture(scope="module")
def config(folder: Path) -> TrainConfig:
    return read_config(folder / "small.toml", {})


@pytest.fixture(scope="module")
def gathered(folder: Path, config: TrainConfig) -> Gathered:
    return gather(config, folder / "cache", quiet)


@pytest.fixture(scope="module")
def weights(folder: Path, gathered: Gathered) -> Path:
    """What `smearwatch train` leaves behind, from the cells that were drawn already."""
    out = folder / "weights"
    command = ["--config", str(folder / "small.toml"), "--out", str(out), "--cache", str(folder / "cache"), "--json"]
    result = CliRunner().invoke(train.app, command)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["n"] > 0
    return out


def test_training_leaves_weights_report_and_curve(weights: Path):
    networks = checkpoint.load(weights)
    report = json.loads((weights / "report.json").read_text())
    assert networks.manifest.name == "small"
    assert set(networks.manifest.split["sha256"]) == {"train", "validation", "test"}
    assert networks.manifest.weights_id() in "".join(report["notes"])
    assert "For Research Use Only" in (weights / "report.md").read_text()
    assert networks.manifest.ranges is not None
    assert [kind.name for kind in networks.manifest.ranges] == ["simulated"]
    assert (weights / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_run_ends_as_an_undisturbed_one(gathered: Gathered, config: TrainConfig, tmp_path: Path):
    whole = Trainer(config, tmp_path / "whole")
    whole.run(gathered.train, gathered.validation, quiet)
    killed = Trainer(config, tmp_path / "killed")

    def kill(what: str, done: int, total: int) -> None:
        if what.startswith("epoch 2") and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed.run(gathered.train, gathered.validation, kill)
    resumed = Trainer(config, tmp_path / "killed")
    resumed.run(gathered.train, gathered.validation, quiet)
    for one, two in ((whole.resnet, resumed.resnet), (whole.bank, resumed.bank)):
        for key, value in one.state_dict().items():
            assert torch.equal(value, two.state_dict()[key]), key
    assert [row.train_loss for row in whole.curve] == [row.train_loss for row in resumed.curve]


def test_state_of_another_configuration_is_refused(gathered: Gathered, config: TrainConfig, tmp_path: Path):
    one = config.model_copy(update={"epochs": 1, "again_epochs": 0})
    Trainer(one, tmp_path).run(gathered.train, gathered.validation, quiet)
    with pytest.raises(DataUnusable, match="another configuration"):
        Trainer(config, tmp_path).run(gathered.train, gathered.validation, quiet)
    state = tmp_path / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-1])
    with pytest.raises(DataUnusable, match="damaged"):
        Trainer(one, tmp_path).run(gathered.train, gathered.validation, quiet)


def test_evaluate_writes_the_promised_report(folder: Path, weights: Path, tmp_path: Path):
    options = ["--um-per-px", "0.1", "--out", str(tmp_path), "--weights", str(weights)]
    result = CliRunner().invoke(evaluate.app, ["--data", str(folder / "cells"), *options])
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["n"] == 6
    assert {"accuracy", "confusion", "per_class", "verifiers", "ece"} <= report.keys()
    assert set(report["per_class"]) == set(CLASSES)
    missing = CliRunner().invoke(evaluate.app, ["--data", str(folder / "nowhere"), *options])
    assert isinstance(missing.exception, DataUnusable)


def test_classify_goes_on_after_a_bad_picture(folder: Path, weights: Path, tmp_path: Path):
    bad = tmp_path / "bad.jpg"
    bad.write_text("no picture")
    good = [str(folder / "cells" / cls / "one.png") for cls in CLASSES[:2]]
    small = str(tmp_path / "small.png")
    cv2.imwrite(small, np.full((300, 59, 3), 150, np.uint8))
    arguments = [good[0], str(bad), str(tmp_path / "gone.png"), small, good[1], "--um-per-px", "0.1", "--json"]
    result = CliRunner().invoke(classify.app, [*arguments, "--weights", str(weights)])
    assert result.exit_code == 1
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["file"] for record in records] == [good[0], str(bad), str(tmp_path / "gone.png"), small, good[1]]
    assert [record["reason"] for record in records] == [None, "not_an_image", "unreadable", "too_small", None]
    assert len({tuple(record) for record in records}) == 1, "all have the same keys"
    assert all(record["class"] is record["verdict"] is record["probabilities"] is None for record in records[1:4])
    for record in (records[0], records[4]):
        assert list(record["probabilities"]) == list(CLASSES) == list(record["verifiers"])
        assert record["class"] in CLASSES
        assert record["verdict"] in ("confirmed", "corrected", "flagged", "rejected")
        assert 0 <= record["reject_score"] <= 1
    lines = [line for line in result.stderr.splitlines() if line.startswith("smearwatch: ")]
    assert len(lines) == 3
    assert "bad.jpg" in lines[0]
    assert "gone.png" in lines[1]
    assert "small.png: too_small: 59 x 300 px at 0.1 um/px are 5.9 x 30 um, too small for a leukocyte" in lines[2]


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "50", "nan", "inf", "wide"])
@pytest.mark.parametrize("command", ["classify", "evaluate", "train", "range", "paper"])
def test_a_scale_that_makes_no_sense_is_wrong_usage(command: str, value: str, tmp_path: Path):
    out, cells = ["--out", str(tmp_path / "out")], ["--cells", "x"]
    app, arguments, option = {
        "classify": (classify.app, ["a.png"], "--um-per-px"),
        "evaluate": (evaluate.app, ["--data", "x", *out], "--um-per-px"),
        "train": (train.app, [*cells, *out], "--cells-um-per-px"),
        "range": (range_command.app, [str(tmp_path), *cells], "--cells-um-per-px"),
        "paper": (paper.app, [*cells, *out], "--um-per-px"),
    }[command]
    result = CliRunner().invoke(app, [*arguments, f"{option}={value}"])
    assert isinstance(result.exception, ScaleUnusable)
    assert result.exception.wrongly_typed
    said = one_line(result.exception)
    assert said == f"{option} {value}: no usable scale (give a number from 0.01 to 1)"
    assert not (tmp_path / "out").exists()


def test_a_scale_in_a_recipe_is_held_to_the_same_rule(tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[data]\ncells = "x"\ncells_um_per_px = 50\n')
    with pytest.raises(DataUnusable, match=r"cells_um_per_px: 50 is no usable scale; give a number from 0\.01 to 1"):
        read_config(recipe, {})


def test_no_thread_is_left_by_the_cache(gathered: Gathered):
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]


def test_weights_begun_from_pass_on_what_they_met(weights: Path, config: TrainConfig, folder: Path, tmp_path: Path):
    known = memory.load(weights)
    assert known is not None
    begun = config.model_copy(update={"start": weights, "epochs": 1, "again_epochs": 0})
    gathered = gather(begun, folder / "cache", quiet)
    fewer = CellSet(gathered.train.samples[:12], gathered.train.fields[:12])
    trainer = Trainer(begun, tmp_path / "state")
    trainer.run(fewer, gathered.validation, quiet)
    finish(begun, trainer, Gathered(fewer, gathered.validation, gathered.test), tmp_path / "out", quiet)
    after = memory.load(tmp_path / "out")
    assert after is not None
    assert after.train_digests == known.train_digests
    assert len(after.train_digests) == len(gathered.train.samples)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_weights_that_met_what_is_kept_aside_are_not_begun_from(
    part: str, weights: Path, gathered: Gathered, config: TrainConfig, folder: Path, tmp_path: Path
):
    known = memory.load(weights)
    assert known is not None
    aside = getattr(gathered, part).samples[0]
    wider = replace(known, train_digests=known.train_digests | {memory.short(aside.digest)})
    networks = checkpoint.load(weights)
    save_weights(tmp_path, networks.resnet, networks.bank, networks.manifest, memory.packed(wider))
    with pytest.raises(DataUnusable, match=aside.sample_id):
        gather(config.model_copy(update={"start": tmp_path}), folder / "cache", quiet)


def test_a_run_without_real_cells_or_their_scale_is_one_line(tmp_path: Path):
    result = CliRunner().invoke(train.app, ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")])
    assert isinstance(result.exception, DataUnusable)
    assert "too few labelled cells" in str(result.exception)
    assert list(tmp_path.iterdir()) == []
    result = CliRunner().invoke(train.app, ["--out", str(tmp_path / "out"), "--cells", str(tmp_path)])
    assert "cells without cells_um_per_px" in str(result.exception)


def test_boxed_cells_are_trained_on_as_the_pipeline_finds_them_too(tmp_path: Path):
    slide = Slide(5, um_per_px=0.12, width_px=900, height_px=600, leukocytes_per_mm2=300.0)
    write_fields(tmp_path / "fields", slide, 21, 900, 600)  # three runs of frames, of which one tests
    told = {"fields": tmp_path / "fields", "fields_um_per_px": 0.13, "simulated": 24, "force_scale": True}
    small = Preprocessing(field_px=88, view_px=72)
    sides = {}
    for found in (False, True):
        config = TrainConfig(preprocessing=small, data=DataConfig.model_validate({**told, "fields_found": found}))
        sides[found] = gather(config, tmp_path / "cache", quiet)
    boxed = {sample.sample_id: sample for sample in sides[False].train.samples}
    more = [sample for sample in sides[True].train.samples if sample.sample_id not in boxed]
    assert len(sides[True].train.samples) == len(boxed) + len(more)
    fielded = [sample for sample in boxed.values() if sample.source == "chula"]
    assert 8 <= len(more) <= len(fielded), "all but those that the border cuts"
    for sample in more:
        own = boxed[sample.sample_id.rsplit("/", 2)[0]]
        assert (sample.label, sample.group, sample.digest) == (own.label, own.group, own.digest)
        assert isinstance(sample.draw, partial)
        assert sample.draw.args[1] == pytest.approx(0.12, rel=0.1), "at the scale that its red cells give"
        assert sample.draw.args[1] != 0.12
    for side in ("validation", "test"):
        assert [s.sample_id for s in getattr(sides[True], side).samples] == [
            s.sample_id for s in getattr(sides[False], side).samples
        ]


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"data": {"simulated": 48, "fields_found": True}}, "data.fields_found: no whole fields are given"),
        ({"data": {"simulated": 48}, "recoloured": {"chulla": 0.4}}, "recoloured: no cells of chulla to train on"),
    ],
)
def test_settings_that_name_what_is_not_there_are_refused(told: dict[str, object], line: str, tmp_path: Path):
    with pytest.raises(DataUnusable, match=line) as caught:
        gather(TrainConfig.model_validate(told), tmp_path / "cache", quiet)
    assert caught.value.hint
    assert not (tmp_path / "cache").exists()
