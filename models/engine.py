"""The inference engine: crops in, judgements out, the same for a crop whatever came beside it."""

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.models import checkpoint
from smearwatch.models.checkpoint import Networks
from smearwatch.models.compiled import Compiled, CompiledStages, is_installed, word_of
from smearwatch.models.fused import fuse
from smearwatch.models.graphed import Graphed
from smearwatch.models.judgement import Judgement, is_beyond, judge_field, look_of
from smearwatch.models.manifest import Manifest
from smearwatch.models.output_table import WIDTH, columns, side_by_side
from smearwatch.models.outputs import Outputs
from smearwatch.models.preprocess import Preprocessing, normalise, normalise_views, shrink, to_tensor, view
from smearwatch.models.preprocess import Stain as Stain
from smearwatch.models.reference_stain import reference_map
from smearwatch.models.session_statistics import FirstStages, looks_strange, pooled
from smearwatch.models.session_statistics import SessionMoments as SessionMoments

DeviceName = Literal["auto", "cpu", "cuda"]
EngineKind = Literal["eager", "fused", "bf16", "openvino", "onnx", "graph"]
"""How the networks are run: layer by layer as they were trained, the reference; on a processor fused, or fused in half
precision, or by a runtime that comes as an extra; on a graphics card as a CUDA graph."""
KINDS: Final[dict[str, tuple[EngineKind, ...]]] = {"cpu": ("fused", "bf16", "openvino", "onnx"), "cuda": ("graph",)}
"""By device, beside the reference."""

