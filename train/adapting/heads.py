"""Adapting the ResNet's two heads alone, on features: needs no old picture, only the memory of the weights."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from smearwatch.capture.arrays import Image
from smearwatch.models.checkpoint import Networks
from smearwatch.models.classes import CLASSES, per_class
from smearwatch.models.memory import Memory, Remembered, short
from smearwatch.models.preprocess import normalise
from smearwatch.models.resnet import ResNetAnswer
from smearwatch.train.adapting.folds import Indices
from smearwatch.train.adapting.logits import Logits, network_input, run_networks
from smearwatch.train.adapting.source_moments import SourceMoments
from smearwatch.train.adapting.strategy import Weights, mask_absent_classes, shuffle_indices
from smearwatch.train.data.cells import CellSet, Targets
from smearwatch.train.data.crop_cache import Progress
from smearwatch.train.data.samples import DataUnusable, Sample, Target, TargetKind
from smearwatch.train.training.augment import augment
from smearwatch.train.training.losses import resnet_loss
from smearwatch.train.training.remembering import body_features, make_remembered

_HEADS = ("classify.weight", "classify.bias", "reject.weight", "reject.bias")
_VIEWS = 6  # of each new cell, besides itself
_PLAIN_VIEWS = 3  # besides, without the session's statistics, where these are used
_STRENGTH = 0.5
_NEW = 2.0  # what the new cells weigh beside the old ones: chosen where two laboratories were left out
_PULL = 0.002  # towards the present heads (L2-SP; Li et al., ICML 2018)
_SMOOTHING = 0.03
_ITERATIONS = 80
_KINDS: Final[tuple[TargetKind, ...]] = ("exact", "either", "reject", "leukocyte")  # as in `models.memory`
_WHERE = Path("memory")


@dataclass(frozen=True, slots=True)
class _Seen:
    """Features float32 [n, 512] and their targets."""

    features: torch.Tensor
    targets: Targets


class HeadFitting:
    """Logistic regression on the body's features, beside the remembered ones, held to the present heads.

    Cells of a strange session are judged as a count would, with the session's statistics. They are learnt from with
    them and, less often, without: the first cells of the next session have none yet.
    """

    name = "heads"

    def __init__(self, networks: Networks, memory: Memory, cells: CellSet, seed: int, progress: Progress) -> None:
        state = networks.resnet.state_dict()
        self.present: Weights = {name: state[name].clone() for name in _HEADS}
        self._memory = memory
        self._samples = cells.samples
        preprocessing = networks.manifest.preprocessing
        self._present_logits = run_networks(networks.resnet, networks.bank, cells.fields, preprocessing)
        generator = torch.Generator().manual_seed(seed)
        moments = SourceMoments(networks, cells)
        self.by_statistics = bool(moments.strange)
        views, served = [], []
        for number in range(_VIEWS + 1):
            progress("new cells", number, _VIEWS)
            batch = _varied(networks, cells.fields, generator) if number else network_input(cells.fields, preprocessing)
            views.append(body_features(networks.resnet, batch))
            served.append(moments.compute(partial(_features_of, networks, batch), views[-1]))
        self._judged = served[0]
        self._views = torch.stack(served + views[:_PLAIN_VIEWS] if self.by_statistics else views)
        old = remembered_samples(memory.fitted)
        self._old = _Seen(torch.from_numpy(memory.fitted.features), _targets(old, 1))
        held = remembered_samples(memory.held)
        order = shuffle_indices(len(held), seed)
        self._halves = (np.sort(order[::2]), np.sort(order[1::2]))
        self.chosen_by, self.checked_by = ([held[int(index)] for index in half] for half in self._halves)

    def fit(self, indices: Indices) -> Weights:
        """Fit both heads; the new cells' mean loss weighs more than the old ones'."""
        chosen = torch.from_numpy(indices)
        views = self._views[:, chosen]
        new = _Seen(views.flatten(0, 1), _targets([self._samples[int(index)] for index in indices], len(views)))
        heads = {name: value.clone().requires_grad_() for name, value in self.present.items()}
        optimiser = torch.optim.LBFGS(list(heads.values()), max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

        def closure() -> torch.Tensor:
            optimiser.zero_grad()
            loss = torch.zeros(())
            if len(self._old.features):
                loss = loss + resnet_loss(_answer(heads, self._old.features), self._old.targets, _SMOOTHING)
            answer = _answer(heads, new.features)
            reached = answer._replace(class_logits=mask_absent_classes(answer.class_logits, new.targets))
            loss = loss + _NEW * resnet_loss(reached, new.targets, _SMOOTHING)
            for name, value in heads.items():
                loss = loss + _PULL * (value - self.present[name]).square().sum()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimiser.step(closure)  # type: ignore[no-untyped-call]
        return {name: value.detach() for name, value in heads.items()}

    def predict_new(self, weights: Weights, indices: Indices) -> Logits:
        """Return the logits of new cells; the verifiers' stay what they were."""
        logits = _logits(weights, self._judged[torch.from_numpy(indices)])
        return Logits(logits.classes, logits.reject, self._present_logits.verifiers[indices])

    def predict_chosen_by(self, weights: Weights) -> Logits:
        """Return the logits of half of the remembered validation cells."""
        return _logits(weights, torch.from_numpy(self._memory.held.features[self._halves[0]]))

    def predict_checked_by(self, weights: Weights) -> Logits:
        """Return the logits of the other half."""
        return _logits(weights, torch.from_numpy(self._memory.held.features[self._halves[1]]))

    def of_networks(self, weights: Weights) -> Weights:
        """Name the tensors as those of the ResNet."""
        return {f"resnet.{name}": value for name, value in weights.items()}

    def remember(self, weights: Weights) -> Memory:
        """Add the new cells to the old memory, which stays valid, for the body has not changed."""
        fitted = concatenate(self._memory.fitted, make_remembered(self._judged.numpy(), self._samples))
        digests = self._memory.train_digests | {short(sample.digest) for sample in self._samples}
        return Memory(frozenset(digests), self._memory.validation_digests, fitted, self._memory.held)


