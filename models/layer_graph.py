"""The networks as a list of few kinds of layers, for runtimes that are given a graph and not PyTorch's modules.

Normalisation that never changes is folded into the convolution before it. That of the stages that may get a session's
statistics (see `smearwatch.models.session_statistics`) stays a layer of its own, whose factor and summand are given
with each pass.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from smearwatch.models.checkpoint import Networks
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.statistics_use import STAGES

if TYPE_CHECKING:
    from torchvision.models.resnet import BasicBlock  # with all of torchvision: docs/decisions/0082

VIEWS: Final = "views"
"""Name of what goes in: float32 [1, 3, view_px, view_px]."""
RESNET: Final = "resnet"
"""Name of the ResNet's answer: the classes' logits and that of the rejection, [1, classes + 1, 1, 1]."""
VERIFIERS: Final = "verifiers"
"""Name of the verifiers' logits: [1, classes, 1, 1]."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution, then the sum with what is `beside` it, if anything, then a ReLU, if asked for."""

    name: str
    source: str
    weight: Floats
    bias: Floats
    stride: int
    padding: int
    groups: int
    relu: bool
    beside: str | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """Each channel times a factor, plus a summand, both given with each pass; then as for `Conv`."""

    name: str
    source: str
    channels: int
    relu: bool
    beside: str | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """The largest of each window, or its mean; a kernel of None is the whole map."""

    name: str
    source: str
    kind: Literal["max", "mean"]
    kernel: int | None
    stride: int = 1
    padding: int = 0


Layer = Conv | Scale | Pool


class GraphImpossible(ValueError):
    """Networks that are not made of these layers."""


def layers_of(networks: Networks) -> tuple[list[Layer], int]:
    """Return the layers of both networks, each after its sources, and how many of them the first stages are.

    Raises
    ------
    GraphImpossible
        They have a normalisation that depends on the cell itself.
    """
    if networks.manifest.norm != "batch":
        raise GraphImpossible("these weights have group normalisation: only eager and fused run it")
    use = networks.manifest.session_statistics
    apart = STAGES[: 0 if use is None else use.stages]
    with torch.no_grad():
        layers: list[Layer] = []
        first = 0
        for stage, part in _resnet(networks.resnet, apart):
            layers.append(part)
            if stage in apart:
                first = len(layers)
        return [*layers, *_bank(networks.bank)], first


def _resnet(resnet: LeukocyteResNet, apart: Sequence[str]) -> Iterator[tuple[str, Layer]]:
    body = resnet.body
    for layer in _convolved("conv1", "bn1", VIEWS, body.conv1, body.bn1, "bn1" in apart):
        yield "bn1", layer
    yield "bn1", Pool("pooled", "bn1", "max", 3, 2, 1)
    source = "pooled"
    for stage in STAGES[1:]:
        for index, block in enumerate(getattr(body, stage)):
            name = f"{stage}.{index}"
            for layer in _block(name, source, block, stage in apart):
                yield stage, layer
            source = f"{name}.bn2"
    yield "", Pool("features", source, "mean", None)
    weight = torch.cat([resnet.classify.weight, resnet.reject.weight])[:, :, None, None]
    bias = torch.cat([resnet.classify.bias, resnet.reject.bias])
    yield "", Conv(RESNET, "features", _array(weight), _array(bias), 1, 0, 1, relu=False)


def _block(name: str, source: str, block: "BasicBlock", apart: bool) -> Iterator[Layer]:
    yield from _convolved(f"{name}.conv1", f"{name}.bn1", source, block.conv1, block.bn1, apart)
    beside = source
    if block.downsample is not None:
        conv, norm = block.downsample
        beside = f"{name}.downsample.1"
        yield from _convolved(f"{name}.downsample.0", beside, source, conv, norm, apart, relu=False)
    yield from _convolved(f"{name}.conv2", f"{name}.bn2", f"{name}.bn1", block.conv2, block.bn2, apart, beside=beside)


def _convolved(
    name: str,
    then: str,
    source: str,
    conv: nn.Conv2d,
    norm: nn.Module,
    apart: bool,
    *,
    relu: bool = True,
    beside: str | None = None,
) -> Iterator[Layer]:
    """Yield a convolution and its normalisation, named as the ResNet names them; as one layer where it is not apart."""
    assert isinstance(norm, nn.BatchNorm2d)
    if apart:
        yield _conv(name, source, conv, relu=False)
        yield Scale(then, name, norm.num_features, relu, beside)
    else:
        yield _conv(then, source, fuse_conv_bn_eval(conv, norm), relu=relu, beside=beside)


def _bank(bank: LeNetBank) -> Iterator[Layer]:
    yield Pool("halved", VIEWS, "mean", 2, 2)
    source, given = "halved", list(bank.features)
    for at, layer in enumerate(given):
        name = f"features.{at}"
        if isinstance(layer, nn.Conv2d):
            norm = given[at + 1]
            assert isinstance(norm, nn.BatchNorm2d)
            yield _conv(name, source, fuse_conv_bn_eval(layer, norm), relu=True)
        elif isinstance(layer, nn.MaxPool2d):
            assert isinstance(layer.kernel_size, int)
            yield Pool(name, source, "max", layer.kernel_size, layer.kernel_size)
        else:
            continue
        source = name
    yield _conv("hidden", source, bank.hidden, relu=True)
    yield _conv(VERIFIERS, "hidden", bank.out, relu=False)


def _conv(name: str, source: str, conv: nn.Conv2d, *, relu: bool, beside: str | None = None) -> Conv:
    bias = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias
    (stride, _), (padding, _) = _pair(conv.stride), _pair(conv.padding)
    return Conv(name, source, _array(conv.weight), _array(bias), stride, padding, conv.groups, relu, beside)


def _array(values: torch.Tensor) -> Floats:
    return np.ascontiguousarray(values.detach().float().numpy())


def _pair(value: object) -> tuple[int, int]:
    assert isinstance(value, tuple)
    return value
