"""The ResNet-18 of He et al. (CVPR 2016), layer for layer and name for name as torchvision has it.

torchvision itself takes as long to load as all of PyTorch, for parts that no network of ours has; a worker would wait
for it at each start. Its ImageNet weights fit in here.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import torch
from torch import nn

NormLayer: TypeAlias = Callable[[int], nn.Module]

_IMAGENET_CLASSES: Final = 1000
_STAGES: Final = ((64, 1), (128, 2), (256, 2), (512, 2))
"""Channels and stride of each stage, which has two blocks."""


class _Block(nn.Module):
    """Two convolutions, and a way around them."""

    def __init__(self, given: int, channels: int, stride: int, downsample: nn.Module | None, norm: NormLayer) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(given, channels, 3, stride, padding=1, bias=False)
        self.bn1 = norm(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = norm(channels)
        self.downsample = downsample

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Answer for features [n, channels, h, w]."""
        features = self.relu(self.bn1(self.conv1(given)))
        features = self.bn2(self.conv2(features))
        features += given if self.downsample is None else self.downsample(given)
        activated: torch.Tensor = self.relu(features)
        return activated


class ResNet18(nn.Module):
    """The network, with ImageNet's last layer ``fc``, which is there to be replaced.

    Parameters
    ----------
    norm
        Makes a norm of so many channels.
    """

    def __init__(self, norm: NormLayer = nn.BatchNorm2d) -> None:
        super().__init__()
        channels = _STAGES[0][0]
        self.conv1 = nn.Conv2d(3, channels, 7, 2, padding=3, bias=False)
        self.bn1 = norm(channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        stages = []
        for wanted, stride in _STAGES:
            stages.append(_stage(channels, wanted, stride, norm))
            channels = wanted
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc: nn.Module = nn.Linear(channels, _IMAGENET_CLASSES)
        self.features = channels
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Answer for views [n, 3, h, w] with what the last layer makes of their features."""
        features = self.maxpool(self.relu(self.bn1(self.conv1(views))))
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        last: torch.Tensor = self.fc(torch.flatten(self.avgpool(features), 1))
        return last


def imagenet_weights() -> dict[str, Any]:
    """Return torchvision's own pretrained weights, which it downloads and caches."""
    from torchvision.models import ResNet18_Weights

    weights: dict[str, Any] = ResNet18_Weights.IMAGENET1K_V1.get_state_dict(progress=True, check_hash=True)
    return weights


def _stage(given: int, channels: int, stride: int, norm: NormLayer) -> nn.Sequential:
    downsample = None
    if stride != 1 or given != channels:
        downsample = nn.Sequential(nn.Conv2d(given, channels, 1, stride, bias=False), norm(channels))
    return nn.Sequential(_Block(given, channels, stride, downsample, norm), _Block(channels, channels, 1, None, norm))
