"""What a program with a seventh class does, asked of a copy of this one: ``python -m tests.integration.seven_classes``.

The copy stands in a folder of its own, with one word more in its two lists of classes, and is run from there.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
ROOMS = ("capture", "clients", "daemon", "models", "train")
LISTS = ("models/classes.py", "daemon/record/classes.py")
SEVENTH = "plasma_cell"


def copy_with_seven(into: Path) -> Path:
    """Copy the program without its weights and add a class; gives the folder to import it from."""
    for room in ROOMS:
        shutil.copytree(
            ROOT / room, into / "smearwatch" / room, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors")
        )
    for name in LISTS:
        path = into / "smearwatch" / name
        before = path.read_text()
        assert before.count('"lymphocyte"') == 1
        path.write_text(before.replace('"lymphocyte"', f'"lymphocyte", "{SEVENTH}"'))
    return into


def seven(copy: Path, state: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run the command line of the copy, or with ``ask`` as first word a question of this module."""
    environment = {**os.environ, "PYTHONPATH": f"{copy}{os.pathsep}{ROOT}", "SMEARWATCH_STATE_DIR": str(state)}
    environment["SMEARWATCH_RUNTIME_DIR"] = str(state / "r")
    head = ["-m", "tests.integration.seven_classes"] if words[0] == "ask" else ["-c", _COMMAND_LINE]
    told = [str(word) for word in (words[1:] if words[0] == "ask" else words)]
    return subprocess.run(
        [sys.executable, *head, *told], env=environment, cwd=state, capture_output=True, text=True, timeout=240
    )


_COMMAND_LINE = "from smearwatch.daemon.cli import main; main()"


def networks(folder: Path) -> dict[str, Any]:
    """Make weights of seven classes and judge a crop by them, as the worker and as adapting does."""
    import torch

    from smearwatch.models import checkpoint
    from smearwatch.models.engine import Engine
    from smearwatch.models.lenet_bank import LeNetBank
    from smearwatch.models.manifest import Manifest
    from smearwatch.models.preprocess import Preprocessing, shrink
    from smearwatch.models.resnet import LeukocyteResNet
    from smearwatch.models.verdict import Policy
    from smearwatch.train.adapting.logits import run_networks
    from smearwatch.train.saving import save_weights

    torch.manual_seed(1)
    small = Preprocessing(field_px=88, view_px=72)
    never = Policy(reject_at=2.0)
    manifest = Manifest(name="7", preprocessing=small, policy=never, tensors={})
    save_weights(folder, LeukocyteResNet(), LeNetBank(72), manifest)
    crop = np.random.default_rng(2).integers(0, 256, (750, 750, 3), dtype=np.uint8)
    (judgement,) = Engine.load(folder, device="cpu").judge([crop])
    loaded = checkpoint.load(folder)
    logits = run_networks(loaded.resnet, loaded.bank, np.stack([shrink(crop, small)]), small)
    return {
        "probabilities": judgement.probabilities,
        "verifiers": judgement.verifiers,
        "logits": [*logits.classes.shape, *logits.verifiers.shape],
        "temperature_free": logits.outputs(1.0).probabilities[0].round(4).tolist(),
    }


def unfit(folder: Path) -> dict[str, Any]:
    """Try weights of six classes."""
    from smearwatch.models import checkpoint

    try:
        checkpoint.load(folder)
    except checkpoint.WeightsUnusable as error:
        return {"says": str(error)}
    return {}


def hub(folder: Path) -> dict[str, Any]:
    """Have a worker of six classes and one of seven answer for the same cell."""
    from smearwatch.daemon.wire.messages import CropLease, FrameLease, Refused
    from tests.integration.hub_bench import Bench, cells, judged

    bench = Bench(folder)
    source, finder, worker = bench.peer("source", "s"), bench.peer("finder", "f", 2), bench.peer("worker", "w", 2)
    bench.offer(source, b"picture")
    ((lease, _),) = bench.hear(finder, FrameLease)
    finder.send(*cells(lease))
    ((crop, _),) = bench.hear(worker, CropLease)
    worker.send(judged(crop))
    ((refused, _),) = bench.hear(worker, Refused)
    ((again, _),) = bench.hear(worker, CropLease)
    shares = (0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.9)
    worker.send(judged(again, cls=SEVENTH, probabilities=shares, verifiers=shares))
    bench.turn()
    counts = bench.journal.fold.counts
    bench.close()
    return {"code": refused.code, "says": refused.detail, "counts": counts}


def go_on(folder: Path) -> dict[str, Any]:
    """Judge the cell that an old session left, with seven classes."""
    from smearwatch.daemon.record.events import Counted
    from smearwatch.daemon.record.ledger import Ledger
    from smearwatch.daemon.record.tally import TallyFold
    from smearwatch.daemon.record.verifying import verify

    shares = (0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.9)
    fold = TallyFold()
    with Ledger.open(folder) as ledger:
        (pending,) = ledger.pending_frames()
        frame = pending.seen.frame
        ledger.append([Counted(frame, 1, SEVENTH, "confirmed", shares, shares, 0.1, "w")])  # type: ignore[arg-type]
        for recorded in ledger.events():
            fold.apply(recorded.event)
        faults = [fault.what for fault in verify(ledger)]
    return {"counts": fold.counts, "restored": TallyFold.restore(fold.snapshot()).counts, "faults": faults}


QUESTIONS = {"networks": networks, "unfit": unfit, "hub": hub, "go_on": go_on}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(QUESTIONS[sys.argv[1]](Path(sys.argv[2]))))
