"""Passes of both networks: a row of numbers for each crop, and what it shows of the first stages.

A network's arithmetic may depend on the size of the batch (another kernel, another order of sums). So on a card every
pass has one size, filled up where crops are few. On a processor a pass is one crop, and several only where it was seen
that each gets the same bits so.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Final, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.models.beside import Beside, has_another_core
from smearwatch.models.checkpoint import Networks
from smearwatch.models.compiled import Compiled, CompiledStages
from smearwatch.models.graphed import Graphed
from smearwatch.models.output_table import WIDTH, side_by_side
from smearwatch.models.preprocess import normalise, normalise_views, to_tensor, view
from smearwatch.models.resnet import ResNetAnswer
from smearwatch.models.session_statistics import FirstStages, SessionMoments

EngineKind = Literal["eager", "fused", "bf16", "openvino", "onnx", "graph"]
"""How the networks are run: layer by layer as they were trained, the reference; on a processor fused, or fused in half
precision, or by a runtime that comes as an extra; on a graphics card as a CUDA graph."""

Found: TypeAlias = tuple[NDArray[np.float64], Sequence[NDArray[np.float16] | None]]
"""The table of n crops, [n, `WIDTH`], and what each shows of the first stages, [2, channels]; None where weights do not
ask."""

_SIZE: Final = {"cpu": 1, "cuda": 32}
_BATCHES: Final = (4, 2)


class Passes:
    """Both networks on one device.

    Parameters
    ----------
    networks
        On the device, channels last.
    device
        Theirs.
    kind
        How they are run.
    compiled
        What runs them instead, for the kinds that are extras.
    """

    def __init__(self, networks: Networks, device: torch.device, kind: EngineKind, compiled: Compiled | None) -> None:
        self._kind = kind
        self._manifest = networks.manifest
        self._preprocessing = networks.manifest.preprocessing
        self._device = device
        self._resnet, self._bank = networks.resnet, networks.bank
        self._sizes: tuple[int, ...] = (_SIZE[device.type],)
        self._weights_id = networks.manifest.weights_id()
        use = networks.manifest.session_statistics
        self.first_stages = None if use is None else FirstStages(networks.resnet, use)
        if use is not None and compiled is not None:
            self.first_stages = CompiledStages(networks, compiled)
        self._compiled = compiled
        self._graph: Graphed | None = None
        by_layers = device.type == "cpu" and compiled is None
        self._beside = Beside(in_a_thread=by_layers and has_another_core())
        self._share: tuple[bytes, float] = (b"", 0.0)
        if by_layers and self.first_stages is not None:
            self.first_stages.keep_as_trained()

    @property
    def most_at_once(self) -> int:
        """How many crops share a pass at most."""
        return self._sizes[0]

    def take_batches(self, fields_bgr: NDArray[np.uint8]) -> None:
        """Let several crops share a pass on a processor, where each gets the very bits from it that it gets alone.

        Which kernel does a layer, and in which order it adds, depends on sizes and never on what is in a picture. So
        some cells tell, by the last bit of all that is answered and measured.

        Parameters
        ----------
        fields_bgr : uint8 array of shape [n, field_px, field_px, 3]
            Any cells, four or more.
        """
        if self._device.type != "cpu" or self._compiled is not None:
            return
        nobody = [None] * len(fields_bgr)
        self._sizes = (1,)
        alone = self.run(fields_bgr, nobody)
        same = []
        for size in _BATCHES:
            self._sizes = (size, 1)
            try:
                together = self.run(fields_bgr[:size], nobody[:size])
            except Exception:  # noqa: BLE001, S112  # whatever a library fails with: one by one goes
                continue
            if _is_same((alone[0][:size], alone[1][:size]), together):
                same.append(size)
        self._sizes = (*same, 1)

    def in_use(self, session: SessionMoments | None) -> SessionMoments | None:
        """Return a session's statistics where these weights are to use them."""
        stages = self.first_stages
        return session if stages is not None and stages.is_used(session, self._weights_id) else None

    def tables(self, fields_bgr: NDArray[np.uint8], session: SessionMoments | None) -> NDArray[np.float64]:
        """Run over n crops of one session, by its statistics where there are any: [n, `WIDTH`]."""
        with self._using(session):
            parts = [self._pass(self.batch(chunk))[: len(chunk)] for chunk in self._chunks(fields_bgr)]
        return np.concatenate(parts) if parts else np.empty((0, WIDTH))

    def measure(self, fields_bgr: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Measure n crops in the first stages as they were trained: [n, 2, channels]; only where the weights ask."""
        stages = self.first_stages
        assert stages is not None
        with torch.inference_mode():
            parts = [stages.measure(self.batch(chunk))[: len(chunk)] for chunk in self._chunks(fields_bgr)]
        return np.concatenate(parts)

    def run(self, fields_bgr: NDArray[np.uint8], used: Sequence[SessionMoments | None]) -> Found:
        """Run over n crops, each by its session's statistics, and measure each in the first stages as trained."""
        if len(used) != len(fields_bgr):
            raise ValueError(f"{len(used)} sessions for {len(fields_bgr)} crops")
        if self.first_stages is None:
            return self.tables(fields_bgr, None), [None] * len(fields_bgr)
        tables = np.empty((len(fields_bgr), WIDTH))
        moments: list[NDArray[np.float16] | None] = [None] * len(fields_bgr)
        for session in {id(each): each for each in used}.values():
            at = [index for index, each in enumerate(used) if each is session]
            tables[at], measured = self._run_alike(self.first_stages, fields_bgr[at], session)
            for index, row in zip(at, measured, strict=True):
                moments[index] = row
        return tables, moments

    def batch(self, fields_bgr: NDArray[np.uint8]) -> torch.Tensor:
        """Make the input of one pass, filled up to its size with its first crop."""
        seen = view(fields_bgr, self._preprocessing)
        if self._kind == "graph":
            views = normalise(to_tensor(seen).pin_memory().to(self._device, non_blocking=True), self._preprocessing)
        else:
            views = normalise_views(seen, self._preprocessing)
        missing = self._sizes[-1] - len(fields_bgr)
        if missing > 0:
            views = torch.cat([views, views[:1].expand(missing, -1, -1, -1)])
        return views.to(self._device).contiguous(memory_format=torch.channels_last)

    def _run_alike(
        self, stages: FirstStages, fields_bgr: NDArray[np.uint8], session: SessionMoments | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float16]]:
        """Run over crops of one session, and measure them as they pass."""
        if self._kind == "graph" or (session is not None and not stages.keeps_as_trained):
            return self.tables(fields_bgr, session), self.measure(fields_bgr)
        measuring = stages.measuring if session is None else stages.measuring_as_trained
        tables, moments = [], []
        with self._using(session):
            for chunk in self._chunks(fields_bgr):
                with measuring(self._beside) as measured:
                    tables.append(self._pass(self.batch(chunk))[: len(chunk)])
                moments.append(measured.values()[: len(chunk)])
        return np.concatenate(tables), np.concatenate(moments)

    def _using(self, session: SessionMoments | None) -> AbstractContextManager[None]:
        """Give the networks a session's statistics for a while; None: leave them those of the training."""
        if self.first_stages is None or session is None:
            return nullcontext()
        values = session.values.tobytes()  # all cells of a block have the same
        if values != self._share[0]:
            self._share = values, self.first_stages.share(session.values)
        return self.first_stages.using(session.values, self._share[1])

    def _chunks(self, fields_bgr: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        chunks, left = [], fields_bgr
        while len(left):
            size = next((each for each in self._sizes if each <= len(left)), self._sizes[-1])
            chunks.append(left[:size])
            left = left[size:]
        return chunks

    def _pass(self, batch: torch.Tensor) -> NDArray[np.float64]:
        with torch.inference_mode():
            if self._kind == "graph" and self._graph is None:
                self._graph = Graphed(self._answer, batch)
            table = (self._graph or self._answer)(batch).cpu().numpy()
        return np.asarray(table, dtype=np.float64)

    def _answer(self, batch: torch.Tensor) -> torch.Tensor:
        if self._compiled is not None:
            return self._table(*self._compiled(batch))
        verified = self._beside.do(partial(self._bank, batch))
        features = self._resnet.body(batch)
        logits = verified()
        if self._device.type != "cpu":
            return self._table(self._resnet.answer(features), logits)
        # Small products and the last steps are done otherwise for several cells than for one: each by itself.
        rows = zip(features.split(1), logits.split(1), strict=True)
        return torch.cat([self._table(self._resnet.answer(each), verifiers) for each, verifiers in rows])

    def _table(self, answer: ResNetAnswer, verifier_logits: torch.Tensor) -> torch.Tensor:
        probabilities = (answer.class_logits.double() / self._manifest.temperature).softmax(dim=1)
        verifiers = verifier_logits.double().sigmoid()
        return side_by_side(probabilities, verifiers, answer.reject_logits.double().sigmoid())


def _is_same(one: Found, other: Found) -> bool:
    """Return whether two runs over the same cells gave the same bits."""
    pairs = zip((one[0], *one[1]), (other[0], *other[1]), strict=True)
    return all(a is b or (a is not None and b is not None and a.tobytes() == b.tobytes()) for a, b in pairs)
