"""Engines beside the reference: they answer as it does, for a cell alone and in a session, or are not used."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
import torch

from smearwatch.daemon.config import Settings
from smearwatch.models import engine_choice
from smearwatch.models.checkpoint import shipped_weights_dir
from smearwatch.models.engine import KINDS, Engine, EngineKind, is_here
from smearwatch.models.engine_choice import (
    WITHIN,
    EngineUnusable,
    Trial,
    check_cells,
    choose_engine,
    difference,
    preferred,
    try_engine,
)
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import LookRange, Manifest
from smearwatch.models.preprocess import Preprocessing, shrink
from smearwatch.models.resnet import LeukocyteResNet, Norm
from smearwatch.models.statistics_use import StatisticsUse
from smearwatch.models.verdict import Policy
from smearwatch.train.data.samples import cell_crop
from smearwatch.train.saving import save_weights

SMALL = Preprocessing(field_px=88, view_px=72)
NETWORKS: dict[str, tuple[Norm, StatisticsUse | None]] = {
    "by session": ("batch", StatisticsUse(stages=3, share=0.5)),
    "by the training": ("batch", None),
    "group norm": ("group", None),
}


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    norm, use = NETWORKS[getattr(request, "param", "by session")]
    torch.manual_seed(1)
    resnet, bank = LeukocyteResNet(norm), LeNetBank(72)
    for layer in (*resnet.modules(), *bank.modules()):
        if isinstance(layer, torch.nn.BatchNorm2d) and layer.running_mean is not None and layer.running_var is not None:
            layer.running_mean.normal_(0, 0.2)
            layer.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.normal_(layer.bias, 0, 0.2)
    ranges = (LookRange(name="n", cells=9, limits={"sharpness": (9e9, 9e9)}),)
    policy = Policy(unfamiliar_beyond=1.0)
    manifest = Manifest(
        name="t", norm=norm, preprocessing=SMALL, policy=policy, ranges=ranges, session_statistics=use, tensors={}
    )
    where = tmp_path_factory.mktemp("weights")
    save_weights(where, resnet, bank, manifest)
    return where


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    coarse = [rng.integers(0, 256, (30, 30, 3), dtype=np.uint8) for _ in range(4)]
    return [cv2.resize(each, (750, 750), interpolation=cv2.INTER_CUBIC) for each in coarse]


def numbers(judgement):
    return (*judgement.probabilities, *judgement.verifiers, judgement.reject_score)


@pytest.mark.parametrize("folder", NETWORKS, indirect=True)
@pytest.mark.parametrize(("kind", "apart"), [("fused", 1e-5), ("bf16", 0.02)])
def test_it_answers_as_the_reference_does(folder: Path, crops: list[np.ndarray], kind, apart):
    reference = Engine.load(folder, device="cpu")
    fused = reference.of_kind(kind)
    assert (fused.weights_id, fused.recorded_as, reference.recorded_as) == (reference.weights_id, kind, None)
    expected, found = reference.judge(crops), fused.judge(crops)
    for one, other in zip(expected, found, strict=True):
        assert numbers(other) == pytest.approx(numbers(one), abs=apart)
        assert (one.moments is None) == (other.moments is None)
        if one.moments is not None and other.moments is not None:
            assert np.allclose(one.moments, other.moments, rtol=1e-2, atol=1e-3)
    session = reference.session_of(np.stack([shrink(crop // 2, SMALL) for crop in crops]))
    if session is None:
        return
    strange = [replace(session, unfamiliar=9)] * len(crops)
    within = reference.judge(crops, sessions=strange)
    assert all(a.probabilities != b.probabilities for a, b in zip(within, expected, strict=True)), "or nothing is shown"
    for one, other in zip(within, fused.judge(crops, sessions=strange), strict=True):
        assert numbers(other) == pytest.approx(numbers(one), abs=apart)
    assert fused.judge(crops) == found, "and the session is taken away again"


@pytest.mark.parametrize("kind", ["fused", "bf16"])
def test_its_answer_to_a_cell_is_the_same_to_the_byte_whatever_came_before(folder, crops, kind):
    one, other = (Engine.load(folder, device="cpu").of_kind(kind) for _ in range(2))
    together = one.judge(crops)
    assert other.judge(crops[::-1])[::-1] == together
    assert [other.judge([crop])[0] for crop in crops] == together


def test_what_is_chosen_is_what_is_named_or_what_pays(folder: Path):
    assert choose_engine(folder, device="cpu", engine="eager")[0].kind == "eager"
    for kind in KINDS["cpu"]:
        if is_here(kind):
            engine, (trial,) = choose_engine(folder, device="cpu", engine=kind)
            assert (engine.kind, trial.kind, trial.refused) == (kind, kind, None)
    engine, trials = choose_engine(folder, device="cpu")
    assert engine.kind == preferred(trials)
    tried = [trial.kind for trial in trials]
    assert tried == [kind for kind in ("openvino", "onnx", "fused") if is_here(kind)], "half precision is for who asks"


def test_a_later_engine_has_to_be_clearly_quicker_than_those_before():
    assert preferred([Trial("openvino", 1.3), Trial("onnx", 1.5)]) == "onnx"
    assert preferred([Trial("openvino", 1.4), Trial("onnx", 1.5)]) == "openvino"
    assert preferred([Trial("onnx", refused="another answer"), Trial("fused", 1.1)]) == "fused"
    assert preferred([Trial("onnx", refused="another answer")]) == preferred([]) == "eager"


@pytest.mark.parametrize("measured", [0.95, 1.04, 1.1, 1.2])
def test_workers_that_measure_beside_each_other_choose_the_same(measured):
    """An engine that is a little quicker seems a little slower at times."""
    assert preferred([Trial("fused", measured)]) == "fused"


def test_the_reference_judges_where_all_else_is_clearly_slower():
    assert preferred([Trial("fused", 0.9)]) == "eager"


def test_the_setting_has_every_engine():
    allowed = get_args(Settings.model_fields["engine"].annotation)
    assert allowed == ("auto", *get_args(EngineKind))
    assert {"eager", *KINDS["cpu"], *KINDS["cuda"]} == set(get_args(EngineKind))


def test_an_engine_that_answers_otherwise_is_never_used(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine_choice, "WITHIN", 0.0)
    with pytest.raises(EngineUnusable, match=r"the engine bf16 cannot be used here: .* from the reference's") as caught:
        choose_engine(folder, device="cpu", engine="bf16")
    assert "eager" in caught.value.hint
    engine, trials = choose_engine(folder, device="cpu")
    assert engine.kind == "eager"
    assert all(trial.refused is not None for trial in trials)


def test_an_engine_that_cannot_run_here_is_refused_with_why(folder: Path):
    tried, trial = try_engine(Engine.load(folder, device="cpu"), "graph")
    assert (tried, trial.times_as_quick) == (None, None)
    assert "no engine graph for cpu" in str(trial.refused)


def test_what_is_for_another_device_cannot_be_named(folder: Path):
    with pytest.raises(EngineUnusable, match="there is no engine graph for cpu"):
        choose_engine(folder, device="cpu", engine="graph")


@pytest.mark.gpu
def test_a_graph_answers_as_the_reference_does(folder: Path, crops: list[np.ndarray]):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    reference = Engine.load(folder, device="cuda")
    graph = reference.of_kind("graph")
    session = reference.session_of(np.stack([shrink(crop // 2, SMALL) for crop in crops]))
    assert session is not None
    for sessions in (None, [replace(session, unfamiliar=9)] * len(crops), None):
        pairs = zip(reference.judge(crops, sessions=sessions), graph.judge(crops, sessions=sessions), strict=True)
        assert all(numbers(found) == pytest.approx(numbers(expected), abs=1e-4) for expected, found in pairs)
    assert choose_engine(folder, device="cuda", engine="graph")[0].kind == "graph"


def test_no_number_is_no_answer(folder: Path):
    reference = Engine.load(folder, device="cpu")
    outputs = reference.outputs_of_fields(check_cells(reference))
    broken = replace(outputs, reject_scores=np.full_like(outputs.reject_scores, np.nan))
    assert difference(reference, outputs, outputs) is None
    assert "nan" in str(difference(reference, outputs, broken))


def test_the_cells_of_the_trial_are_cells_to_the_shipped_weights():
    reference = Engine.load(shipped_weights_dir(), device="cpu")
    found = reference.outputs_of_fields(check_cells(reference))
    assert found.probabilities.argmax(axis=1).tolist() == [0, 2, 4, 5]
    assert (found.reject_scores < 0.5).all()


@pytest.mark.realdata
@pytest.mark.parametrize("cells", [12, pytest.param(2000, marks=pytest.mark.long)])
def test_real_cells_are_named_as_the_reference_names_them(real_data: Path, cells: int):
    """Class and verdict of 999 in 1,000, and each number to a hundredth."""
    reference = Engine.load(shipped_weights_dir(), device="cpu")
    kinds = [kind for kind in KINDS["cpu"] if is_here(kind)]
    engines = [reference, *map(reference.of_kind, kinds)]
    pictures = sorted((real_data / "pbc").glob("*/*.jpg"))
    other = dict.fromkeys(kinds, 0)
    for picture in pictures[:: len(pictures) // cells]:
        crop = cell_crop(picture, 0.095)
        expected, *answers = (engine.judge([crop])[0] for engine in engines)
        for kind, found in zip(other, answers, strict=True):
            assert numbers(found) == pytest.approx(numbers(expected), abs=WITHIN if kind == "bf16" else 1e-5)
            other[kind] += (found.cls, found.verdict) != (expected.cls, expected.verdict)
    assert max(other.values()) <= cells // 1000, other
