"""The ResNet-18, torchvision's, with a second head that says whether the cell is of one of the classes at all."""

from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import nn

from smearwatch.models.classes import CLASSES
from smearwatch.models.torchvision_resnet import torchvision_resnet

Norm: TypeAlias = Literal["batch", "group"]
Init: TypeAlias = Literal["scratch", "imagenet"]
_GROUPS = 32


class ResNetAnswer(NamedTuple):
    """What the ResNet says: class logits [n, classes] and reject logits [n] (above 0: of none of them)."""

    class_logits: torch.Tensor
    reject_logits: torch.Tensor


def _group_norm(channels: int) -> nn.Module:
    return nn.GroupNorm(_GROUPS, channels)


class LeukocyteResNet(nn.Module):
    """torchvision's ResNet-18 (He et al., CVPR 2016) with an output for each class and one reject output.

    Whether a cell belongs to any class is asked apart from which it is: a cell on the border of band and segmented has
    an undecided softmax and yet is surely a neutrophil, so that the largest probability would reject the wrong cells.

    Parameters
    ----------
    norm
        "batch" as published, or "group" (Wu and He, ECCV 2018), whose statistics do not come from one laboratory.
    init
        "scratch", or "imagenet" for torchvision's own pretrained weights, which it downloads and caches.
    """

    def __init__(self, norm: Norm = "batch", init: Init = "scratch") -> None:
        super().__init__()
        norm_layer = None if norm == "batch" else _group_norm
        resnet = torchvision_resnet()
        pretrained = resnet.ResNet18_Weights.IMAGENET1K_V1 if init == "imagenet" else None
        self.body = resnet.resnet18(weights=pretrained, norm_layer=norm_layer)
        features: int = self.body.fc.in_features
        self.body.fc = nn.Identity()
        self.classify = nn.Linear(features, len(CLASSES))
        self.reject = nn.Linear(features, 1)

    def forward(self, views: torch.Tensor) -> ResNetAnswer:
        """Answer for normalised views [n, 3, h, w]."""
        return self.answer(self.body(views))

    def answer(self, features: torch.Tensor) -> ResNetAnswer:
        """Answer for what the body gives, [n, features]."""
        return ResNetAnswer(self.classify(features), self.reject(features).squeeze(1))
