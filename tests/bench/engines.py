"""What runs the networks, in turn: processor time a cell by batch, and answers to real cells beside the reference's.

``python -m tests.bench engines`` writes docs/performance/engine.json. Runtimes that are not installed are left out
(``.venv-engines/bin/python`` has them, see the Makefile); so is `torch.compile` where there is no compiler.
"""

import importlib
import json
import os
import platform
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

from smearwatch.models import checkpoint, compiled
from smearwatch.models.checkpoint import shipped_weights_dir
from smearwatch.models.compiled import Run, RuntimeName
from smearwatch.models.engine import KINDS, Engine, EngineKind, is_here
from smearwatch.models.engine_choice import WITHIN
from smearwatch.models.fused import fuse
from smearwatch.models.layer_graph import RESNET, VERIFIERS, VIEWS, Layer, layers_of
from smearwatch.models.onnx_bytes import ANSWER, model_bytes
from smearwatch.models.preprocess import normalise, shrink, to_tensor, view
from smearwatch.models.verdict import Decision, decide
from smearwatch.train.data.samples import cell_crop
from tests.bench.report import spread

BATCHES = (1, 4, 16, 32)
ROUNDS, WARMING = 25, 3
REAL = {"pbc": (0.095, 800), "raabin": (0.062, 250)}
OUT = Path(__file__).resolve().parents[2] / "docs" / "performance" / "engine.json"

Networks = Callable[[torch.Tensor], object]


class Whole(nn.Module):
    """Both networks, side by side: [n, 13] of class logits, verifiers and rejection."""

    def __init__(self, folder: Path, kind: str) -> None:
        super().__init__()
        networks = checkpoint.load(folder)
        if kind == "fused":
            # As where no session's statistics are asked for: what every runtime below may fold.
            manifest = networks.manifest.model_copy(update={"session_statistics": None})
            networks = fuse(checkpoint.Networks(networks.resnet, networks.bank, manifest))
        self.resnet = networks.resnet.to(memory_format=torch.channels_last)
        self.bank = networks.bank.to(memory_format=torch.channels_last)

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Answer for views [n, 3, h, w]."""
        answer = self.resnet(views)
        return torch.cat([answer.class_logits, self.bank(views), answer.reject_logits[:, None]], dim=1)


def main() -> None:
    """Measure, and write docs/performance/engine.json."""
    torch.set_num_threads(1)
    folder = shipped_weights_dir()
    reference = Engine.load(folder, device="cpu")
    engines: dict[EngineKind, Engine] = {"eager": reference}
    engines |= {kind: reference.of_kind(kind) for kind in KINDS["cpu"] if is_here(kind)}
    fields = _real_fields(engines["eager"])
    with torch.inference_mode():
        runtimes = _runtimes(folder)
        views = _views(engines["eager"], fields)
        found = {
            "machine": {
                "processor": _processor(),
                "cores": os.cpu_count(),
                "torch": torch.__version__,
                "engines": [each.recorded_as or each.kind for each in engines.values()],
                "others_at_work": round(os.getloadavg()[1], 1),
            },
            "single_precision_gflops": _gflops(torch.float32),
            "half_precision_gflops": _gflops(torch.bfloat16),
            "crop_to_verdict": _judging(engines),
            "networks": {str(batch): _by_batch(runtimes, views, batch) for batch in BATCHES},
            "answers": _answers(engines, fields),
            "answers_of_runtimes": _runtimes_answers(engines["eager"], runtimes, views),
        }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def _judging(engines: Mapping[EngineKind, Engine]) -> dict[str, Any]:
    """Return the processor's time from a crop to its verdict, and how many times as quick it is as the reference."""
    crop = np.random.default_rng(1).integers(0, 255, (750, 750, 3), dtype=np.uint8)
    return _in_turn({kind: partial(engine.judge, [crop]) for kind, engine in engines.items()}, 1)


def _by_batch(runtimes: dict[str, Networks], views: torch.Tensor, batch: int) -> dict[str, Any]:
    given = views[:batch].contiguous(memory_format=torch.channels_last)
    return _in_turn({name: partial(run, given) for name, run in runtimes.items()}, batch)


