"""The networks, asked in a program of their own: whatever fails there ends that program, and is told."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from signal import Signals
from typing import Any, Final

from smearwatch.daemon.config import Settings
from smearwatch.daemon.doctor.check import Check
from smearwatch.daemon.weights import PromotedWeightsDamaged, WeightsMissing, weights_in_use

_LONGEST_S: Final = 180.0
_SLOW_MS: Final = 500.0
_DRIVER: Final = Path("/proc/driver/nvidia/version")


def of_networks(settings: Settings) -> Iterator[Check]:
    """Yield whether the networks can be used, and on what."""
    try:
        weights = weights_in_use(settings)
    except (WeightsMissing, PromotedWeightsDamaged) as error:
        yield Check("weights", "failed", str(error), error.hint)
        return
    found, why = _ask(weights, settings.device)
    if found is None:
        yield Check("networks", "failed", why, "install PyTorch for this processor and card: https://pytorch.org")
        return
    yield from judge_found(found, settings.device, has_driver=_DRIVER.exists())


def _ask(weights: Path, device: str) -> tuple[Mapping[str, Any] | None, str]:
    """Return what the program found, or nothing and how it ended."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "smearwatch.models.self_check",
        "--weights",
        str(weights),
        "--device",
        device,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        return None, f"no answer within {_LONGEST_S:.0f} s"
    if done.returncode < 0:
        return None, f"the program with the networks was ended by {Signals(-done.returncode).name}"
    try:
        found: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or ["no word of why"])[-1]
        return None, f"the program with the networks failed: {last[:300]}"
    return found, ""


def judge_found(found: Mapping[str, Any], device: str, *, has_driver: bool) -> Iterator[Check]:
    """Yield the checks of what the program found.

    Parameters
    ----------
    found
        From `smearwatch.models.self_check`.
    device
        What the settings ask for.
    has_driver
        Whether this machine has the driver of a graphics card.
    """
    yield _graphics(found["torch"], found["cards"], device, has_driver=has_driver)
    if found["why"] is not None:
        yield Check("networks", "failed", found["why"], "name other weights, or another device, in the settings", found)
        return
    says = f"weights {found['weights'][:12]}, {found['judge_ms']:.0f} ms for a cell on {found['device']}"
    if not found["same_each_time"]:
        mend = 'count on another device (device = "cpu"), and test this one\'s memory'
        yield Check("networks", "failed", f"{says}: not the same answer each time", mend, found)
    elif found["judge_ms"] > _SLOW_MS:
        yield Check("networks", "warning", says, "slow: is the machine busy with something else?", found)
    else:
        yield Check("networks", "ok", says, values=found)
    for each in found["engines"]:
        yield _engine(each)


def _engine(tried: Mapping[str, Any]) -> Check:
    """Return whether an engine answers as the reference does, and how much quicker it is."""
    name = f"engine {tried['engine']}"
    if tried["refused"] is not None:
        mend = "it is not used by itself; leave engine at auto, or set it to eager"
        return Check(name, "warning", f"refused: {tried['refused']}", mend, tried)
    says = f"answers as the reference does, {tried['times_as_quick']:.1f} times as quick"
    return Check(name, "ok", says, values=tried)


def _graphics(torch: Mapping[str, Any], cards: list[Any], device: str, *, has_driver: bool) -> Check:
    """Return whether the graphics card is used, and where there is one that is not, why."""
    needed = device == "cuda"
    name = "graphics card"
    for card in cards:
        said = f"{card['name']}, {card['memory_bytes'] / 1024**3:.0f} GB, compute capability {card['capability']}"
        if card["convolution"]:
            return Check(name, "ok", f"{said}: a convolution on it is right", values=card)
        wrong = "a convolution on it is wrong" if card["why"] is None else card["why"]
        fits = f"this PyTorch has code for {' '.join(card['built_for'])}"
        mend = f'{fits}: install the PyTorch that is built for this card, or set device = "cpu"'
        return Check(name, "failed", f"{said}: {wrong}", mend, card)
    if torch["cuda"] is None and (has_driver or needed):
        mend = "install the PyTorch with CUDA: https://pytorch.org"
        says = "there is a driver of NVIDIA's" if has_driver else "the settings ask for one"
        return Check(name, "failed" if needed else "warning", f"{says}, and this PyTorch is built without CUDA", mend)
    if torch["cuda"] is not None and (has_driver or needed):
        says = f"none can be used: {torch['why_no_cuda']} (this PyTorch is built with CUDA {torch['cuda']})"
        return Check(name, "failed" if needed else "warning", says, "install a driver that fits, then restart")
    return Check(name, "ok", "none; the processor judges")
