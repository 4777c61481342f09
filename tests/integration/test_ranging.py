"""Adding to finished weights what they were trained on: the same limits as training writes, the same weights."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smearwatch.models import checkpoint
from smearwatch.models.appearance import MEASURES
from smearwatch.models.manifest import LookRange, Manifest
from smearwatch.models.preprocess import Preprocessing, Stain
from smearwatch.train.commands import range as range_command
from smearwatch.train.commands import train
from smearwatch.train.saving import save_manifest, save_weights
from smearwatch.train.training.ranges import add_adapted_ranges, add_start_ranges

pytestmark = pytest.mark.integration

_SMALL = """
name = "small"
batch = 12
epochs = 1
small_epochs = 0
small_px = 48
bf16 = false
[preprocessing]
field_px = 88
view_px = 72
[data]
simulated = 48
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("ranging")
    (where / "small.toml").write_text(_SMALL)
    command = ["--config", str(where / "small.toml"), "--out", str(where / "w"), "--cache", str(where / "cache")]
    result = CliRunner().invoke(train.app, command)
    assert result.exit_code == 0, result.output
    return where


def run(folder: Path, weights: Path, *more: str):
    command = [str(weights), "--config", str(folder / "small.toml"), "--cache", str(folder / "cache"), *more]
    return CliRunner().invoke(range_command.app, command)


def test_the_command_finds_what_training_wrote(folder: Path, tmp_path: Path):
    trained = checkpoint.read_manifest(folder / "w")
    assert trained.ranges is not None
    assert set(trained.ranges[0].limits) == set(MEASURES)
    older = Path(shutil.copytree(folder / "w", tmp_path / "older"))
    without = save_manifest(older, trained.model_copy(update={"ranges": None}))
    assert without.weights_id() == trained.weights_id()
    assert without.checksum != trained.checksum
    result = run(folder, older, "--json")
    assert result.exit_code == 0, result.output
    again = checkpoint.load(older).manifest
    assert again == trained
    told = json.loads(result.stdout)
    assert told["weights"] == trained.weights_id()
    assert [kind["name"] for kind in told["ranges"]] == ["simulated"]
    assert "as before" in run(folder, older).stdout


def test_weights_that_met_none_of_these_cells(folder: Path, tmp_path: Path):
    older = Path(shutil.copytree(folder / "w", tmp_path / "older"))
    before = (older / "manifest.json").read_bytes()
    result = run(folder, older, "--simulated", "3")
    assert result.exit_code == 1
    assert "too few for a range" in str(result.exception)
    assert (older / "manifest.json").read_bytes() == before


def test_weights_without_a_memory(folder: Path, tmp_path: Path):
    networks = checkpoint.load(folder / "w")
    save_weights(tmp_path / "bare", networks.resnet, networks.bank, networks.manifest)
    result = run(folder, tmp_path / "bare")
    assert result.exit_code == 1
    assert "keep no record" in str(result.exception)


def kind(name: str, cells: int = 40) -> LookRange:
    return LookRange(name=name, cells=cells, limits={"sharpness": (0.3, 0.5)})


def manifest(*ranges: LookRange) -> Manifest:
    return Manifest(name="m", tensors={}, ranges=ranges or None)


def test_what_the_start_met_is_met_too():
    same, both = Preprocessing(), manifest(kind("a"), kind("b"))
    assert add_start_ranges((), None, same) is None
    assert add_start_ranges((kind("a"),), None, same) == (kind("a"),)
    assert add_start_ranges((kind("a", 50),), both, same) == (kind("b"), kind("a", 50))
    assert add_start_ranges((), manifest(kind("b")), same) == (kind("b"),)
    other = Preprocessing(reference_stain=Stain(nucleus_bgr=(0.4, 2.0, 1.2), red_cells_bgr=(0.2, 0.3, 0.2)))
    assert add_start_ranges((kind("a", 50),), manifest(kind("b")), other) == (kind("a", 50),)


def test_adapted_weights_have_met_further_cells():
    assert add_adapted_ranges(manifest(), (kind("session"),), "x") is None
    once = add_adapted_ranges(manifest(kind("a")), (kind("session"),), "x")
    assert once == (kind("a"), kind("session of x"))
    twice = add_adapted_ranges(manifest(*once), (kind("session", 60),), "x")
    assert twice == (*once, kind("session of x (2)", 60))
    assert add_adapted_ranges(manifest(kind("a")), (), "x") == (kind("a"),)


def test_weights_whose_verdicts_depend_on_their_range_keep_it(folder: Path, tmp_path: Path):
    asking = Path(shutil.copytree(folder / "w", tmp_path / "asking"))
    trained = checkpoint.read_manifest(asking)
    policy = trained.policy.model_copy(update={"unfamiliar_beyond": 1.5})
    kept = save_manifest(asking, trained.model_copy(update={"policy": policy}))
    assert kept.weights_id() != trained.weights_id()
    result = run(folder, asking)
    assert result.exit_code == 1
    assert "depend on their range" in str(result.exception)
    assert checkpoint.read_manifest(asking) == kept
