"""The ResNet-18 as published; torchvision has it too, but loading torchvision takes as long as loading torch itself."""

from collections.abc import Callable
from typing import Final

import torch
from torch import nn

FEATURES: Final = 512
_IMAGENET_CLASSES: Final = 1000

NormLayer = Callable[[int], nn.Module]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a short cut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, before: int, after: int, stride: int, norm: NormLayer) -> None:
        super().__init__()
        # A short cut is made first, as torchvision makes it: the same seed gives the same network.
        short_cut = None
        if stride != 1 or before != after:
            short_cut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), norm(after))
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.bn1 = norm(after)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = norm(after)
        self.downsample = short_cut

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Answer for [n, before, h, w] with [n, after, h / stride, w / stride]."""
        changed: torch.Tensor = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(seen)))))
        changed += seen if self.downsample is None else self.downsample(seen)
        answer: torch.Tensor = self.relu(changed)
        return answer


def _layer(before: int, after: int, stride: int, norm: NormLayer) -> nn.Sequential:
    return nn.Sequential(BasicBlock(before, after, stride, norm), BasicBlock(after, after, 1, norm))


class ResNet18(nn.Module):
    """The ResNet-18 (He et al., CVPR 2016), with torchvision's names for its parts, so that its weights fit.

    Parameters
    ----------
    norm
        Makes the layer that normalises so many channels.
    """

    def __init__(self, norm: NormLayer = nn.BatchNorm2d) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = norm(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = _layer(64, 64, 1, norm)
        self.layer2 = _layer(64, 128, 2, norm)
        self.layer3 = _layer(128, 256, 2, norm)
        self.layer4 = _layer(256, FEATURES, 2, norm)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc: nn.Module = nn.Linear(FEATURES, _IMAGENET_CLASSES)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Answer for [n, 3, h, w] with what `fc` makes of the 512 features."""
        seen = self.maxpool(self.relu(self.bn1(self.conv1(views))))
        seen = self.layer4(self.layer3(self.layer2(self.layer1(seen))))
        answer: torch.Tensor = self.fc(self.avgpool(seen).flatten(1))
        return answer
