"""LeNets, one class against the rest each, as one module of grouped convolutions evaluated in one pass."""

import torch
from torch import nn
from torch.nn import functional

from smearwatch.models.classes import CLASSES

_KERNEL = 5
_POOL = 2
_CHANNELS = (8, 16, 16)  # for each class; multiples of 8 and small, so the bank costs a tenth of the ResNet
_HIDDEN = 64
_DROPOUT = 0.3


class LeNetBank(nn.Module):
    """One LeNet (LeCun et al., Proc. IEEE 1998) for each class, side by side in the channels.

    Group k of every layer belongs to class k and sees nothing of the other groups, so the bank equals networks
    trained apart; only the evaluation is shared. Each has three 5x5 convolutions with pooling, one hidden layer, and
    one sigmoid output. Batch norm stands behind each convolution, since the original's scaled tanh trains slowly.

    Parameters
    ----------
    view_px
        Side of the ResNet's view. The bank halves it, since its verifiers need less detail than the ResNet.
    """

    def __init__(self, view_px: int) -> None:
        super().__init__()
        count = len(CLASSES)
        side = view_px // 2
        layers: list[nn.Module] = []
        before = 3
        for index, each in enumerate(_CHANNELS):
            groups = 1 if index == 0 else count  # all look at the same picture
            after = each * count
            layers += [nn.Conv2d(before, after, _KERNEL, groups=groups), nn.BatchNorm2d(after)]
            layers += [nn.ReLU(inplace=True), nn.MaxPool2d(_POOL)]
            before = after
            side = (side - _KERNEL + 1) // _POOL
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(_DROPOUT)
        self.hidden = nn.Conv2d(before, _HIDDEN * count, side, groups=count)
        self.out = nn.Conv2d(_HIDDEN * count, count, 1, groups=count)

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Answer for normalised views [n, 3, view_px, view_px] with logits [n, classes], one for each class."""
        halved = functional.avg_pool2d(views, 2)
        hidden = functional.relu(self.hidden(self.dropout(self.features(halved))))
        logits: torch.Tensor = self.out(self.dropout(hidden))
        return logits.flatten(1)
