"""The engine: the same answer for a crop whatever comes beside it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from smearwatch.models.classes import CLASSES
from smearwatch.models.engine import DeviceMissing, Engine
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.preprocess import Preprocessing, shrink
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.train.saving import save_weights

SMALL = Preprocessing(field_px=88, view_px=72)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    where = tmp_path_factory.mktemp("weights")
    save_weights(where, LeukocyteResNet(), LeNetBank(72), Manifest(name="t", preprocessing=SMALL, tensors={}))
    return where


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return Engine.load(folder, device="cpu")


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.integers(0, 256, (750, 750, 3), dtype=np.uint8) for _ in range(5)]


def test_a_judgement_does_not_depend_on_its_company(engine: Engine, crops: list[np.ndarray]):
    together = engine.judge(crops)
    assert engine.judge(crops[::-1])[::-1] == together
    assert [engine.judge([crop])[0] for crop in crops] == together
    assert engine.judge(crops[:2]) + engine.judge(crops[2:]) == together


def test_a_second_engine_says_the_same(engine: Engine, folder: Path, crops: list[np.ndarray]):
    again = Engine.load(folder, device="cpu")
    assert again.weights_id == engine.weights_id
    assert again.judge(crops) == engine.judge(crops)


def test_numbers_are_what_they_claim(engine: Engine, crops: list[np.ndarray]):
    for judgement in engine.judge(crops):
        assert judgement.cls in CLASSES
        assert sum(judgement.probabilities) == pytest.approx(1.0, abs=1e-5)
        assert all(0 <= value <= 1 for value in (*judgement.verifiers, judgement.reject_score))
        assert all(round(value, 6) == value for value in (*judgement.probabilities, *judgement.verifiers))


def test_crops_differ_in_their_answers(engine: Engine, crops: list[np.ndarray]):
    assert len({judgement.probabilities for judgement in engine.judge(crops)}) == len(crops)


def test_shrunken_crops_give_the_same_outputs(engine: Engine, crops: list[np.ndarray]):
    direct = engine.outputs(crops)
    cached = engine.outputs_of_fields(np.stack([shrink(crop, SMALL) for crop in crops]))
    assert np.array_equal(direct.probabilities, cached.probabilities)
    assert np.array_equal(direct.reject_scores, cached.reject_scores)


def test_nothing_in_nothing_out(engine: Engine):
    assert engine.judge([]) == []
    assert engine.outputs([]).probabilities.shape == (0, len(CLASSES))


def test_a_wrong_crop_is_refused(engine: Engine):
    with pytest.raises(ValueError, match="a crop must be uint8"):
        engine.judge([np.zeros((10, 10, 3), dtype=np.uint8)])


@pytest.mark.parametrize("device", ["gpu", *([] if torch.cuda.is_available() else ["cuda"])])
def test_a_device_that_is_not_there(folder: Path, device: str):
    with pytest.raises(DeviceMissing, match=f"no device '{device}' here: there is cpu") as caught:
        Engine.load(folder, device=device)
    assert "weights" not in str(caught.value)


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu(engine: Engine, folder: Path, crops: list[np.ndarray]):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    there, here = Engine.load(folder, device="cuda").outputs(crops), engine.outputs(crops)
    assert there.probabilities == pytest.approx(here.probabilities, abs=1e-4)
