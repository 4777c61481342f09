"""What the training loop leans on: the plan of a run, its digest, its beginnings, its logs and its words."""

import os
import pty
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from smearwatch.models import checkpoint
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.preprocess import Preprocessing, Stain
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.data.laboratories import Laboratory
from smearwatch.train.data.samples import DataUnusable
from smearwatch.train.data.simulated import draw_cells
from smearwatch.train.progress import Outlook, ProgressLine
from smearwatch.train.saving import save_weights
from smearwatch.train.thresholds import read_thresholds
from smearwatch.train.training.augment import augment
from smearwatch.train.training.config import DataConfig, TrainConfig, read_config
from smearwatch.train.training.device import training_device
from smearwatch.train.training.distributed import Ranks, check_division
from smearwatch.train.training.launch import run
from smearwatch.train.training.logs import EpochResult, RunLog, copy_logs
from smearwatch.train.training.schedule import epoch_batches, parts_of, work_of_epochs
from smearwatch.train.training.seeds import derive_seed
from smearwatch.train.training.start import first_networks
from smearwatch.train.training.state import run_digest

_SMALL = Preprocessing(field_px=88, view_px=72)
_ROW = EpochResult(1, 2.0, 0.5, 1.5, 0.6, 0.7, 10.0)


@pytest.mark.parametrize(("count", "start", "stop"), [(64, 0, 64), (64, 16, 32), (64, 20, 30), (6, 2, 4), (2, 0, 1)])
def test_parts_cover_a_share_and_are_the_same_for_every_share(count: int, start: int, stop: int):
    parts = parts_of(count, start, stop)
    assert parts[0].start <= start < stop <= parts[-1].stop
    assert all(one.stop == two.start for one, two in pairwise(parts))
    assert set(parts) <= set(parts_of(count, 0, count))


def test_every_step_and_part_has_a_seed_of_its_own():
    seeds = {derive_seed(1, epoch, step, part) for epoch in range(5) for step in range(50) for part in range(-2, 4)}
    assert len(seeds) == 5 * 50 * 6
    assert all(0 <= seed < 2**63 for seed in seeds)


def _lab(um_per_px: float, folder: str) -> Laboratory:
    return Laboratory(layout="cells", um_per_px=um_per_px, folder=Path(folder))


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"name": "other", "credits": ("somebody",)}, True),
        ({"data": DataConfig(cells=Path("elsewhere"), cells_um_per_px=0.1, force_scale=True)}, True),
        ({"data": DataConfig(cells=Path("elsewhere"), cells_um_per_px=0.2)}, False),
        ({"data": DataConfig(cells=Path("elsewhere"), cells_um_per_px=0.1, simulated=7)}, False),
        ({"laboratories": {"pbc": _lab(0.1, "there")}}, True),
        ({"laboratories": {"pbc": _lab(0.2, "here")}}, False),
        ({"laboratories": {"pbc": _lab(0.1, "here"), "raabin": _lab(0.1, "there")}}, False),
        ({"balance": "laboratory_class"}, False),
        ({"start": Path("weights"), "device": "cpu", "checkpoint_minutes": 1.0}, True),
        ({"epochs": 15}, False),
        ({"repeats": {"chula": 3}}, False),
        ({"recoloured": {"chula": 0.3}}, False),
        ({"preprocessing": _SMALL}, False),
    ],
)
def test_a_run_is_known_by_what_decides_its_result(change: dict[str, object], same: bool):
    cells = draw_cells(6)
    laboratories = {"pbc": _lab(0.1, "here")}
    config = TrainConfig(data=DataConfig(cells=Path("here"), cells_um_per_px=0.1), laboratories=laboratories)
    before = run_digest(config, cells, None)
    assert (run_digest(config.model_copy(update=change), cells, None) == before) is same
    assert run_digest(config, cells[:-1], None) != before
    assert run_digest(config, cells, "weights' id") != before


def test_a_run_begins_from_other_weights(tmp_path: Path):
    manifest = Manifest(name="first", preprocessing=_SMALL, tensors={})
    written = save_weights(tmp_path, LeukocyteResNet(), LeNetBank(_SMALL.view_px), manifest)
    config = TrainConfig(start=tmp_path, preprocessing=_SMALL)
    resnet, _, identity = first_networks(config)
    assert identity == written.weights_id()
    assert torch.equal(resnet.classify.weight, checkpoint.load(tmp_path).resnet.classify.weight)
    stain = Stain(nucleus_bgr=(0.4, 2.0, 1.2), red_cells_bgr=(0.2, 0.3, 0.2))
    learning = config.model_copy(update={"preprocessing": _SMALL.model_copy(update={"reference_stain": stain})})
    assert first_networks(learning)[2] == identity, "a reference stain may be learnt by weights that had none"
    with pytest.raises(DataUnusable, match="another norm: batch instead of group"):
        first_networks(config.model_copy(update={"norm": "group"}))
    with pytest.raises(DataUnusable, match="another preprocessing: field_px 88 instead of 176"):
        first_networks(TrainConfig(start=tmp_path))
    other = (tmp_path / "manifest.json").read_text().replace('"basophil"', '"blast"')
    (tmp_path / "manifest.json").write_text(other)
    with pytest.raises(checkpoint.WeightsUnusable, match="blast"):
        first_networks(config)


