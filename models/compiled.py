"""The networks in a runtime that comes as an extra, OpenVINO or ONNX Runtime, on a processor.

Neither is imported before it is asked for. The model is made in memory from the weights that are loaded (see
`smearwatch.models.onnx_bytes`): no other file decides anything. Both would tell their makers of each start, over the
network; they are kept from it before they are imported.
"""

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from smearwatch.models.beside import Beside
from smearwatch.models.checkpoint import Networks
from smearwatch.models.classes import CLASSES
from smearwatch.models.layer_graph import RESNET, VERIFIERS, VIEWS, Floats, layers_of
from smearwatch.models.onnx_bytes import ANSWER, MOMENTS, NORMS, model_bytes
from smearwatch.models.resnet import ResNetAnswer
from smearwatch.models.session_statistics import FirstStages, as_recorded, normalisations

RuntimeName = Literal["openvino", "onnx"]
PACKAGES: Final[dict[RuntimeName, str]] = {"openvino": "openvino", "onnx": "onnxruntime"}
"""The package that each extra brings."""

_LONGEST_WORD: Final = 24

Run = Callable[[dict[str, Floats]], dict[str, Floats]]
"""Takes inputs by name to outputs by name."""


class ExtraMissing(LookupError):
    """An engine whose package is not installed."""

    def __init__(self, runtime: RuntimeName) -> None:
        install = f"pip install 'smearwatch[{runtime}]'"
        super().__init__(f"{PACKAGES[runtime]} is not installed ({install})")


def is_installed(runtime: RuntimeName) -> bool:
    """Return whether a runtime is installed; it is not imported."""
    return importlib.util.find_spec(PACKAGES[runtime]) is not None


def word_of(runtime: RuntimeName) -> str:
    """Return a runtime and its version in one word of small letters, digits and `_`, at most 24, for the record."""
    return re.sub(r"[^a-z0-9]+", "_", f"{runtime}_{version(PACKAGES[runtime])}".lower())[:_LONGEST_WORD].rstrip("_")


class Compiled:
    """Both networks in a runtime, one view at a time.

    Parameters
    ----------
    networks
        In evaluation mode, on the processor. The statistics that their first stages have at each pass are used.
    runtime
        Which one.

    Raises
    ------
    ExtraMissing
        It is not installed.
    GraphImpossible
        These networks are not made of layers that it is given.
    """

    def __init__(self, networks: Networks, runtime: RuntimeName) -> None:
        if not is_installed(runtime):
            raise ExtraMissing(runtime)
        self._run_of = _OF[runtime]
        use = networks.manifest.session_statistics
        self._norms = {} if use is None else normalisations(networks.resnet, use)
        measured = [(name, layer.num_features) for name, layer in self._norms.items()]
        layers, first = layers_of(networks)
        side = networks.manifest.preprocessing.view_px
        self._whole = self._run_of(model_bytes(layers, side, answers=(RESNET, VERIFIERS), measured=measured))
        self._first_bytes = model_bytes(layers[:first], side, answers=(), measured=measured) if measured else b""
        self._first: Run | None = None
        self._moments: Floats | None = None

    def __call__(self, views: torch.Tensor) -> tuple[ResNetAnswer, torch.Tensor]:
        """Answer for a normalised view [1, 3, h, w], as both networks do."""
        found = self._whole(self._inputs(views))
        self._moments = found.get(MOMENTS)
        logits = torch.from_numpy(found[ANSWER]).flatten(1)
        classes = len(CLASSES)
        return ResNetAnswer(logits[:, :classes], logits[:, classes]), logits[:, classes + 1 :]

    def measure(self, views: torch.Tensor) -> NDArray[np.float16]:
        """Measure a view in the first stages alone: float16 [1, 2, channels]."""
        if self._first is None:
            self._first = self._run_of(self._first_bytes)
        self._moments = self._first(self._inputs(views))[MOMENTS]
        return self.values()

    def values(self) -> NDArray[np.float16]:
        """Return what the last pass measured: see `smearwatch.models.session_statistics.Measured.values`."""
        assert self._moments is not None
        mean, square = self._moments.reshape(1, 2, -1).transpose(1, 0, 2)
        return as_recorded(mean, square)

    def _inputs(self, views: torch.Tensor) -> dict[str, Floats]:
        given = {VIEWS: np.ascontiguousarray(views.numpy())}
        return given | {NORMS: self._factors()} if self._norms else given

    def _factors(self) -> Floats:
        """Return what the normalisations of the first stages, as they are now, do: float32 [1, 2 * channels, 1, 1]."""
        layers = list(self._norms.values())
        weight, bias, mean, variance = (
            torch.cat([getattr(each, name) for each in layers]).detach()
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        factor = weight * torch.rsqrt(variance + layers[0].eps)
        return np.asarray(torch.cat([factor, bias - mean * factor]).view(1, -1, 1, 1).numpy())


class CompiledStages(FirstStages):
    """The first stages, which a compiled model measures.

    Parameters
    ----------
    networks
        What the model was made of, with how it uses a session's statistics.
    compiled
        The model.
    """

    def __init__(self, networks: Networks, compiled: Compiled) -> None:
        assert networks.manifest.session_statistics is not None
        super().__init__(networks.resnet, networks.manifest.session_statistics)
        self._compiled = compiled

    def measure(self, views: torch.Tensor) -> NDArray[np.float16]:
        """Measure a cell alone, for a view [1, 3, h, w]."""
        return self._compiled.measure(views)

    @contextmanager
    def measuring(self, _: Beside | None = None) -> Iterator[Compiled]:
        """Measure the cell of a pass: every pass of the model does."""
        yield self._compiled


def _openvino(model: bytes, precision: str = "f32") -> Run:
    # It counts its users through this package, and goes without where it is not there.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    from openvino import Core

    core = Core()
    asked = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # several workers would stand on the same core
    }
    request = core.compile_model(core.read_model(model), "CPU", asked).create_infer_request()

    def run(given: dict[str, Floats]) -> dict[str, Floats]:
        found = request.infer(given, share_inputs=True)
        return {port.any_name: np.array(values) for port, values in found.items()}

    return run


def _onnx(model: bytes) -> Run:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]

    def run(given: dict[str, Floats]) -> dict[str, Floats]:
        return dict(zip(names, session.run(names, given), strict=True))

    return run


_OF: Final[dict[RuntimeName, Callable[[bytes], Run]]] = {"openvino": _openvino, "onnx": _onnx}
