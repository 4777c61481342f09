"""Layers as a model in the form ONNX, made in memory: both runtimes that are extras read it, and no package is needed.

ONNX is a protocol buffer; of its messages only those few fields are written that such a model has.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from smearwatch.models.layer_graph import VIEWS, Conv, Layer, Pool, Scale

NORMS: Final = "norms"
"""Name of the input with the factors and summands of all `Scale` layers: float32 [1, 2 * channels, 1, 1]."""
ANSWER: Final = "answer"
"""Name of the output with what was asked for, side by side: float32 [n, channels, 1, 1]."""
MOMENTS: Final = "moments"
"""Name of the output with each channel's mean, then each one's mean square: float32 [n, 2 * channels, 1, 1]."""

_IR_VERSION, _OPSET = 8, 13
_FLOAT, _INTS_64 = 1, 7  # of TensorProto.DataType
_INT, _INTS = 2, 7  # of AttributeProto.AttributeType
_VARINT, _BYTES = 0, 2  # wire types of a protocol buffer


def model_bytes(
    layers: Sequence[Layer],
    view_px: int,
    *,
    answers: Sequence[str],
    measured: Sequence[tuple[str, int]],
    views: int = 1,
) -> bytes:
    """Return a model that runs layers on views.

    Parameters
    ----------
    layers
        Each after its sources.
    view_px
        Side of the view.
    answers
        Layers whose results are the output `ANSWER`; none: no such output.
    measured
        Name and channels of each `Scale` layer, in the order of the input `NORMS`. What goes into them is measured:
        the output `MOMENTS`. None: neither that input nor that output.
    views
        How many go in at once.
    """
    graph = _Graph()
    sources = {layer.name: layer.source for layer in layers if isinstance(layer, Scale)}
    channels = sum(width for _, width in measured)
    if measured:
        graph.start(f"{NORMS}_split", np.array([width for _, width in measured] * 2, dtype=np.int64))
        names = [f"{name}.{part}" for part in ("factor", "summand") for name, _ in measured]
        graph.add("Split", (NORMS, f"{NORMS}_split"), *names, axis=1)
    for layer in layers:
        _add(graph, layer)
    outputs = []
    if answers:
        graph.add("Concat", answers, ANSWER, axis=1)
        width = sum(len(layer.bias) for layer in layers if isinstance(layer, Conv) and layer.name in answers)
        outputs.append((ANSWER, (views, width, 1, 1)))
    if measured:
        of_each = [sources[name] for name, _ in measured]
        for source in of_each:
            graph.add("ReduceMean", (source,), f"{source}.mean", axes=(2, 3), keepdims=1)
            graph.add("Mul", (source, source), f"{source}.squared")
            graph.add("ReduceMean", (f"{source}.squared",), f"{source}.square", axes=(2, 3), keepdims=1)
        parts = [f"{source}.{part}" for part in ("mean", "square") for source in of_each]
        graph.add("Concat", parts, MOMENTS, axis=1)
        outputs.append((MOMENTS, (views, 2 * channels, 1, 1)))
    inputs = [(VIEWS, (views, 3, view_px, view_px)), *([(NORMS, (1, 2 * channels, 1, 1))] if measured else [])]
    return graph.model(inputs, outputs)


class _Graph:
    """Nodes and constants of a graph, as they are written."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def start(self, name: str, values: np.ndarray) -> None:
        """Name a constant."""
        kind = _FLOAT if values.dtype == np.float32 else _INTS_64
        dims = b"".join(_number(1, each) for each in values.shape)
        raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
        self._constants.append(_part(5, dims + _number(2, kind) + _text(8, name) + _part(9, raw)))

    def add(self, operator: str, sources: Iterable[str], *results: str, **how: int | Sequence[int]) -> None:
        """Add a node: an operator of ONNX, what goes into it, what comes out, and its attributes."""
        ends = b"".join(_text(1, each) for each in sources) + b"".join(_text(2, each) for each in results)
        attributes = b"".join(_part(5, _attribute(name, value)) for name, value in how.items())
        self._nodes.append(_part(1, ends + _text(3, results[0]) + _text(4, operator) + attributes))

    def model(self, inputs: Sequence[tuple[str, Sequence[int]]], outputs: Sequence[tuple[str, Sequence[int]]]) -> bytes:
        """Return the whole model, for inputs and outputs of these names and shapes."""
        ends = [_part(11, _end(*each)) for each in inputs] + [_part(12, _end(*each)) for each in outputs]
        graph = b"".join([*self._nodes, _text(2, "networks"), *self._constants, *ends])
        return _number(1, _IR_VERSION) + _part(7, graph) + _part(8, _text(1, "") + _number(2, _OPSET))


def _add(graph: _Graph, layer: Layer) -> None:
    if isinstance(layer, Pool):
        if layer.kernel is None:
            graph.add("GlobalAveragePool", (layer.source,), layer.name)
            return
        operator = "MaxPool" if layer.kind == "max" else "AveragePool"
        graph.add(operator, (layer.source,), layer.name, **_window(layer.kernel, layer.stride, layer.padding))
        return
    later = [*(["Add"] if layer.beside is not None else []), *(["Relu"] if layer.relu else [])]
    names = [*(f"{layer.name}.{each}" for each in range(len(later))), layer.name]
    if isinstance(layer, Conv):
        graph.start(f"{layer.name}.weight", layer.weight)
        graph.start(f"{layer.name}.bias", layer.bias)
        window = _window(layer.weight.shape[-1], layer.stride, layer.padding)
        sources = (layer.source, f"{layer.name}.weight", f"{layer.name}.bias")
        graph.add("Conv", sources, names[0], group=layer.groups, **window)
    else:
        graph.add("Mul", (layer.source, f"{layer.name}.factor"), f"{layer.name}.times")
        graph.add("Add", (f"{layer.name}.times", f"{layer.name}.summand"), names[0])
    for operator, before, after in zip(later, names[:-1], names[1:], strict=True):
        beside = (layer.beside,) if operator == "Add" and layer.beside is not None else ()
        graph.add(operator, (before, *beside), after)


def _window(kernel: int, stride: int, padding: int) -> dict[str, Sequence[int]]:
    return {"kernel_shape": (kernel,) * 2, "strides": (stride,) * 2, "pads": (padding,) * 4}


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _INT)
    return _text(1, name) + b"".join(_number(8, each) for each in value) + _number(20, _INTS)


def _end(name: str, shape: Sequence[int]) -> bytes:
    dims = b"".join(_part(1, _number(1, each)) for each in shape)
    return _text(1, name) + _part(2, _part(1, _number(1, _FLOAT) + _part(2, dims)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _part(field, value.encode())


def _part(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Return a number, 0 or more, in groups of seven bits, the lowest first."""
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)
