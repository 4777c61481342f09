"""The inference engine: crops in, judgements out, the same for a crop whatever came beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.models import checkpoint
from smearwatch.models.appearance import appearance_features, is_unfamiliar
from smearwatch.models.checkpoint import Networks
from smearwatch.models.classes import CLASSES, ClassName, PerClass, Verdict, per_class
from smearwatch.models.manifest import Manifest
from smearwatch.models.output_table import WIDTH, check_shapes, columns, side_by_side
from smearwatch.models.preprocess import Preprocessing, normalise, shrink, to_tensor, view
from smearwatch.models.preprocess import Stain as Stain
from smearwatch.models.reference_stain import reference_map
from smearwatch.models.verdict import decide

DeviceName = Literal["auto", "cpu", "cuda"]

# A network's arithmetic may depend on the size of the batch (another kernel, another order of sums), so every
# pass has one size, filled up where crops are few. One at a time costs a CPU little and answers a lone cell soonest.
_CHUNK = {"cpu": 1, "cuda": 32}
_DECIMALS = 6


class DeviceMissing(LookupError):
    """A device to compute on that is not here."""

    hint = "use --device auto or cpu"

    def __init__(self, device: str) -> None:
        here = "cpu and cuda" if torch.cuda.is_available() else "cpu alone"
        super().__init__(f"no device {device!r} here: there is {here}")


@dataclass(frozen=True, slots=True)
class Judgement:
    """The networks' answer for one crop; numbers rounded to six decimals, in the order of `CLASSES`.

    Attributes
    ----------
    cls
        The class that stands.
    verdict
        How it came to stand.
    probabilities
        Calibrated, of the ResNet.
    verifiers
        Each LeNet's answer, its own class against the rest.
    reject_score
        0..1; high where the cell is of none of the classes.
    look
        Its appearance features before its stain was brought to a standard, see `smearwatch.models.appearance`; but
        after the session's stain was, where `restained`.
    restained
        Whether it was brought from the session's stain to the one that the weights learnt.
    unfamiliar
        Whether its look lies beyond all that the weights were trained on, where their policy says how far is too far.
    """

    cls: ClassName
    verdict: Verdict
    probabilities: PerClass
    verifiers: PerClass
    reject_score: float
    look: dict[str, float]
    restained: bool = False
    unfamiliar: bool = False


@dataclass(frozen=True, slots=True)
class Outputs:
    """Calibrated outputs for n crops before the verdict: float64 [n, classes], [n, classes] and [n].

    ``unfamiliar`` (bool [n]) says of each whether it is, None where the policy does not ask.
    """

    probabilities: NDArray[np.float64]
    verifiers: NDArray[np.float64]
    reject_scores: NDArray[np.float64]
    unfamiliar: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        check_shapes(self.probabilities.shape, self.verifiers.shape, self.reject_scores.shape)

    def at(self, indices: Sequence[int]) -> "Outputs":
        """Pick the outputs of some of the crops."""
        chosen = np.asarray(indices, dtype=np.int64)
        unfamiliar = None if self.unfamiliar is None else self.unfamiliar[chosen]
        return Outputs(self.probabilities[chosen], self.verifiers[chosen], self.reject_scores[chosen], unfamiliar)

    @staticmethod
    def joined(parts: Sequence["Outputs"]) -> "Outputs":
        """Put outputs of one engine one after the other; at least one."""
        unfamiliar = [part.unfamiliar for part in parts if part.unfamiliar is not None]
        return Outputs(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.verifiers for part in parts]),
            np.concatenate([part.reject_scores for part in parts]),
            np.concatenate(unfamiliar) if len(unfamiliar) == len(parts) else None,
        )


class Engine:
    """ResNet and verifiers on one device. Not to be shared between threads.

    Loading sets torch to one thread in this process and asks for deterministic kernels.
    """

    def __init__(self, networks: Networks, device: torch.device) -> None:
        self._manifest = networks.manifest
        self._device = device
        layout = torch.channels_last
        self._resnet = networks.resnet.to(device).to(memory_format=layout)
        self._bank = networks.bank.to(device).to(memory_format=layout)
        self._chunk = _CHUNK[device.type]

    @classmethod
    def load(cls, weights_dir: Path, *, device: str = "auto") -> "Engine":
        """Load weights onto a device.

        Parameters
        ----------
        weights_dir
            Folder with manifest and tensors.
        device
            "cpu", "cuda", or "auto": CUDA where there is a device. Single precision on both.

        Raises
        ------
        WeightsUnusable
            Where the weights are unfit.
        DeviceMissing
            Where the device asked for is not there.
        """
        available = torch.cuda.is_available()
        if device not in ("auto", "cpu", "cuda") or (device == "cuda" and not available):
            raise DeviceMissing(device)
        networks = checkpoint.load(weights_dir)
        chosen = torch.device("cuda" if available and device != "cpu" else "cpu")
        # One crop at a time gains nothing from a second thread, and on a shared machine threads that spin for each
        # other can cost thirty times the work; more cores are used by more workers.
        torch.set_num_threads(1)
        if chosen.type == "cuda":
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.allow_tf32 = False
        return cls(networks, chosen)

    @property
    def weights_id(self) -> str:
        """SHA-256 (hex) over everything in the weights that decides a verdict."""
        return self._manifest.weights_id()

    @property
    def manifest(self) -> Manifest:
        """The manifest of the loaded weights."""
        return self._manifest

    @property
    def preprocessing(self) -> Preprocessing:
        """How a crop becomes the networks' input."""
        return self._manifest.preprocessing

    @property
    def device(self) -> str:
        """Name of the device, "cpu" or "cuda"."""
        return self._device.type

    def outputs(self, crops_bgr: Sequence[NDArray[np.uint8]]) -> Outputs:
        """Run both networks over n crops.

        Parameters
        ----------
        crops_bgr : sequence of n uint8 arrays of shape [750, 750, 3]

        Raises
        ------
        ValueError
            Where a crop's shape or type is another one.
        """
        return self.outputs_of_fields(self._shrunken(crops_bgr))

    def outputs_of_fields(self, fields_bgr: NDArray[np.uint8]) -> Outputs:
        """Run both networks over n crops that are shrunken already, as training caches them.

        Parameters
        ----------
        fields_bgr : uint8 array of shape [n, field_px, field_px, 3]
        """
        found = self._run(fields_bgr)
        if self._manifest.policy.unfamiliar_beyond is None:
            return found
        unfamiliar = [self._is_unfamiliar(self._look(field)) for field in fields_bgr]
        return replace(found, unfamiliar=np.array(unfamiliar, dtype=np.bool_))

    def _run(self, fields_bgr: NDArray[np.uint8]) -> Outputs:
        starts = range(0, len(fields_bgr), self._chunk)
        parts = [self._pass(fields_bgr[start : start + self._chunk]) for start in starts]
        table = np.concatenate(parts) if parts else np.empty((0, WIDTH))
        return Outputs(*columns(table))

    def judge(
        self, crops_bgr: Sequence[NDArray[np.uint8]], stains: Sequence[Stain | None] | None = None
    ) -> list[Judgement]:
        """Judge n crops, each without regard to the others.

        Parameters
        ----------
        crops_bgr : sequence of n uint8 arrays of shape [750, 750, 3]
            Light flattened, cell in the middle, as `smearwatch.capture.vision.crop.cut_crop` makes them.
        stains : sequence of n Stain or None, optional
            The session's at each cell, None where it is not known. Weights without a reference stain have no use for
            them; for others a cell without one is judged as photographed.

        Returns
        -------
        list of n Judgement

        Raises
        ------
        ValueError
            Where a crop's shape or type is another one, or there are not as many stains as crops.
        """
        fields = self._shrunken(crops_bgr)
        restained = self._restain(fields, [None] * len(fields) if stains is None else stains)
        found = self._run(fields)
        rows = zip(fields, found.probabilities, found.verifiers, found.reject_scores, restained, strict=True)
        return [
            self._judge_one(field, _rounded(p), _rounded(v), round(float(r), _DECIMALS), restained=was)
            for field, p, v, r, was in rows
        ]

    def _restain(self, fields_bgr: NDArray[np.uint8], stains: Sequence[Stain | None]) -> list[bool]:
        """Bring shrunken crops from their session's stain to the weights' in place; return for each whether it was."""
        reference = self.preprocessing.reference_stain
        done = []
        for field, stain in zip(fields_bgr, stains, strict=True):
            to_reference = None if reference is None or stain is None else reference_map(stain, reference)
            if to_reference is not None:
                field[:] = to_reference.apply(field)
            done.append(to_reference is not None)
        return done

    def _shrunken(self, crops_bgr: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """Bring crops to the networks' scale: uint8 [n, field_px, field_px, 3]."""
        if not crops_bgr:
            return np.empty((0, 1, 1, 3), dtype=np.uint8)
        return np.stack([shrink(crop, self.preprocessing) for crop in crops_bgr])

    def _judge_one(
        self,
        field_bgr: NDArray[np.uint8],
        probabilities: PerClass,
        verifiers: PerClass,
        reject_score: float,
        *,
        restained: bool,
    ) -> Judgement:
        look = self._look(field_bgr)
        unfamiliar = self._is_unfamiliar(look) or (self.preprocessing.reference_stain is not None and not restained)
        decision = decide(probabilities, verifiers, reject_score, self._manifest.policy, unfamiliar=unfamiliar)
        cls = CLASSES[decision.index]
        return Judgement(cls, decision.verdict, probabilities, verifiers, reject_score, look, restained, unfamiliar)

    def _look(self, field_bgr: NDArray[np.uint8]) -> dict[str, float]:
        return appearance_features(field_bgr, self.preprocessing.um_per_px)

    def _is_unfamiliar(self, look: dict[str, float]) -> bool:
        beyond = self._manifest.policy.unfamiliar_beyond
        return beyond is not None and is_unfamiliar(look, self._manifest.ranges or (), beyond)

    def _pass(self, fields_bgr: NDArray[np.uint8]) -> NDArray[np.float64]:
        views = normalise(to_tensor(view(fields_bgr, self.preprocessing)), self.preprocessing)
        missing = self._chunk - len(fields_bgr)
        if missing:
            views = torch.cat([views, views[:1].expand(missing, -1, -1, -1)])
        with torch.inference_mode():
            batch = views.to(self._device).contiguous(memory_format=torch.channels_last)
            answer = self._resnet(batch)
            probabilities = (answer.class_logits.double() / self._manifest.temperature).softmax(dim=1)
            verifiers = self._bank(batch).double().sigmoid()
            reject = answer.reject_logits.double().sigmoid()
            table = side_by_side(probabilities, verifiers, reject).cpu().numpy()
        return np.asarray(table[: len(fields_bgr)], dtype=np.float64)


def _rounded(row: NDArray[np.float64]) -> PerClass:
    return per_class(round(float(value), _DECIMALS) for value in row)
