"""The inference engine: crops in, judgements out, the same for a crop whatever came beside it."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.models import checkpoint
from smearwatch.models.checkpoint import Networks
from smearwatch.models.compiled import Compiled, is_installed, word_of
from smearwatch.models.fused import fuse
from smearwatch.models.judgement import Judgement, is_beyond, judge_field, look_of
from smearwatch.models.manifest import Manifest
from smearwatch.models.output_table import columns
from smearwatch.models.outputs import Outputs
from smearwatch.models.passes import EngineKind as EngineKind
from smearwatch.models.passes import Passes
from smearwatch.models.preprocess import Preprocessing, shrink
from smearwatch.models.preprocess import Stain as Stain
from smearwatch.models.reference_stain import reference_map
from smearwatch.models.session_statistics import SessionMoments as SessionMoments
from smearwatch.models.session_statistics import looks_strange, pooled

DeviceName = Literal["auto", "cpu", "cuda"]
KINDS: Final[dict[str, tuple[EngineKind, ...]]] = {"cpu": ("fused", "bf16", "openvino", "onnx"), "cuda": ("graph",)}
"""By device, beside the reference."""


class DeviceMissing(LookupError):
    """A device to compute on that is not here."""

    hint = "use --device auto or cpu"

    def __init__(self, device: str, why: str = "") -> None:
        here = "cpu and cuda" if torch.cuda.is_available() else "cpu alone"
        super().__init__(why or f"no device {device!r} here: there is {here}")


class Engine:
    """ResNet and verifiers on one device. Not to be shared between threads.

    Loading sets torch to one thread in this process and asks for deterministic kernels.
    """

    def __init__(
        self,
        networks: Networks,
        device: torch.device,
        kind: EngineKind = "eager",
        compiled: Compiled | None = None,
    ) -> None:
        self._kind: EngineKind = kind
        self._manifest = networks.manifest
        self._device = device
        layout = torch.channels_last
        for network in (networks.resnet, networks.bank):
            network.to(device).to(memory_format=layout)
        self._networks = networks
        self._weights_id = networks.manifest.weights_id()
        self._passes = Passes(networks, device, kind, compiled)

    @classmethod
    def load(cls, weights_dir: Path, *, device: str = "auto") -> "Engine":
        """Load weights onto a device, to be run by the reference.

        Parameters
        ----------
        weights_dir
            Folder with manifest and tensors.
        device
            "cpu", "cuda", "cuda:1" for one of several, or "auto": CUDA where there is one. Single precision on all.

        Raises
        ------
        WeightsUnusable
            Where the weights are unfit.
        DeviceMissing
            Where the device asked for is not there.
        """
        chosen = _chosen(device)
        networks = checkpoint.load(weights_dir)
        # One crop at a time gains nothing from a second thread, and on a shared machine threads that spin for each
        # other can cost thirty times the work; more cores are used by more workers.
        torch.set_num_threads(1)
        if chosen.type == "cuda":
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.allow_tf32 = False
        return cls(networks, chosen)

    def of_kind(self, kind: EngineKind) -> "Engine":
        """Return an engine with the weights of this one, which is eager, that runs them otherwise.

        `smearwatch.models.engine_choice` holds it against this one before it is used.

        Raises
        ------
        DeviceMissing
            Where there is none of that kind for this device.
        ExtraMissing
            Where it is of an extra that is not installed.
        GraphImpossible
            Where it cannot run such networks.
        """
        networks = Networks(copy.deepcopy(self._networks.resnet), copy.deepcopy(self._networks.bank), self._manifest)
        if kind not in KINDS[self.device]:
            raise DeviceMissing(self.device, f"there is no engine {kind} for {self.device}")
        if kind == "openvino" or kind == "onnx":
            return Engine(networks, self._device, kind, Compiled(networks, kind))
        if kind in KINDS["cpu"]:
            networks = fuse(networks, "bfloat16" if kind == "bf16" else "float32")
        return Engine(networks, self._device, kind)

    @property
    def weights_id(self) -> str:
        """SHA-256 (hex) over everything in the weights that decides a verdict."""
        return self._weights_id

    @property
    def manifest(self) -> Manifest:
        """The manifest of the loaded weights."""
        return self._manifest

    @property
    def preprocessing(self) -> Preprocessing:
        """How a crop becomes the networks' input."""
        return self._manifest.preprocessing

    @property
    def kind(self) -> EngineKind:
        """How the networks are run."""
        return self._kind

    @property
    def recorded_as(self) -> str | None:
        """Name of the engine as a verdict's record has it; None for the reference, as before there were others.

        That of an extra has its version, for another one may have other last digits.
        """
        if self._kind == "eager":
            return None
        return word_of(self._kind) if self._kind == "openvino" or self._kind == "onnx" else self._kind

    @property
    def most_at_once(self) -> int:
        """How many crops go through the networks together at most."""
        return self._passes.most_at_once

    def take_batches(self, fields_bgr: NDArray[np.uint8]) -> None:
        """Let several crops go through the networks together, where some cells get the same bits so as alone.

        Parameters
        ----------
        fields_bgr : uint8 array of shape [n, field_px, field_px, 3]
            Any cells, four or more.
        """
        self._passes.take_batches(fields_bgr)

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

    def outputs_of_fields(self, fields_bgr: NDArray[np.uint8], session: SessionMoments | None = None) -> Outputs:
        """Run both networks over n crops that are shrunken already, as training caches them.

        Parameters
        ----------
        fields_bgr : uint8 array of shape [n, field_px, field_px, 3]
        session
            The statistics of the session that all of them are of, None where they are not known.
        """
        found = Outputs(*columns(self._passes.tables(fields_bgr, self._passes.in_use(session))))
        if self._manifest.policy.unfamiliar_beyond is None:
            return found
        by_session = self._passes.in_use(session) is not None
        nobody = np.zeros(len(fields_bgr), dtype=np.bool_)
        return replace(found, unfamiliar=nobody if by_session else self._unfamiliar(fields_bgr))

    def session_of(self, fields_bgr: NDArray[np.uint8]) -> SessionMoments | None:
        """Return the statistics that n cells of a session have together; None where weights ask for none, or n is 0.

        Parameters
        ----------
        fields_bgr : uint8 array of shape [n, field_px, field_px, 3]
            At the networks' scale, and brought to the weights' reference stain where they have one.
        """
        if self._passes.first_stages is None or not len(fields_bgr):
            return None
        strange = sum(looks_strange(look_of(each, self._manifest), self._manifest) for each in fields_bgr)
        return pooled(self._passes.measure(fields_bgr), self._weights_id, strange)

    def _unfamiliar(self, fields_bgr: NDArray[np.uint8]) -> NDArray[np.bool_]:
        beyond = [is_beyond(look_of(each, self._manifest), self._manifest) for each in fields_bgr]
        return np.array(beyond, dtype=np.bool_)

    def judge(
        self,
        crops_bgr: Sequence[NDArray[np.uint8]],
        stains: Sequence[Stain | None] | None = None,
        sessions: Sequence[SessionMoments | None] | None = None,
    ) -> list[Judgement]:
        """Judge n crops, each without regard to the others.

        Parameters
        ----------
        crops_bgr : sequence of n uint8 arrays of shape [750, 750, 3]
            Light flattened, cell in the middle, as `smearwatch.capture.vision.crop.cut_crop` makes them.
        stains : sequence of n Stain or None, optional
            The session's at each cell, None where it is not known. Weights without a reference stain have no use for
            them; for others a cell without one is judged as photographed.
        sessions : sequence of n SessionMoments or None, optional
            What the session's cells before each cell show, None where it is not known. Weights that do not ask for it
            have no use for it, and no others than those it was measured in.

        Returns
        -------
        list of n Judgement

        Raises
        ------
        ValueError
            Where a crop's shape or type is another one, or there are not as many stains or sessions as crops.
        """
        fields = self._shrunken(crops_bgr)
        restained = self._restain(fields, [None] * len(fields) if stains is None else stains)
        used = [self._passes.in_use(each) for each in ([None] * len(fields) if sessions is None else sessions)]
        tables, moments = self._passes.run(fields, used)
        found = Outputs(*columns(tables))
        return [
            judge_field(
                each,
                self._manifest,
                found.at([index]),
                restained=restained[index],
                statistics_cells=0 if session is None else session.cells,
                moments=moments[index],
            )
            for index, (each, session) in enumerate(zip(fields, used, strict=True))
        ]

    def _restain(self, fields_bgr: NDArray[np.uint8], stains: Sequence[Stain | None]) -> list[bool]:
        """Bring shrunken crops from their session's stain to the weights' in place; return for each whether it was."""
        reference = self.preprocessing.reference_stain
        done = []
        for each, stain in zip(fields_bgr, stains, strict=True):
            to_reference = None if reference is None or stain is None else reference_map(stain, reference)
            if to_reference is not None:
                each[:] = to_reference.apply(each)
            done.append(to_reference is not None)
        return done

    def _shrunken(self, crops_bgr: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """Bring crops to the networks' scale: uint8 [n, field_px, field_px, 3]."""
        if not crops_bgr:
            return np.empty((0, 1, 1, 3), dtype=np.uint8)
        return np.stack([shrink(crop, self.preprocessing) for crop in crops_bgr])


def is_here(kind: EngineKind) -> bool:
    """Return whether what an engine needs is installed."""
    return is_installed(kind) if kind == "openvino" or kind == "onnx" else True


def _chosen(device: str) -> torch.device:
    """Return the device of a name; raises `DeviceMissing`."""
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "cpu" or (device == "auto" and not cards):
        return torch.device("cpu")
    if device in ("auto", "cuda") and cards:
        return torch.device("cuda")
    if device.startswith("cuda:") and device[5:].isdecimal() and int(device[5:]) < cards:
        return torch.device(device)
    raise DeviceMissing(device)