def concatenate(one: Remembered, two: Remembered) -> Remembered:
    """Put remembered cells one after the other."""
    return Remembered(
        np.concatenate([one.features, two.features]),
        np.concatenate([one.shares, two.shares]),
        np.concatenate([one.kinds, two.kinds]),
    )


def remembered_samples(cells: Remembered) -> list[Sample]:
    """Make samples of remembered cells; their pictures are gone, so drawing one raises `DataUnusable`."""

    def draw() -> Image:
        raise DataUnusable(_WHERE, "a remembered cell has no picture", "name the old pictures with --old")

    found = []
    for index, (shares, kind) in enumerate(zip(cells.shares.astype(np.float64), cells.kinds, strict=True)):
        target = Target(_KINDS[int(kind)], per_class(float(value) for value in shares))
        name = f"memory/{index}"
        found.append(Sample(name, "memory", "", target, name, None, draw, hashlib.sha256(name.encode()).hexdigest()))
    return found


def _varied(networks: Networks, fields_bgr: NDArray[np.uint8], generator: torch.Generator) -> torch.Tensor:
    preprocessing = networks.manifest.preprocessing
    views = augment(torch.from_numpy(np.array(fields_bgr)), preprocessing, _STRENGTH, generator)
    return normalise(views, preprocessing).contiguous(memory_format=torch.channels_last)


def _features_of(networks: Networks, batch: torch.Tensor, indices: Indices) -> torch.Tensor:
    return body_features(networks.resnet, batch[torch.from_numpy(indices)])


def _targets(samples: list[Sample], times: int) -> Targets:
    """Repeat the targets of all samples so many times."""
    once = CellSet(samples, np.empty((0, 1, 1, 3), dtype=np.uint8)).targets(np.arange(len(samples)))
    shares = once.shares.view(-1, len(CLASSES))
    return Targets(shares.repeat(times, 1), once.either.bool().repeat(times), once.reject.bool().repeat(times))


def _answer(heads: Weights, features: torch.Tensor) -> ResNetAnswer:
    classes = functional.linear(features, heads["classify.weight"], heads["classify.bias"])
    reject = functional.linear(features, heads["reject.weight"], heads["reject.bias"])
    return ResNetAnswer(classes, reject.squeeze(1))


def _logits(heads: Weights, features: torch.Tensor) -> Logits:
    with torch.no_grad():
        answer = _answer(heads, features)
    count = len(features)
    classes, reject = answer.class_logits.double().numpy(), answer.reject_logits.double().numpy()
    return Logits(classes, reject, np.full((count, len(CLASSES)), np.nan))