# A network's arithmetic may depend on the size of the batch (another kernel, another order of sums), so every
# pass has one size, filled up where crops are few. One at a time costs a CPU little and answers a lone cell soonest.
_CHUNK = {"cpu": 1, "cuda": 32}


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
        self._resnet = networks.resnet.to(device).to(memory_format=layout)
        self._bank = networks.bank.to(device).to(memory_format=layout)
        self._chunk = _CHUNK[device.type]
        self._weights_id = networks.manifest.weights_id()
        use = networks.manifest.session_statistics
        self._first_stages = None if use is None else FirstStages(self._resnet, use)
        if use is not None and compiled is not None:
            self._first_stages = CompiledStages(networks, compiled)
        self._compiled = compiled
        self._graph: Graphed | None = None

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
        networks = Networks(copy.deepcopy(self._resnet), copy.deepcopy(self._bank), self._manifest)
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
        found = Outputs(*columns(self._tables(fields_bgr, self._in_use(session))))
        if self._manifest.policy.unfamiliar_beyond is None:
            return found
        by_session = self._in_use(session) is not None
        nobody = np.zeros(len(fields_bgr), dtype=np.bool_)
        return replace(found, unfamiliar=nobody if by_session else self._unfamiliar(fields_bgr))

    def session_of(self, fields_bgr: NDArray[np.uint8]) -> SessionMoments | None:
        """Return the statistics that n cells of a session have together; None where weights ask for none, or n is 0.

        Parameters
        ----------
        fields_bgr : uint8 array of shape [n, field_px, field_px, 3]
            At the networks' scale, and brought to the weights' reference stain where they have one.
        """
        if self._first_stages is None or not len(fields_bgr):
            return None
        strange = sum(looks_strange(look_of(each, self._manifest), self._manifest) for each in fields_bgr)
        return pooled(self._measure(fields_bgr), self._weights_id, strange)

    def _in_use(self, session: SessionMoments | None) -> SessionMoments | None:
        """Return a session's statistics where these weights are to use them."""
        stages = self._first_stages
        return session if stages is not None and stages.is_used(session, self._weights_id) else None

    def _tables(self, fields_bgr: NDArray[np.uint8], session: SessionMoments | None) -> NDArray[np.float64]:
        """Run both networks over n crops of one session."""
        stages = self._first_stages
        with nullcontext() if stages is None or session is None else stages.using(session.values):
            parts = [self._pass(chunk) for chunk in self._chunks(fields_bgr)]
        return np.concatenate(parts) if parts else np.empty((0, WIDTH))

    def _measure(self, fields_bgr: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Measure n crops in the first stages as they were trained: [n, 2, channels]; only where the weights ask."""
        assert self._first_stages is not None
        with torch.inference_mode():
            parts = [self._first_stages.measure(self._batch(chunk))[: len(chunk)] for chunk in self._chunks(fields_bgr)]
        return np.concatenate(parts)

    def _chunks(self, fields_bgr: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        return [fields_bgr[start : start + self._chunk] for start in range(0, len(fields_bgr), self._chunk)]

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
        used = [self._in_use(each) for each in ([None] * len(fields) if sessions is None else sessions)]
        tables, moments = self._run(fields, used)
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

    def _run(
        self, fields_bgr: NDArray[np.uint8], used: Sequence[SessionMoments | None]
    ) -> tuple[NDArray[np.float64], Sequence[NDArray[np.float16] | None]]:
        """Run both networks over n crops, each with its session's statistics, and measure each in the first stages."""
        if len(used) != len(fields_bgr):
            raise ValueError(f"{len(used)} sessions for {len(fields_bgr)} crops")
        if self._first_stages is None:
            return self._tables(fields_bgr, None), [None] * len(fields_bgr)
        tables = np.empty((len(fields_bgr), WIDTH))
        moments: list[NDArray[np.float16] | None] = [None] * len(fields_bgr)
        for session in {id(each): each for each in used}.values():
            at = [index for index, each in enumerate(used) if each is session]
            tables[at], measured = self._run_alike(fields_bgr[at], session)
            for index, row in zip(at, measured, strict=True):
                moments[index] = row
        return tables, moments

    def _run_alike(
        self, fields_bgr: NDArray[np.uint8], session: SessionMoments | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float16]]:
        """Run over crops of one session; without its statistics they are measured as they pass."""
        if session is not None or self._kind == "graph":
            return self._tables(fields_bgr, session), self._measure(fields_bgr)
        assert self._first_stages is not None
        tables, moments = [], []
        for chunk in self._chunks(fields_bgr):
            with self._first_stages.measuring() as measured:
                tables.append(self._pass(chunk))
            moments.append(measured.values()[: len(chunk)])
        return np.concatenate(tables), np.concatenate(moments)

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

    def _batch(self, fields_bgr: NDArray[np.uint8]) -> torch.Tensor:
        """Make the networks' input of at most one chunk, filled up to it with its first crop."""
        seen = view(fields_bgr, self.preprocessing)
        if self._kind == "graph":
            views = normalise(to_tensor(seen).pin_memory().to(self._device, non_blocking=True), self.preprocessing)
        else:
            views = normalise_views(seen, self.preprocessing)
        missing = self._chunk - len(fields_bgr)
        if missing:
            views = torch.cat([views, views[:1].expand(missing, -1, -1, -1)])
        return views.to(self._device).contiguous(memory_format=torch.channels_last)

    def _pass(self, fields_bgr: NDArray[np.uint8]) -> NDArray[np.float64]:
        with torch.inference_mode():
            batch = self._batch(fields_bgr)
            if self._kind == "graph" and self._graph is None:
                self._graph = Graphed(self._answer, batch)
            table = (self._graph or self._answer)(batch).cpu().numpy()
        return np.asarray(table[: len(fields_bgr)], dtype=np.float64)

    def _answer(self, batch: torch.Tensor) -> torch.Tensor:
        if self._compiled is not None:
            answer, verifier_logits = self._compiled(batch)
        else:
            answer, verifier_logits = self._resnet(batch), self._bank(batch)
        probabilities = (answer.class_logits.double() / self._manifest.temperature).softmax(dim=1)
        verifiers = verifier_logits.double().sigmoid()
        return side_by_side(probabilities, verifiers, answer.reject_logits.double().sigmoid())


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
