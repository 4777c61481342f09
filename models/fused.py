"""The networks with the same arithmetic in fewer passes over memory, for a processor, by what PyTorch brings.

Batch normalisation that never changes is folded into the convolution before it, and what follows a convolution is done
while it writes; its weights are laid out as oneDNN wants them once, and not for each cell. That is what `torch.compile`
makes of these networks, without the compiler that it needs. The stages that may get a session's statistics (see
`smearwatch.models.session_statistics`) keep their normalisation, as it is; nothing is folded there.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import BasicBlock

from smearwatch.models.checkpoint import Networks
from smearwatch.models.lenet_bank import LeNetBank
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.statistics_use import STAGES

_SHORT_FROM = "layer2"
"""Of the stages, the first whose convolutions may be done in half precision: the earlier ones err most by it."""


class PackedConv(nn.Module):
    """A convolution with its weights laid out for the processor, and a ReLU in the same pass.

    Parameters
    ----------
    conv
        As it was trained, or with a normalisation folded into it.
    shape
        Of the inputs that it will mostly see: [n, channels, h, w].
    relu
        Whether a ReLU follows.
    dtype
        Of its arithmetic; inputs are to have it.
    """

    def __init__(self, conv: nn.Conv2d, shape: Sequence[int], *, relu: bool, dtype: torch.dtype) -> None:
        super().__init__()
        self._how = (_pair(conv.padding), _pair(conv.stride), _pair(conv.dilation), conv.groups)
        self._then = "relu" if relu else "none"
        weight = conv.weight.detach().to(dtype).contiguous(memory_format=torch.channels_last)
        self._bias = None if conv.bias is None else conv.bias.detach().to(dtype)
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self._how, list(shape))  # noqa: SLF001

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Convolve [n, channels, h, w]."""
        convolve = torch.ops.mkldnn._convolution_pointwise  # noqa: SLF001
        found: torch.Tensor = convolve(maps, self._weight, self._bias, *self._how, self._then, [], "")
        return found

    def onto(self, beside: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        """Convolve, add what is `beside` it, [n, channels, h, w], and take the ReLU; `beside` is lost."""
        convolve = torch.ops.mkldnn._convolution_pointwise_.binary
        found: torch.Tensor = convolve(beside, maps, self._weight, self._bias, *self._how, "add", 1.0, "relu", [], "")
        return found


class FusedBlock(nn.Module):
    """A residual block of two convolutions, in three passes or two."""

    def __init__(self, first: PackedConv, second: PackedConv, short_cut: PackedConv | None, dtype: torch.dtype) -> None:
        super().__init__()
        self._first, self._second, self._short_cut, self._dtype = first, second, short_cut, dtype

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Answer as torchvision's block does, for [n, channels, h, w]; the input is lost."""
        maps = maps.to(self._dtype)
        within = self._first(maps)
        return self._second.onto(maps if self._short_cut is None else self._short_cut(maps), within)


class _Single(nn.Module):
    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.float()


def fuse(networks: Networks, dtype: Literal["float32", "bfloat16"] = "float32") -> Networks:
    """Return the networks, fused; those that were given are used up.

    Parameters
    ----------
    networks
        In evaluation mode, on the processor.
    dtype
        Of the convolutions of the ResNet's later stages; what has a session's statistics, and the verifiers, stay in
        single precision.
    """
    view = torch.zeros(1, 3, networks.manifest.preprocessing.view_px, networks.manifest.preprocessing.view_px)
    use = networks.manifest.session_statistics
    with torch.no_grad():
        shapes = _input_shapes(networks, view)
        apart = STAGES[: 0 if use is None else use.stages]
        _fuse_resnet(networks.resnet, apart, shapes, getattr(torch, dtype))
        _fuse_bank(networks.bank, shapes)
    return networks


Shapes = dict[nn.Module, Sequence[int]]


def _input_shapes(networks: Networks, view: torch.Tensor) -> Shapes:
    """Return what each convolution gets of a view."""
    shapes: Shapes = {}

    def take(module: nn.Module, given: tuple[torch.Tensor]) -> None:
        shapes[module] = list(given[0].shape)

    convolutions = [each for net in (networks.resnet, networks.bank) for each in _convolutions(net)]
    hooks = [each.register_forward_pre_hook(take) for each in convolutions]
    networks.resnet(view)
    networks.bank(view)
    for hook in hooks:
        hook.remove()
    return shapes


def _convolutions(network: nn.Module) -> Iterator[nn.Conv2d]:
    return (each for each in network.modules() if isinstance(each, nn.Conv2d))


def _fuse_resnet(resnet: LeukocyteResNet, apart: Sequence[str], shapes: Shapes, dtype: torch.dtype) -> None:
    body = resnet.body
    if "bn1" in apart or not isinstance(body.bn1, nn.BatchNorm2d):
        body.conv1 = _packed(body.conv1, shapes)
    else:
        body.conv1 = _packed(body.conv1, shapes, body.bn1, relu=True)
        body.bn1 = body.relu = nn.Identity()
    for at, stage in enumerate(STAGES[1:], 1):
        short = dtype if at >= STAGES.index(_SHORT_FROM) and stage not in apart else torch.float32
        blocks = getattr(body, stage)
        for index, block in enumerate(blocks):
            blocks[index] = _apart(block, shapes) if stage in apart else _fused_block(block, shapes, short)
    body.avgpool = nn.Sequential(_Single(), body.avgpool)


def _fused_block(block: BasicBlock, shapes: Shapes, dtype: torch.dtype) -> nn.Module:
    if not isinstance(block.bn1, nn.BatchNorm2d):
        return _apart(block, shapes)
    below = None
    if block.downsample is not None:
        below = _packed(block.downsample[0], shapes, block.downsample[1], dtype=dtype)
    first = _packed(block.conv1, shapes, block.bn1, relu=True, dtype=dtype)
    return FusedBlock(first, _packed(block.conv2, shapes, block.bn2, dtype=dtype), below, dtype)


def _apart(block: BasicBlock, shapes: Shapes) -> nn.Module:
    """Give a block packed convolutions, and leave its normalisations as they are."""
    block.conv1, block.conv2 = _packed(block.conv1, shapes), _packed(block.conv2, shapes)
    if block.downsample is not None:
        block.downsample[0] = _packed(block.downsample[0], shapes)
    kept: nn.Module = block
    return kept


def _fuse_bank(bank: LeNetBank, shapes: Shapes) -> None:
    layers: list[nn.Module] = []
    given = list(bank.features)
    for layer, after in zip(given, [*given[1:], None], strict=True):
        if isinstance(layer, nn.Conv2d):
            assert isinstance(after, nn.BatchNorm2d)
            layers.append(_packed(layer, shapes, after, relu=True))
        elif not isinstance(layer, nn.BatchNorm2d | nn.ReLU):
            layers.append(layer)
    bank.features = nn.Sequential(*layers)
    bank.hidden, bank.out = _packed(bank.hidden, shapes), _packed(bank.out, shapes)  # type: ignore[assignment]


def _packed(
    conv: nn.Conv2d,
    shapes: Shapes,
    norm: nn.BatchNorm2d | None = None,
    *,
    relu: bool = False,
    dtype: torch.dtype = torch.float32,
) -> PackedConv:
    return PackedConv(conv if norm is None else fuse_conv_bn_eval(conv, norm), shapes[conv], relu=relu, dtype=dtype)


def _pair(value: object) -> list[int]:
    assert isinstance(value, tuple)
    return [int(each) for each in value]
