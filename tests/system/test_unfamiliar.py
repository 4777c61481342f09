"""Weights that say how far beyond their training a cell may look: the same slide as trained on, and twice as dense."""

import json

import cv2
import numpy as np
import pytest
import torch

from smearwatch.capture.arrays import Image
from smearwatch.daemon.record.mark import WORDS
from smearwatch.daemon.share_text import MARK
from smearwatch.models.appearance import appearance_features, range_of
from smearwatch.models.classes import CLASSES
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.preprocess import WHITE, Preprocessing, shrink
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.verdict import Policy
from smearwatch.train.data.single_cell_crop import single_cell_crop
from smearwatch.train.saving import save_weights
from tests.drawn import drawn
from tests.in_process import run_here
from tests.system.test_run import smearwatch

pytestmark = pytest.mark.system

UM = 0.09
VIEW = Preprocessing(field_px=88, view_px=72)


def denser(picture: Image) -> Image:
    """Twice the optical density."""
    return np.round(WHITE * np.square(np.minimum(picture, WHITE) / WHITE)).astype(np.uint8)


def write(folder, first, last, change=lambda picture: picture):
    """Draw cells, each alone among red cells, as pictures of a slide; return their files."""
    folder.mkdir()
    files = []
    for number in range(first, last):
        files.append(folder / f"{number}.png")
        assert cv2.imwrite(str(files[-1]), change(drawn(CLASSES[number % len(CLASSES)], number, UM, 400)))
    return files


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Small weights that confirm whatever they see, but know how the cells looked that they were made for."""
    folder = tmp_path_factory.mktemp("weights")
    crops = [
        single_cell_crop(path, um_per_px=UM, field_um=33.0, max_pixels=10**6, restain=False).crop_bgr
        for path in write(folder / "cells", 0, 36)
    ]
    kind = range_of("drawn", [appearance_features(shrink(crop, VIEW), VIEW.um_per_px) for crop in crops])
    assert kind is not None
    policy = Policy(agree_at=(0.0,) * len(CLASSES), reject_at=2.0, unfamiliar_beyond=1.2)
    torch.manual_seed(1)
    manifest = Manifest(name="t", preprocessing=VIEW, policy=policy, ranges=(kind,), tensors={})
    save_weights(folder / "w", LeukocyteResNet(), LeNetBank(72), manifest)
    return folder / "w"


@pytest.mark.parametrize("change", [None, denser], ids=["as trained on", "twice as dense"])
def test_a_session_is_marked_only_where_its_cells_look_unlike_those_trained_on(change, weights, tmp_path, monkeypatch):
    monkeypatch.setenv("SMEARWATCH_WEIGHTS", str(weights))
    files = write(tmp_path / "camera", 100, 112, *([change] if change else []))
    command = (
        "run",
        "--watch",
        tmp_path / "camera",
        "--um-per-px",
        UM,
        "--session",
        "a",
        "--until-idle",
        "3",
        "--json",
    )
    run = smearwatch(*command)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    watched = json.loads(run_here("watch", "a", "--json", "--once").stdout.splitlines()[-1])
    plain = run_here("watch", "a", "--plain").stdout
    shown = run_here("sessions", "show", "a").stdout
    exported = run_here("sessions", "export", "a", "--json").stdout
    cells = [row for row in map(json.loads, exported.splitlines()) if row["state"] == "counted"]
    assert told["cells"] == len(cells) >= 12
    assert told["unfamiliar"] == sum(cell["unfamiliar"] for cell in cells)
    assert all((cell["verdict"] == "flagged") == cell["unfamiliar"] for cell in cells)
    assert {told["mark"], watched["mark"], *(cell["mark"] for cell in cells)} == {WORDS if change else None}
    for text in (plain, shown):
        assert (f"{MARK} {WORDS}" in text) == bool(change)
        assert (f"0{MARK}" in text) == bool(change)
    assert told["unfamiliar"] == told["cells"] if change else told["unfamiliar"] < 3
    named = run_here("classify", *files, "--um-per-px", UM, "--json")
    for answer in map(json.loads, named.stdout.splitlines()):
        middle = min(
            (cell for cell in cells if answer["file"].endswith(cell["name"])),
            key=lambda cell: abs(cell["centre_x_px"] - 200) + abs(cell["centre_y_px"] - 200),
        )
        assert (answer["verdict"], answer["unfamiliar"]) == (middle["verdict"], middle["unfamiliar"])
    if change:
        replay = smearwatch("replay", "a", "--compare", "--into", "again", "--json")
        assert replay.returncode == 0, replay.stdout + replay.stderr
