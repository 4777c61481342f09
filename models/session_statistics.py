"""The first layers' statistics of a session, in place of those of the training, in part.

Batch normalisation (Ioffe and Szegedy, ICML 2015) subtracts each channel's mean over the cells trained on, and divides
by their spread. Another microscope's sharpness and contrast move both, most of all in the first layers. There the mean
of old and new, weighed, is used (Schneider et al., NeurIPS 2020). The new ones are measured in the network as it was
trained, so that they are means over cells, whatever the order and whoever measured.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from smearwatch.models.appearance import is_unfamiliar
from smearwatch.models.beside import Beside
from smearwatch.models.manifest import Manifest
from smearwatch.models.resnet import LeukocyteResNet
from smearwatch.models.statistics_use import STAGES, StatisticsUse

_HALF_MOST = float(np.finfo(np.float16).max)
_RATIOS = (1e-4, 1e4)  # of variances; a channel that never moves says nothing
_SINGLE_STRANGE = 2  # odd cells come in every session; a strange one has more


@dataclass(frozen=True, slots=True)
class SessionMoments:
    """What the cells of a session before one of its cells show.

    Attributes
    ----------
    weights
        Identity of the weights that they were measured in.
    cells, unfamiliar
        How many cells, and how many of them look unlike what was trained on.
    values : float32 array of shape [2, channels]
        Mean and standard deviation of each channel of the first stages, in the order of the layers.
    """

    weights: str
    cells: int
    unfamiliar: int
    values: NDArray[np.float32]


class FirstStages:
    """Measures cells in the first stages of a ResNet, and gives these other statistics for a while.

    Parameters
    ----------
    network
        In evaluation mode, with batch normalisation.
    use
        How many stages, and how far they go.
    """

    def __init__(self, network: LeukocyteResNet, use: StatisticsUse) -> None:
        body = network.body
        self._layers = list(normalisations(network, use).values())
        parts: list[nn.Module] = [body.bn1, body.relu, body.maxpool]
        self._first = body.conv1
        self._rest = nn.Sequential(*parts, *(getattr(body, name) for name in STAGES[1 : use.stages]))
        self._as_trained: nn.Sequential | None = None
        self._use = use
        self.channels = sum(layer.num_features for layer in self._layers)

    def is_used(self, moments: SessionMoments | None, weights: str) -> bool:
        """Return whether these weights are to use a session's statistics: they are their own, and it is strange."""
        return (
            moments is not None
            and moments.weights == weights
            and moments.values.shape == (2, self.channels)
            and moments.unfamiliar > max(_SINGLE_STRANGE, self._use.unfamiliar_share * moments.cells)
        )

    def measure(self, views: torch.Tensor) -> NDArray[np.float16]:
        """Measure cells alone, for views [n, 3, h, w]; see `measuring`."""
        with self.measuring() as measured:
            self._rest(self._first(views))
        return measured.values()

    @contextmanager
    def measuring(self, beside: Beside | None = None) -> Iterator["Values"]:
        """Measure the cells of one pass of the network meanwhile.

        Parameters
        ----------
        beside
            Measures while the pass goes on; None: the pass waits for it, layer by layer.
        """
        with _measured_in(self._layers, beside) as measured:
            yield measured

    def keep_as_trained(self) -> None:
        """Keep the training's statistics, for `measuring_as_trained`; from now on nobody is to train the network."""
        others = (each for each in self._rest.modules() if not [*each.children()])
        shared = {id(each): each for each in others if not isinstance(each, nn.BatchNorm2d)}
        self._as_trained = copy.deepcopy(self._rest, shared)

    @property
    def keeps_as_trained(self) -> bool:
        """Whether the training's statistics were kept."""
        return self._as_trained is not None

    @contextmanager
    def measuring_as_trained(self, beside: Beside) -> Iterator["Values"]:
        """Measure the cells of one pass that has other statistics (see `using`) by the training's.

        The first convolution has none: it is done once for both.
        """
        assert self._as_trained is not None
        measured = _MeasuredApart(self._as_trained, beside)
        hook = self._first.register_forward_hook(measured)
        try:
            yield measured
        finally:
            hook.remove()

    def distance(self, values: NDArray[np.float32]) -> float:
        """Return how far a session is from what was trained on: its channels' variances against the training's.

        Parameters
        ----------
        values : float32 array of shape [2, channels]
            See `SessionMoments`.

        Returns
        -------
        float
            The mean over layers and channels of the logarithm of their ratio, without its sign; 0.1 to 0.2 between
            slides of much the same look, 0.4 for pictures through a telephone.
        """
        ratios = [
            (spread.square() / _variance(layer).cpu()).clamp(*_RATIOS).log().abs().mean()
            for layer, (_, spread) in zip(self._layers, self._by_layer(values), strict=True)
        ]
        return float(torch.stack(ratios).mean())

    def share(self, values: NDArray[np.float32]) -> float:
        """Return how far a session's statistics go, see `distance`."""
        return self._use.share_at(self.distance(values))

    @contextmanager
    def using(self, values: NDArray[np.float32], share: float | None = None) -> Iterator[None]:
        """Give the first stages the session's statistics, as far as the weights name, and take them away again.

        Parameters
        ----------
        values : float32 array of shape [2, channels]
            See `SessionMoments`.
        share
            How far they go, where it is known already.
        """
        share = self.share(values) if share is None else share
        held = [(_mean(layer).clone(), _variance(layer).clone()) for layer in self._layers]
        try:
            for layer, (mean, spread) in zip(self._layers, self._by_layer(values), strict=True):
                _mean(layer).lerp_(mean.to(_mean(layer).device), share)
                _variance(layer).lerp_(spread.to(_variance(layer).device).square(), share)
            yield
        finally:
            for layer, (mean, variance) in zip(self._layers, held, strict=True):
                _mean(layer).copy_(mean)
                _variance(layer).copy_(variance)

    def _by_layer(self, values: NDArray[np.float32]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        widths = [layer.num_features for layer in self._layers]
        means, spreads = (torch.split(torch.from_numpy(np.array(row)), widths) for row in values)
        return list(zip(means, spreads, strict=True))


class Values(Protocol):
    """What a pass measured of its cells."""

    def values(self) -> NDArray[np.float16]:
        """Return mean and standard deviation of each channel over each cell: float16 [n, 2, channels]."""


class Measured:
    """What was measured of the cells of one pass, in its layers.

    Parameters
    ----------
    layers
        How many.
    beside
        Measures once the last layer was reached; None: each layer is measured when it is reached.
    """

    def __init__(self, layers: int, beside: Beside | None = None) -> None:
        self._beside = beside
        self._missing = layers
        self._maps: list[torch.Tensor | None] = [None] * layers
        self._found: list[_Pair | None] = [None] * layers
        self._later: Callable[[], list[_Pair | None]] | None = None

    def take(self, at: int, _: nn.Module, given: tuple[torch.Tensor]) -> None:
        """Measure what a layer is given, or keep it to be measured: nobody writes into it any more."""
        self._missing -= 1
        if self._beside is None:
            self._found[at] = _mean_and_spread(given[0])
            return
        self._maps[at] = given[0]
        if not self._missing:
            self._later = self._beside.do(self._measure)

    def _measure(self) -> list["_Pair | None"]:
        return [None if maps is None else _mean_and_spread(maps) for maps in self._maps]

    def values(self) -> NDArray[np.float16]:
        """Return mean and standard deviation of each channel over each cell: float16 [n, 2, channels]."""
        found = [pair for pair in (self._found if self._later is None else self._later()) if pair is not None]
        rows = [torch.cat(part, dim=1) for part in zip(*found, strict=True)]
        return np.asarray(torch.stack(rows, dim=1).clamp(-_HALF_MOST, _HALF_MOST).cpu().numpy(), dtype=np.float16)


class _MeasuredApart:
    """What was measured of the cells of one pass by stages beside it, from its first convolution on."""

    def __init__(self, stages: nn.Sequential, beside: Beside) -> None:
        self._stages = stages
        self._beside = beside
        self._later: Callable[[], NDArray[np.float16]] | None = None

    def __call__(self, _: nn.Module, __: object, maps: torch.Tensor) -> None:
        self._later = self._beside.do(partial(self._measure, maps))

    def _measure(self, maps: torch.Tensor) -> NDArray[np.float16]:
        layers = [each for each in self._stages.modules() if isinstance(each, nn.BatchNorm2d)]
        with _measured_in(layers, None) as measured:
            self._stages(maps)
        return measured.values()

    def values(self) -> NDArray[np.float16]:
        assert self._later is not None
        return self._later()


_Pair = tuple[torch.Tensor, torch.Tensor]


@contextmanager
def _measured_in(layers: Sequence[nn.BatchNorm2d], beside: Beside | None) -> Iterator[Measured]:
    """Measure what these layers are given meanwhile."""
    measured = Measured(len(layers), beside)
    hooks = [layer.register_forward_pre_hook(partial(measured.take, at)) for at, layer in enumerate(layers)]
    try:
        yield measured
    finally:
        for hook in hooks:
            hook.remove()


def _mean_and_spread(maps: torch.Tensor) -> _Pair:
    # By rows of channels, as they lie in memory: a tenth of the time of a variance over two dimensions.
    pixels = maps.float().permute(0, 2, 3, 1).flatten(1, 2)
    mean = pixels.mean(dim=1)
    square = (pixels * pixels).mean(dim=1)
    return mean, (square - mean * mean).clamp_min(0.0).sqrt()


def normalisations(network: LeukocyteResNet, use: StatisticsUse) -> dict[str, nn.BatchNorm2d]:
    """Return the layers that a session's statistics are for, by name, in the order of a cell's measures."""
    named = network.body.named_modules()
    stages = STAGES[: use.stages]
    return {name: each for name, each in named if isinstance(each, nn.BatchNorm2d) and name.split(".")[0] in stages}


def as_recorded(mean: NDArray[np.float32], square: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return what each channel's mean and mean square over n cells, [n, channels], are as measures of these cells.

    Returns
    -------
    float16 array of shape [n, 2, channels]
        As of `Measured.values`.
    """
    both = np.stack([mean, np.sqrt(np.maximum(square - mean * mean, 0.0))], axis=1)
    return np.asarray(np.clip(both, -_HALF_MOST, _HALF_MOST), dtype=np.float16)


def looks_strange(look: Mapping[str, float], manifest: Manifest) -> bool:
    """Return whether a cell looks beyond all that the first layers of weights were trained on.

    What only the last layers were adapted to is strange to the first ones still. False for weights that ask no session
    for its statistics.
    """
    beyond = manifest.policy.unfamiliar_beyond
    if manifest.session_statistics is None or beyond is None:
        return False
    return is_unfamiliar(look, [kind for kind in manifest.ranges or () if not kind.by_statistics], beyond)


def pooled(measured: NDArray[np.float16], weights: str, unfamiliar: int) -> SessionMoments:
    """Return the statistics that n cells, at least one, have together.

    Parameters
    ----------
    measured : float16 array of shape [n, 2, channels]
        See `Measured.values`.
    weights
        Identity of the weights that they were measured in.
    unfamiliar
        How many of them look unlike what was trained on.
    """
    means, spreads = measured[:, 0].astype(np.float64), measured[:, 1].astype(np.float64)
    mean = means.mean(axis=0)
    spread = np.sqrt(np.maximum((spreads**2 + means**2).mean(axis=0) - mean**2, 0.0))
    return SessionMoments(weights, len(measured), unfamiliar, np.stack([mean, spread]).astype(np.float32))


def _mean(layer: nn.BatchNorm2d) -> torch.Tensor:
    assert layer.running_mean is not None
    return layer.running_mean


def _variance(layer: nn.BatchNorm2d) -> torch.Tensor:
    assert layer.running_var is not None
    return layer.running_var
