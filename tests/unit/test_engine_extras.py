"""Engines that come as extras: what they are given is the networks, and without them one line says what to install."""

import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from torch.nn import functional

from smearwatch.daemon.config import Settings
from smearwatch.daemon.record.values import EngineWord
from smearwatch.models import checkpoint
from smearwatch.models.checkpoint import Networks, shipped_weights_dir
from smearwatch.models.classes import CLASSES
from smearwatch.models.compiled import PACKAGES, RuntimeName, is_installed, word_of
from smearwatch.models.engine import Engine
from smearwatch.models.engine_choice import EngineUnusable, choose_engine, try_engine
from smearwatch.models.layer_graph import (
    RESNET,
    VERIFIERS,
    VIEWS,
    Conv,
    GraphImpossible,
    Pool,
    Scale,
    layers_of,
)
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import LookRange, Manifest
from smearwatch.models.onnx_bytes import model_bytes
from smearwatch.models.preprocess import Preprocessing, shrink
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.session_statistics import normalisations
from smearwatch.models.statistics_use import StatisticsUse
from smearwatch.models.verdict import Policy
from smearwatch.train.saving import save_weights
from tests.licences import flaws, locked

SMALL = Preprocessing(field_px=88, view_px=72)
BY_SESSION = StatisticsUse(stages=3, share=0.5)
RANGES = (LookRange(name="n", cells=9, limits={"sharpness": (9e9, 9e9)}),)
RUNTIMES: tuple[RuntimeName, ...] = ("openvino", "onnx")


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> RuntimeName:
    found: RuntimeName = request.param
    if not is_installed(found):
        pytest.skip(f"{PACKAGES[found]} is not installed: make test-engines")
    return found


def made(use: StatisticsUse | None) -> Networks:
    """Return networks of which each layer does something."""
    torch.manual_seed(1)
    resnet, bank = LeukocyteResNet(), LeNetBank(72)
    for layer in (*resnet.modules(), *bank.modules()):
        if isinstance(layer, torch.nn.BatchNorm2d) and layer.running_mean is not None and layer.running_var is not None:
            layer.running_mean.normal_(0, 0.2)
            layer.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.normal_(layer.bias, 0, 0.2)
    manifest = Manifest(
        name="t",
        preprocessing=SMALL,
        policy=Policy(unfamiliar_beyond=1.0),
        ranges=RANGES,
        session_statistics=use,
        tensors={},
    )
    return Networks(resnet.eval(), bank.eval(), manifest)


