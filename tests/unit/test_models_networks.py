"""ResNet and verifiers as tensors: shapes, and that the bank's verifiers share nothing."""

import pytest
import torch

from smearwatch.models.classes import CLASSES
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.resnet import LeukocyteResNet


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_resnet_has_an_output_for_each_class_and_one_reject(norm):
    network = LeukocyteResNet(norm).eval()
    with torch.inference_mode():
        answer = network(torch.zeros(2, 3, 64, 64))
    assert answer.class_logits.shape == (2, len(CLASSES))
    assert answer.reject_logits.shape == (2,)
    has_batch_norm = any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    assert has_batch_norm == (norm == "batch")


@pytest.mark.parametrize("view_px", [72, 96, 128])
def test_bank_answers_for_each_class(view_px: int):
    with torch.inference_mode():
        assert LeNetBank(view_px).eval()(torch.zeros(2, 3, view_px, view_px)).shape == (2, len(CLASSES))


def test_verifiers_share_nothing():
    """The answer of one verifier draws gradients from its own part of every layer only."""
    torch.manual_seed(0)
    bank = LeNetBank(72).eval()
    bank(torch.randn(3, 3, 72, 72))[:, 2].sum().backward()
    for name, parameter in bank.named_parameters():
        assert parameter.grad is not None, name
        for place, part in enumerate(parameter.grad.chunk(len(CLASSES))):
            used = bool(part.abs().sum() > 0)
            assert used == (place == 2), f"{name} of verifier {place}"
