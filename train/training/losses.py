"""What training minimises: one sum over the three heads."""

import torch
from torch.nn import functional

from smearwatch.models.classes import CLASSES
from smearwatch.models.resnet import ResNetAnswer
from smearwatch.train.data.cells import Targets

_REJECT_WEIGHT = 0.5
_UNDECIDED_WEIGHT = 0.2
_BANK_REJECT_WEIGHT = 0.5
_LEAST = 1e-6


def resnet_loss(answer: ResNetAnswer, targets: Targets, smoothing: float) -> torch.Tensor:
    """Compute the loss of the ResNet's two heads.

    A cell of one class: cross-entropy, smoothed. A label that joins classes: minus the log of their summed
    probability, whichever of them it is; where that is all of them, nothing is learnt. A reject: its class head should
    be undecided (outlier exposure, Hendrycks et al., ICLR 2019), and its reject head should fire.

    Returns
    -------
    scalar tensor
    """
    logs = answer.class_logits.float().log_softmax(dim=1)
    smooth = targets.shares * (1 - smoothing) + smoothing / len(CLASSES)
    single = -(smooth * logs).sum(dim=1)
    allowed = (targets.shares > 0).float()
    joined = -torch.log((logs.exp() * allowed).sum(dim=1).clamp(min=_LEAST))
    undecided = -logs.mean(dim=1) * _UNDECIDED_WEIGHT
    classes = torch.where(targets.reject, undecided, torch.where(targets.either, joined, single))
    reject = functional.binary_cross_entropy_with_logits(answer.reject_logits.float(), targets.reject.float())
    return classes.mean() + _REJECT_WEIGHT * reject


def bank_loss(logits: torch.Tensor, targets: Targets) -> torch.Tensor:
    """Compute the loss of the six verifiers, one class against a balanced mix of the others.

    With classes about equally frequent a class's own cells count five times, so that both sides weigh the same. A
    verifier learns nothing from a label that joins its class with another, and none learns from a leukocyte of unknown
    class. Rejects are examples against all.
    """
    positive = targets.shares
    weight = 1.0 + (len(CLASSES) - 2) * positive
    weight = torch.where(targets.either[:, None] & (positive > 0), torch.zeros_like(weight), weight)
    weight = torch.where(targets.reject[:, None], torch.full_like(weight, _BANK_REJECT_WEIGHT), weight)
    each = functional.binary_cross_entropy_with_logits(logits.float(), positive, reduction="none")
    return (each * weight).sum() / weight.sum().clamp(min=1.0)