@pytest.fixture(scope="module", params=[BY_SESSION, None], ids=["by session", "by the training"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    networks, where = made(request.param), tmp_path_factory.mktemp("weights")
    save_weights(where, networks.resnet, networks.bank, networks.manifest)
    return where


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    coarse = [rng.integers(0, 256, (30, 30, 3), dtype=np.uint8) for _ in range(3)]
    return [cv2.resize(each, (750, 750), interpolation=cv2.INTER_CUBIC) for each in coarse]


def numbers(judgement):
    return (*judgement.probabilities, *judgement.verifiers, judgement.reject_score)


def run_layers(layers, networks: Networks, view: torch.Tensor) -> dict[str, torch.Tensor]:
    """Run layers one after the other, by what each of them says it is."""
    norms = dict(networks.resnet.body.named_modules())
    found = {VIEWS: view}
    for layer in layers:
        maps = found[layer.source]
        if isinstance(layer, Pool):
            if layer.kernel is None:
                maps = maps.mean(dim=(2, 3), keepdim=True)
            elif layer.kind == "max":
                maps = functional.max_pool2d(maps, layer.kernel, layer.stride, layer.padding)
            else:
                maps = functional.avg_pool2d(maps, layer.kernel, layer.stride, layer.padding)
        else:
            if isinstance(layer, Conv):
                weight, bias = torch.from_numpy(layer.weight), torch.from_numpy(layer.bias)
                maps = functional.conv2d(maps, weight, bias, layer.stride, layer.padding, groups=layer.groups)
            else:
                maps = norms[layer.name](maps)
            maps = maps if layer.beside is None else maps + found[layer.beside]
            maps = maps.relu() if layer.relu else maps
        found[layer.name] = maps
    return found


@pytest.mark.parametrize("use", [BY_SESSION, StatisticsUse(stages=1, share=0.5), None])
def test_the_layers_are_the_networks(use):
    networks = made(use)
    layers, first = layers_of(networks)
    view = torch.randn(1, 3, 72, 72)
    with torch.no_grad():
        expected, verifiers = networks.resnet(view), networks.bank(view)
        found = run_layers(layers, networks, view)
    logits = torch.cat([expected.class_logits, expected.reject_logits[:, None]], dim=1)
    assert found[RESNET].flatten(1).numpy() == pytest.approx(logits.numpy(), abs=1e-4)
    assert found[VERIFIERS].flatten(1).numpy() == pytest.approx(verifiers.numpy(), abs=1e-4)
    kept = [layer.name for layer in layers if isinstance(layer, Scale)]
    assert sorted(kept) == sorted(normalisations(networks.resnet, use) if use else ())
    assert {layer.name for layer in layers[:first] if isinstance(layer, Scale)} == set(kept)


def test_a_model_holds_the_weights_as_they_are_and_nothing_but_its_layers():
    networks = made(BY_SESSION)
    layers, _ = layers_of(networks)
    model = model_bytes(layers, 72, answers=(RESNET, VERIFIERS), measured=())
    convolutions = [layer for layer in layers if isinstance(layer, Conv)]
    assert all(layer.weight.tobytes() in model for layer in convolutions)
    assert model.count(b"weight") == 2 * len(convolutions), "each is named where it lies, and where it is used"


def test_networks_of_other_layers_are_refused(crops, runtime):
    networks = made(None)
    other = networks.manifest.model_copy(update={"norm": "group"})
    with pytest.raises(GraphImpossible, match="group normalisation"):
        layers_of(Networks(networks.resnet, networks.bank, other))


@pytest.mark.parametrize("name", RUNTIMES)
def test_without_it_one_line_names_the_extra(folder: Path, name: RuntimeName):
    if is_installed(name):
        pytest.skip(f"{PACKAGES[name]} is installed")
    with pytest.raises(EngineUnusable, match=rf"{PACKAGES[name]} is not installed .*smearwatch\[{name}\]") as caught:
        choose_engine(folder, device="cpu", engine=name)
    assert "\n" not in str(caught.value)


def test_it_answers_as_the_reference_does(folder: Path, crops: list[np.ndarray], runtime: RuntimeName):
    reference = Engine.load(folder, device="cpu")
    tried, trial = try_engine(reference, runtime)
    assert tried is not None, trial
    assert (tried.weights_id, tried.recorded_as, trial.name) == (reference.weights_id, word_of(runtime), trial.name)
    expected, found = reference.judge(crops), tried.judge(crops)
    for one, other in zip(expected, found, strict=True):
        assert numbers(other) == pytest.approx(numbers(one), abs=1e-5)
        assert (one.moments is None) == (other.moments is None)
        if one.moments is not None and other.moments is not None:
            assert np.allclose(one.moments, other.moments, rtol=1e-2, atol=1e-3)
    session = reference.session_of(np.stack([shrink(crop // 2, SMALL) for crop in crops]))
    if session is None:
        return
    strange = [replace(session, unfamiliar=9)] * len(crops)
    within = reference.judge(crops, sessions=strange)
    assert all(a.probabilities != b.probabilities for a, b in zip(within, expected, strict=True)), "or nothing is shown"
    for one, other in zip(within, tried.judge(crops, sessions=strange), strict=True):
        assert numbers(other) == pytest.approx(numbers(one), abs=1e-5)
        assert one.moments is not None
        assert other.moments is not None
        assert np.allclose(one.moments, other.moments, rtol=1e-2, atol=1e-3)
    assert tried.judge(crops) == found, "and the session is taken away again"


def test_its_answer_to_a_cell_is_the_same_to_the_byte_whatever_came_before(folder, crops, runtime):
    one, other = (Engine.load(folder, device="cpu").of_kind(runtime) for _ in range(2))
    together = one.judge(crops)
    assert other.judge(crops[::-1])[::-1] == together
    assert [other.judge([crop])[0] for crop in crops] == together


def test_an_answer_is_the_callers_to_keep(folder: Path, crops: list[np.ndarray], runtime: RuntimeName):
    tried = Engine.load(folder, device="cpu").of_kind(runtime)
    first = tried.judge(crops[:1])[0]
    kept = None if first.moments is None else first.moments.copy()
    tried.judge(crops[1:])
    if kept is not None and first.moments is not None:
        assert np.array_equal(first.moments, kept)


def test_the_shipped_weights_run_in_it(runtime: RuntimeName):
    engine, (trial,) = choose_engine(shipped_weights_dir(), device="cpu", engine=runtime)
    assert engine.kind == runtime
    assert trial.refused is None


def test_it_tells_its_maker_nothing(runtime: RuntimeName, tmp_path: Path):
    """Both keep a number for this computer, and send it with each start, unless they are kept from it."""
    script = (
        "import sys; seen = []; sys.addaudithook(lambda event, _: seen.append(event));"
        "from smearwatch.models.engine_choice import choose_engine;"
        "from smearwatch.models.checkpoint import shipped_weights_dir;"
        f"choose_engine(shipped_weights_dir(), device='cpu', engine={runtime!r});"
        "sys.exit('socket.connect' in seen or 'socket.getaddrinfo' in seen)"
    )
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", script], check=False, env=os.environ | places)
    assert done.returncode == 0
    assert [each for each in tmp_path.rglob("*") if each.name in ("intel", "Microsoft")] == []


def test_it_is_not_imported_before_it_is_asked_for():
    script = (
        "import sys; import smearwatch.models.engine_choice;"
        "sys.exit(any(name in sys.modules for name in ('openvino', 'onnxruntime')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_verdict_names_it_with_its_version_and_a_replay_finds_it_again(tmp_path: Path, runtime: RuntimeName):
    word = word_of(runtime)
    assert TypeAdapter(EngineWord).validate_python(word) == f"{runtime}_{version(PACKAGES[runtime]).replace('.', '_')}"
    assert Settings(engine=word.partition("_")[0]).engine == runtime


def test_what_the_extras_bring_may_be_used():
    """By what is installed: all of it in the environment of `make test-engines`."""
    lock = Path(__file__).parents[2] / "requirements-engines.txt"
    assert {*PACKAGES.values()} <= set(locked(lock))
    assert [*flaws(lock)] == []


def test_the_weights_of_the_trial_are_the_ones_that_are_loaded():
    networks = checkpoint.load(shipped_weights_dir())
    layers, _ = layers_of(networks)
    head = next(layer for layer in layers if layer.name == RESNET)
    assert isinstance(head, Conv)
    assert head.weight.shape[0] == len(CLASSES) + 1
