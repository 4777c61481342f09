"""Adapting all of both networks on pictures: needs the old ones beside the new, and finds what the heads cannot."""

import copy
import math
from collections import Counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from smearwatch.models.checkpoint import Networks
from smearwatch.models.memory import Memory, short
from smearwatch.models.preprocess import normalise
from smearwatch.train.adapting.folds import Places
from smearwatch.train.adapting.given import family
from smearwatch.train.adapting.logits import Logits, ask, network_input
from smearwatch.train.adapting.old import OldCells
from smearwatch.train.adapting.way import Weights, unpushed
from smearwatch.train.augment import augment
from smearwatch.train.fields_cache import Progress
from smearwatch.train.loop import CellSet
from smearwatch.train.losses import Targets, bank_loss, resnet_loss
from smearwatch.train.remembering import body_features, remembered
from smearwatch.train.restyle import change_of, restyled

_NEW, _OLD = 24, 24  # cells of each in a batch
_RATE = 3e-4
_WEIGHT_DECAY = 0.05
_WARMUP_STEPS = 10
_STRENGTH = 0.7
_SMOOTHING = 0.03
_RESTYLED = 0.5  # of the old cells
_KEEP = 1.0  # weight of staying near the present answers on old cells


class FineTuning:
    """Both networks trained on at a low rate, with old cells in every batch, some of them in the new colours.

    Batch norm keeps its statistics and learns its scales: a few dozen cells are too few to estimate them anew. The old
    cells are held to their labels and to the present answers (learning without forgetting; Li and Hoiem, ECCV 2016).
    """

    name = "networks"

    def __init__(
        self,
        networks: Networks,
        memory: Memory | None,
        cells: CellSet,
        old: OldCells,
        *,
        steps: int,
        seed: int,
        progress: Progress,
    ) -> None:
        self._networks = copy.deepcopy(networks)
        self._preprocessing = networks.manifest.preprocessing
        self._memory, self._cells, self._old = memory, cells, old
        self._steps, self._seed, self._progress = steps, seed, progress
        self.present = self._state()
        self.chosen_by, self.checked_by = old.chosen_by.samples, old.checked_by.samples
        self._taught = torch.from_numpy(self._ask(self.present, old.again.fields).classes).float().softmax(dim=1)

    def fit(self, places: Places) -> Weights:
        """Train on these new cells and the old ones for the given number of steps."""
        self._load(self.present)
        resnet, bank = self._networks.resnet, self._networks.bank
        optimiser = torch.optim.AdamW([*resnet.parameters(), *bank.parameters()], lr=0.0, weight_decay=_WEIGHT_DECAY)
        generator = torch.Generator().manual_seed(self._seed)
        rng = np.random.default_rng(self._seed)
        known = self._cells.targets(places)
        weights = sampling_weights([family(self._cells.samples[int(place)]) for place in places])
        for step in range(self._steps):
            for group in optimiser.param_groups:
                group["lr"] = _rate(step, self._steps)
            new = rng.choice(places, _NEW, p=weights)
            old = rng.integers(0, len(self._old.again.samples), _OLD)
            loss = self._loss(new, old, known, generator, rng)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            self._progress(f"learning from {len(places)} cells", step + 1, self._steps)
        return self._state()

    def ask_new(self, weights: Weights, places: Places) -> Logits:
        """Logits of new cells."""
        return self._ask(weights, self._cells.fields[places])

    def ask_chosen_by(self, weights: Weights) -> Logits:
        """Logits of the old validation cells."""
        return self._ask(weights, self._old.chosen_by.fields)

    def ask_checked_by(self, weights: Weights) -> Logits:
        """Logits of the old test cells."""
        return self._ask(weights, self._old.checked_by.fields)

    def of_networks(self, weights: Weights) -> Weights:
        """Give the tensors, whose names are those already."""
        return weights

    def remember(self, weights: Weights) -> Memory:
        """Make the memory anew from the old pictures at hand and the new cells, for the body has changed."""
        self._load(weights)
        again, held = self._old.again, self._old.chosen_by
        fitted_samples = again.samples + self._cells.samples
        fields = np.concatenate([again.fields, self._cells.fields])
        trained = {short(sample.digest) for sample in fitted_samples}
        chosen = {short(sample.digest) for sample in held.samples}
        if self._memory is not None:
            trained |= self._memory.train_digests
            chosen |= self._memory.validation_digests
        return Memory(
            frozenset(trained),
            frozenset(chosen),
            remembered(self._features(fields), fitted_samples),
            remembered(self._features(held.fields), held.samples),
        )

    def _loss(
        self, new: Places, old: Places, known: Targets, generator: torch.Generator, rng: np.random.Generator
    ) -> torch.Tensor:
        new_fields = np.asarray(self._cells.fields[new])
        old_fields = np.array(self._old.again.fields[old])
        count = round(_RESTYLED * len(old))
        old_fields[:count] = restyled(old_fields[:count], new_fields[:count], change_of(count, rng))
        # Fields of other microscopes are varied on their own: parts of a batch share some of the drawn amounts.
        views = torch.cat(
            [
                augment(torch.from_numpy(fields), self._preprocessing, _STRENGTH, generator)
                for fields in (new_fields, old_fields)
            ]
        )
        batch = normalise(views, self._preprocessing).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            answer = self._networks.resnet(batch)
            verifiers = self._networks.bank(batch)
        targets = _both(self._cells.targets(new), self._old.again.targets(old))
        count = len(new)
        classes, verifiers = (
            torch.cat([unpushed(each[:count], known), each[count:]]) for each in (answer.class_logits, verifiers)
        )
        logs = answer.class_logits[len(new) :].float().log_softmax(dim=1)
        kept = functional.kl_div(logs, self._taught[torch.from_numpy(old)], reduction="batchmean")
        answer = answer._replace(class_logits=classes)
        return resnet_loss(answer, targets, _SMOOTHING) + bank_loss(verifiers, targets) + 0.5 * _KEEP * kept

    def _ask(self, weights: Weights, fields_bgr: NDArray[np.uint8]) -> Logits:
        self._load(weights)
        return ask(self._networks.resnet, self._networks.bank, fields_bgr, self._preprocessing)

    def _features(self, fields_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        batch = network_input(fields_bgr, self._preprocessing)
        return np.asarray(body_features(self._networks.resnet, batch).numpy(), dtype=np.float32)

    def _load(self, weights: Weights) -> None:
        put_into(self._networks, weights)

    def _state(self) -> Weights:
        both = {"resnet": self._networks.resnet, "bank": self._networks.bank}
        return {
            f"{name}.{key}": value.clone()
            for name, module in both.items()
            for key, value in module.state_dict().items()
            if value.is_floating_point()
        }


def put_into(networks: Networks, weights: Weights) -> None:
    """Put tensors named "resnet.KEY" or "bank.KEY" into the networks."""
    for name, module in (("resnet.", networks.resnet), ("bank.", networks.bank)):
        part = {key.removeprefix(name): value for key, value in weights.items() if key.startswith(name)}
        module.load_state_dict(part, strict=False)


def sampling_weights(kinds: list[str]) -> NDArray[np.float64]:
    """How often to draw each cell: a class four times as frequent is drawn twice as often."""
    counts = Counter(kinds)
    weights = np.array([1.0 / math.sqrt(counts[kind]) for kind in kinds])
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _rate(step: int, steps: int) -> float:
    return _RATE * min((step + 1) / _WARMUP_STEPS, 1.0) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _both(one: Targets, two: Targets) -> Targets:
    return Targets(
        torch.cat([one.shares, two.shares]), torch.cat([one.either, two.either]), torch.cat([one.reject, two.reject])
    )