def _in_turn(ways: Mapping[str, Callable[[], object]], cells: int) -> dict[str, Any]:
    took: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(WARMING + max(5, ROUNDS // cells)):
        for name, way in ways.items():
            began_s = time.process_time()
            way()
            if turn >= WARMING:
                took[name].append((time.process_time() - began_s) / cells)
    return {
        name: {
            "cpu_ms_a_cell": round(median(values) * 1000.0, 2),
            "times_as_quick": _rounded(spread([a / b for a, b in zip(took["eager"], values, strict=True)])),
        }
        for name, values in took.items()
    }


def _rounded(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) for name, value in figures.items()}


def _runtimes(folder: Path) -> dict[str, Networks]:
    """Return what can run both networks here, by its name."""
    found: dict[str, Networks] = {"eager": Whole(folder, "eager"), "fused": Whole(folder, "fused")}
    half = Whole(folder, "eager").to(torch.bfloat16)
    found["bfloat16 throughout"] = lambda views: half(views.bfloat16()).float()
    if shutil.which("g++") is not None:
        setattr(importlib.import_module("torch._inductor.config"), "freezing", True)  # noqa: B010  # it has no type
        found["torch.compile"] = torch.compile(Whole(folder, "eager"), dynamic=False)
    return found | _of_a_graph(folder)


def _of_a_graph(folder: Path) -> dict[str, Networks]:
    """Return both networks in each extra that is installed; a graph for each size of a batch."""
    loaded = checkpoint.load(folder)
    # As where no session's statistics are asked for: everything is folded.
    manifest = loaded.manifest.model_copy(update={"session_statistics": None})
    layers, _ = layers_of(checkpoint.Networks(loaded.resnet, loaded.bank, manifest))
    ways: dict[str, tuple[RuntimeName, Callable[[bytes], Run]]] = {
        "onnxruntime": ("onnx", compiled._onnx),
        "openvino": ("openvino", compiled._openvino),
        "openvino bf16": ("openvino", partial(compiled._openvino, precision="bf16")),
    }
    return {name: _ByBatch(layers, make) for name, (runtime, make) in ways.items() if compiled.is_installed(runtime)}


class _ByBatch:
    """A runtime with a model for each size of a batch that it has met."""

    def __init__(self, layers: list[Layer], make: Callable[[bytes], Run]) -> None:
        self._layers, self._make = layers, make
        self._models: dict[int, Run] = {}

    def __call__(self, views: torch.Tensor) -> np.ndarray:
        count, _, side, _ = views.shape
        if count not in self._models:
            made = model_bytes(self._layers, side, answers=(RESNET, VERIFIERS), measured=(), views=count)
            self._models[count] = self._make(made)
        row = self._models[count]({VIEWS: views.contiguous().numpy()})[ANSWER].reshape(count, -1)
        # The rejection stands before the verifiers here.
        return np.concatenate([row[:, :6], row[:, 7:], row[:, 6:7]], axis=1)


def _real_fields(engine: Engine) -> dict[str, np.ndarray]:
    root = os.environ.get("SMEARWATCH_REAL_DATA")
    fields: dict[str, np.ndarray] = {}
    for name, (um_per_px, most) in REAL.items() if root else ():
        pictures = sorted((Path(str(root)) / name).glob("*/*.[jp][pn]g"))
        some = pictures[:: max(1, len(pictures) // most)]
        fields[name] = np.stack([shrink(cell_crop(each, um_per_px), engine.preprocessing) for each in some])
    return fields


def _views(engine: Engine, fields: dict[str, np.ndarray]) -> torch.Tensor:
    every = np.concatenate([*fields.values()]) if fields else np.zeros((32, 176, 176, 3), np.uint8)
    rows = np.array_split(every, max(1, len(every) // 32))
    return torch.cat([normalise(to_tensor(view(row, engine.preprocessing)), engine.preprocessing) for row in rows])


def _answers(engines: Mapping[EngineKind, Engine], fields: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return for each engine how its answers to real cells lie beside the reference's."""
    tables = {
        (kind, name): engine._passes.tables(cells, None)
        for kind, engine in engines.items()
        for name, cells in fields.items()
    }
    manifest = engines["eager"].manifest
    return {
        name: {kind: _beside(tables["eager", name], tables[kind, name], manifest.policy) for kind in [*engines][1:]}
        for name in fields
    }


def _runtimes_answers(engine: Engine, runtimes: dict[str, Networks], views: torch.Tensor) -> dict[str, Any]:
    """Return the same for other runtimes, whatever the cells; in batches of 8."""
    tables = {}
    for name, run in runtimes.items():
        if name == "torch.compile":
            continue  # made anew for each size of a batch
        rows = [np.array(run(views[start : start + 8].contiguous())) for start in range(0, len(views), 8)]
        logits = torch.from_numpy(np.concatenate(rows)).double()
        classes = (logits[:, :6] / engine.manifest.temperature).softmax(dim=1)
        tables[name] = torch.cat([classes, logits[:, 6:].sigmoid()], dim=1).numpy()
    expected = tables.pop("eager")
    return {name: _beside(expected, table, engine.manifest.policy) for name, table in tables.items()}


def _beside(expected: np.ndarray, found: np.ndarray, policy: Any) -> dict[str, Any]:
    apart = np.abs(expected - found).max(axis=1)
    pairs = [(_decided(a, policy), _decided(b, policy)) for a, b in zip(expected, found, strict=True)]
    return {
        "cells": len(expected),
        "verdicts": dict(Counter(a.verdict for a, _ in pairs)),
        "another_class_or_verdict": sum(a != b for a, b in pairs),
        "farther_than_0.01": int((apart > WITHIN).sum()),
        "farthest": float(f"{apart.max():.2g}"),
    }


def _decided(row: np.ndarray, policy: Any) -> Decision:
    rounded = [round(float(value), 6) for value in row]
    return decide(rounded[:6], rounded[6:12], rounded[12], policy)


def _gflops(dtype: torch.dtype) -> float:
    """Return what one thread multiplies in a large matrix: the most that a convolution can hope for."""
    one, other = (torch.randn(1536, 1536).to(dtype) for _ in range(2))
    took_s = []
    for _ in range(8):
        began_s = time.process_time()
        one @ other
        took_s.append(time.process_time() - began_s)
    return round(2 * 1536**3 / median(took_s) / 1e9, 1)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "")
    short = " with bf16" if "avx512_bf16" in flags or "amx_bf16" in flags else ""
    return (names[0] if names else platform.machine()) + short


if __name__ == "__main__":
    main()
