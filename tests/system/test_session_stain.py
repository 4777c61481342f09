"""Weights with a reference stain in real processes: each cell's stain is the same whoever dies, again, and alone."""

import json
import shutil

import pytest
import torch

from smearwatch.daemon.record.events import Counted
from smearwatch.daemon.record.reading import LedgerReader
from smearwatch.daemon.record.session_stain import StainFold
from smearwatch.models.classes import CLASSES
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.preprocess import Preprocessing, Stain
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.saving import save_weights
from tests.in_process import run_here
from tests.system.single_cells import UM, middle_row, write_cells
from tests.system.test_run import counted, fold_of, kill_role, session_folder, smearwatch, start, wait_for

pytestmark = pytest.mark.system

REFERENCE = Stain(nucleus_bgr=(0.41, 2.0, 1.23), red_cells_bgr=(0.176, 0.30, 0.202), red_cell_um=7.5)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Small weights that learnt nothing, but see every cell in one stain."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("weights")
    preprocessing = Preprocessing(field_px=88, view_px=72, reference_stain=REFERENCE)
    save_weights(folder, LeukocyteResNet(), LeNetBank(72), Manifest(name="t", preprocessing=preprocessing, tensors={}))
    return folder


def folded(session):
    """The stain of each verdict in the ledger, and the one that a fold over the ledger gives."""
    fold, used = StainFold(), {}
    with LedgerReader.read(session_folder(session)) as ledger:
        for recorded in ledger.events():
            event = recorded.event
            if isinstance(event, Counted):
                used[event.frame, event.index] = (event.stain, fold.at(event.frame, event.index))
            fold.apply(event)
    return used


def test_a_killed_hub_and_a_killed_worker_change_no_stain_and_a_replay_is_the_same(
    fields, weights, tmp_path, monkeypatch
):
    monkeypatch.setenv("SMEARWATCH_WORKERS", "2")
    monkeypatch.setenv("SMEARWATCH_WEIGHTS", str(weights))
    watched = tmp_path / "camera"
    shutil.copytree(fields, watched)
    run = start("run", "--watch", watched, "--session", "a", "--until-idle", "4", "--json")
    wait_for(lambda: counted("a") >= 3)
    assert kill_role(run, "worker-2")
    assert kill_role(run, "hub")
    out, err = run.communicate(timeout=250)
    assert run.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["complete"]
    fold, cells = fold_of("a")
    assert fold.complete
    used = folded("a")
    assert len(used) == len(cells) > 12
    assert all(stain is not None and stain == again for stain, again in used.values())
    assert len({stain for stain, _ in used.values()}) > len(used) // 2
    monkeypatch.setenv("SMEARWATCH_WORKERS", "1")
    replay = smearwatch("replay", "a", "--compare", "--into", "again", "--json")
    assert replay.returncode == 0, replay.stdout + replay.stderr
    comparison = json.loads(replay.stdout.splitlines()[-1])["comparison"]
    assert comparison["identical"]
    assert comparison["cells_same"] == len(cells)
    exported = run_here("sessions", "export", "a", "--json")
    rows = [json.loads(line) for line in exported.stdout.splitlines()]
    assert all(row["stain_red_cells_green"] > 0 for row in rows if row["state"] == "counted")
    assert any(6.0 < row["red_cell_um"] < 9.0 for row in rows if row["state"] == "counted")


def test_classify_brings_pictures_to_the_stain_that_a_run_brings_them_to(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("SMEARWATCH_WEIGHTS", str(weights))
    watched = tmp_path / "cells"
    files = write_cells(watched, 2)
    run = smearwatch("run", "--watch", watched, "--um-per-px", UM, "--session", "c", "--until-idle", "3", "--json")
    assert run.returncode == 0, run.stderr
    exported = run_here("sessions", "export", "c", "--json")
    rows = [row for row in map(json.loads, exported.stdout.splitlines()) if row["verdict"] is not None]
    assert [row["name"] for row in rows if row["index"] == 0][:2] == [file.name for file in files[:2]]
    named = run_here("classify", *files, "--um-per-px", UM, "--json")
    assert named.returncode == 0, named.stderr
    for answer in map(json.loads, named.stdout.splitlines()):
        middle = middle_row(rows, answer["file"])
        assert middle["stain_nucleus_green"] is not None
        assert answer["reject_score"] == middle["reject_score"]
        assert answer["probabilities"] == {cls: middle[f"probability_{cls}"] for cls in CLASSES}
