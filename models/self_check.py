"""Whether the networks can be used on this machine, asked in a program of its own: it may end where a library fails.

``python -m smearwatch.models.self_check --weights DIR --device auto`` prints one JSON object.
"""

import argparse
import json
import statistics
import sys
import time
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torchvision
from torch.nn import functional

from smearwatch.models.checkpoint import WeightsUnusable
from smearwatch.models.engine import KINDS, DeviceMissing, Engine, is_here
from smearwatch.models.engine_choice import try_engine

_TIMED: Final = 5
_FAR_APART: Final = 1e-3  # single precision of one convolution, on a card and on a processor


def main() -> int:
    """Print what is found; always 0 where the program itself comes to its end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    found = {"torch": _torch(), "cards": _cards(), **_networks(asked.weights, asked.device)}
    print(json.dumps(found))
    return 0


def _torch() -> dict[str, Any]:
    return {
        "version": torch.__version__,
        "torchvision": torchvision.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda,
        "why_no_cuda": _why_no_cuda(),
    }


def _why_no_cuda() -> str | None:
    """Return in the driver's words why no card can be used, None where one can or none was built for."""
    if torch.version.cuda is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if torch.cuda.is_available():
            return None
        try:
            torch.cuda.init()  # type: ignore[no-untyped-call]
        except (RuntimeError, AssertionError) as error:
            return str(error).split("\n")[0][:300]
    return "no card"


def _cards() -> list[dict[str, Any]]:
    """Return each card with the outcome of a real convolution on it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [_card(index) for index in range(count)]


def _card(index: int) -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(index)
    card = {
        "name": properties.name,
        "capability": f"{properties.major}.{properties.minor}",
        "memory_bytes": properties.total_memory,
        "built_for": torch.cuda.get_arch_list(),
    }
    try:
        return card | {"convolution": _convolution(torch.device("cuda", index)), "why": None}
    except RuntimeError as error:
        return card | {"convolution": None, "why": str(error).split("\n")[0][:300]}


def _convolution(device: torch.device) -> bool:
    """Return whether a convolution on a card has the processor's result."""
    made = torch.Generator().manual_seed(1)
    picture, kernels = torch.rand(4, 3, 128, 128, generator=made), torch.rand(16, 3, 7, 7, generator=made) - 0.5
    there = functional.conv2d(picture.to(device), kernels.to(device)).cpu()
    return bool((there - functional.conv2d(picture, kernels)).abs().max() < _FAR_APART)


def _networks(folder: Path, device: str) -> dict[str, Any]:
    """Return what the weights are and how long they take for a cell, or why they cannot be used."""
    try:
        engine = Engine.load(folder, device=device)
    except (WeightsUnusable, DeviceMissing) as error:
        return {"weights": None, "why": f"{error} ({error.hint})"}
    side_px = engine.preprocessing.crop_px
    crop_bgr = np.random.default_rng(1).integers(0, 255, (side_px, side_px, 3), dtype=np.uint8)
    answers, took_ms = [], []
    try:
        for _ in range(_TIMED):
            began_s = time.perf_counter()
            answers.append(engine.judge([crop_bgr])[0].probabilities)
            took_ms.append((time.perf_counter() - began_s) * 1000.0)
    except RuntimeError as error:
        return {"weights": engine.weights_id, "why": str(error).split("\n")[0][:300]}
    return {
        "weights": engine.weights_id,
        "device": engine.device,
        "same_each_time": all(each == answers[0] for each in answers),
        "judge_ms": round(statistics.median(took_ms), 1),
        "engines": _engines(engine),
        "why": None,
    }


def _engines(reference: Engine) -> list[dict[str, Any]]:
    """Return of each other engine that is installed how many times as quick it is here, or why it is refused."""
    trials = [try_engine(reference, kind)[1] for kind in KINDS[reference.device] if is_here(kind)]
    return [
        {"engine": each.name or each.kind, "times_as_quick": each.times_as_quick, "refused": each.refused}
        for each in trials
    ]


if __name__ == "__main__":
    sys.exit(main())
