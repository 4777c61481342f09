"""Weights on disk: a round trip, and every way of being unfit."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from smearwatch.models import checkpoint
from smearwatch.models.checkpoint import WeightsUnusable
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.manifest import Manifest
from smearwatch.models.preprocess import Preprocessing
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.verdict import Policy
from smearwatch.train.saving import save_weights

SMALL = Preprocessing(field_px=88, view_px=72)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights") / "good"
    save_weights(folder, LeukocyteResNet(), LeNetBank(72), Manifest(name="test", preprocessing=SMALL, tensors={}))
    return folder


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "copy"))


def test_round_trip(good: Path):
    torch.manual_seed(0)
    resnet = LeukocyteResNet()
    loaded = checkpoint.load(good)
    for key, value in resnet.state_dict().items():
        kept = loaded.resnet.state_dict()[key]
        assert torch.allclose(kept.float(), value.float(), atol=1e-3, rtol=1e-3), key
    assert loaded.manifest.preprocessing == SMALL
    assert not loaded.resnet.training
    assert not loaded.bank.training


def test_half_precision_stays_below_thirty_megabytes(good: Path):
    assert sum(path.stat().st_size for path in good.iterdir()) < 30e6


def flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(folder: Path, change: Callable[[dict[str, Any]], None], *, seal: bool) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    if seal:
        sealed = Manifest.model_validate(content).sealed()
        path.write_text(sealed.model_dump_json())


def swap_tensors(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    path = folder / "lenets.safetensors"
    save_file(tensors, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    edit(folder, lambda content: content["tensors"].update({path.name: digest}), seal=True)


def bank_tensors(**changed: torch.Tensor | None) -> dict[str, torch.Tensor]:
    tensors = {k: v for k, v in LeNetBank(72).state_dict().items() if v.is_floating_point()}
    tensors.update({k.replace("__", "."): v for k, v in changed.items() if v is not None})
    return {k: v for k, v in tensors.items() if k.replace(".", "__") not in changed or v is not None}


def without(key: str) -> dict[str, torch.Tensor]:
    return {name: value for name, value in bank_tensors().items() if name != key}


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "no such folder"),
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "no such file"),
    "empty manifest": (lambda f: (f / "manifest.json").write_bytes(b""), "not a manifest"),
    "binary manifest": (lambda f: (f / "manifest.json").write_bytes(b"\xff\xfe\x00"), "not a manifest"),
    "manifest is a list": (lambda f: (f / "manifest.json").write_text("[]"), "dictionary"),
    "other classes": (
        lambda f: edit(f, lambda c: c.update(classes=["a", "b", "c", "d", "e", "f"]), seal=False),
        "instead of band, segmented",
    ),
    "a class more": (
        lambda f: edit(f, lambda c: c["classes"].append("blast"), seal=False),
        "lymphocyte, blast instead of band",
    ),
    "a threshold too few": (
        lambda f: edit(f, lambda c: c["policy"]["agree_at"].pop(), seal=False),
        "policy.agree_at: 6 numbers expected, one for each class, and 5 given",
    ),
    "unknown key": (lambda f: edit(f, lambda c: c.update(extra=1), seal=False), "extra"),
    "temperature of zero": (lambda f: edit(f, lambda c: c.update(temperature=0), seal=False), "temperature"),
    "changed temperature": (lambda f: edit(f, lambda c: c.update(temperature=2.0), seal=False), "checksum"),
    "no tensors": (lambda f: (f / "resnet18.safetensors").unlink(), "no such file"),
    "changed byte in the ResNet": (lambda f: flip_byte(f / "resnet18.safetensors"), "SHA-256"),
    "changed byte in the bank": (lambda f: flip_byte(f / "lenets.safetensors"), "SHA-256"),
    "unlisted file": (lambda f: edit(f, lambda c: c["tensors"].pop("lenets.safetensors"), seal=True), "not list"),
    "missing tensor": (lambda f: swap_tensors(f, without("out.bias")), "out.bias is missing"),
    "unknown tensor": (lambda f: swap_tensors(f, bank_tensors(odd=torch.zeros(1))), "odd is unknown"),
    "wrong shape": (lambda f: swap_tensors(f, bank_tensors(out__bias=torch.zeros(7))), "shape [7], not [6]"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_unfit_weights_are_one_clear_line(name: str, copy: Path):
    damage, expected = DAMAGES[name]
    damage(copy)
    with pytest.raises(WeightsUnusable) as caught:
        checkpoint.load(copy)
    line = str(caught.value)
    assert expected.lower() in line.lower()
    assert str(copy) in line
    assert "\n" not in line
    assert caught.value.hint


def test_id_follows_what_decides_and_nothing_else():
    one = Manifest(name="a", tensors={"x": "1"})
    assert one.weights_id() == Manifest(name="b", tensors={"x": "1"}, metrics={"n": 1}).weights_id()
    for other in (
        Manifest(name="a", tensors={"x": "2"}),
        Manifest(name="a", tensors={"x": "1"}, temperature=1.1),
        Manifest(name="a", tensors={"x": "1"}, policy=Policy(reject_at=0.6)),
        Manifest(name="a", tensors={"x": "1"}, preprocessing=SMALL),
    ):
        assert one.weights_id() != other.weights_id()