@pytest.mark.parametrize("name", ["out", "state", "cache"])
def test_a_folder_that_cannot_be_written_is_said_before_anything_is_done(tmp_path: Path, name: str):
    (tmp_path / "file").write_text("")
    folders = {"out": tmp_path / "out", "state": tmp_path / "state", "cache": tmp_path / "cache"}
    folders[name] = tmp_path / "file" / "within"
    with pytest.raises(DataUnusable, match="cannot be written to"):
        run(TrainConfig(), folders["out"], folders["state"], folders["cache"], fresh=False, force=False)


def test_processes_that_cannot_divide_a_batch_are_refused():
    check_division(64, Ranks(1, 4, 1))
    with pytest.raises(DataUnusable, match="2 cells cannot be divided evenly between 3"):
        check_division(2, Ranks(0, 3, 0))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none_is_one_line():
    with pytest.raises(DataUnusable, match="no CUDA device"):
        training_device("cuda", 0)
    assert training_device("auto", 0).type == "cpu"


@pytest.mark.gpu
def test_a_gpu_augments_the_same_twice():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    fields = torch.randint(0, 256, (8, 88, 88, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    one, two = (augment(fields.cuda(), _SMALL, 1.0, torch.Generator().manual_seed(1)) for _ in range(2))
    assert one.is_cuda
    assert torch.equal(one, two)


def test_the_recipes_beside_the_code_are_those_of_the_shipped_weights():
    root = Path(__file__).parents[2]
    home = read_config(root / "train" / "home.toml", {})
    second = read_config(root / "train" / "second.toml", {"start": Path("home")})
    third = read_config(root / "train" / "third.toml", {"start": Path("second")})
    shipped = checkpoint.read_manifest(root / "models" / "weights")
    assert (third.name, third.norm, third.credits) == (shipped.name, shipped.norm, shipped.licences)
    assert third.preprocessing == shipped.preprocessing
    as_photographed = third.preprocessing.model_copy(update={"reference_stain": None})
    assert home.preprocessing == second.preprocessing == as_photographed
    assert home.norm == second.norm == third.norm
    chosen = read_thresholds(root / "docs" / "leave-out" / "thresholds.json")
    policy = shipped.policy
    assert (chosen.reject_at, chosen.doubt_below) == (policy.reject_at, policy.doubt_five_below)
    assert chosen.unfamiliar_beyond == policy.unfamiliar_beyond


def test_logs_that_are_taken_up_hold_nothing_twice(tmp_path: Path):
    log = RunLog(tmp_path, [], 0)
    log.step(10, {"loss": 2.0})
    log.epoch(_ROW)
    log.close()
    log.mark_kept([_ROW], 0)
    log.step(20, {"loss": 1.0})
    log.close()
    whole = sorted(path.name.split(".epoch")[1] for path in (tmp_path / "tensorboard").iterdir())
    assert whole == ["0.step0", "1.step0"]
    again = RunLog(tmp_path, [_ROW], 0)
    again.close()
    assert [path.name.split(".epoch")[1] for path in (tmp_path / "tensorboard").iterdir()] == ["0.step0"]
    (tmp_path / "out").mkdir()
    copy_logs(tmp_path, tmp_path / "out")
    lines = (tmp_path / "out" / "curve.csv").read_text().splitlines()
    assert lines[0].startswith("epoch,train_loss,")
    assert lines[1:] == ["1,2.0,0.5,1.5,0.6,0.7,10.0"]
    RunLog(tmp_path, [], 0).close()
    assert not (tmp_path / "curve.csv").exists()


def test_small_epochs_are_less_work():
    config = TrainConfig(epochs=4, small_epochs=2, small_px=64)
    assert work_of_epochs(config, 0, 4) == pytest.approx(2 * 0.25 + 2)
    assert work_of_epochs(config, 1, 2.5) == pytest.approx(0.25 + 0.5)


def test_the_time_left_is_said_once_it_can_be_known():
    outlook = Outlook(10.0, 1.0)
    assert outlook.left(1.0) == ""
    assert outlook.left(10.0) == ", whole run 0:00 h left"


def test_a_terminal_gets_a_bar_and_its_cursor_back(monkeypatch: pytest.MonkeyPatch):
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        progress = ProgressLine()
        for done in range(1, 4):
            progress("crops", done, 3)
        progress("epoch 1/2 loss 3", 1, 9)
        progress.close()
        terminal.flush()
        said = ""
        while said.count("\x1b[?25h") < 2:
            said += os.read(ours, 65536).decode()
    os.close(ours)
    assert "3/3" in said
    assert said.count("\x1b[?25l") == said.count("\x1b[?25h") == 2


def test_an_epoch_that_is_taken_up_uses_the_same_cells():
    config = TrainConfig(batch=4)
    cells = draw_cells(10)
    one, two = epoch_batches(config, cells, 3), epoch_batches(config, cells, 3)
    assert [batch.tolist() for batch in one] == [batch.tolist() for batch in two]
    assert len(one) == 2
    assert len(np.unique(np.concatenate(one))) == 8


@pytest.mark.parametrize("what", ["a folder of somebody's", "a file"])
def test_beginning_anew_removes_nothing_but_the_state_of_a_training(tmp_path: Path, what: str):
    state = tmp_path / "state"
    if what == "a file":
        state.write_text("mine")
    else:
        state.mkdir()
        (state / "thesis.txt").write_text("mine")
    with pytest.raises(DataUnusable, match="--fresh removes all of it"):
        run(TrainConfig(), tmp_path / "out", state, tmp_path / "cache", fresh=True, force=True)
    assert (state if state.is_file() else state / "thesis.txt").read_text() == "mine"
