"""`smearwatch classify`: single-cell pictures to class and verdict."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.scale_rule import typed_scale
from smearwatch.daemon.weights import weights_in_use
from smearwatch.train.commands.shared_options import DeviceOption

if TYPE_CHECKING:
    from smearwatch.models.engine import Judgement

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch classify cell.jpg --um-per-px 0.095 --json"


@app.command(epilog=_EPILOG)
def classify(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Pictures with the cell in the middle.")],
    um_per_px: Annotated[str, typer.Option("--um-per-px", metavar="X", help="Scale of all of them.")],
    weights: Annotated[Path | None, typer.Option(metavar="DIR", help="Weights to use. [those in use]")] = None,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a picture on stdout.")] = False,
) -> None:
    """Name the leukocyte in the middle of each picture.

    A picture that cannot be used gets one line on stderr, and with --json an object with its reason; the others still
    run, and the exit status is then 1.
    For Research Use Only. Not for use in diagnostic procedures.
    """
    scale = typed_scale(um_per_px)

    from smearwatch.models.engine import Engine
    from smearwatch.train.data.samples import DataUnusable, leukocyte_crop

    engine = Engine.load(weights_in_use(load_settings(weights=weights)), device=device)
    failed = False
    for path in images:
        try:
            record = _record(path, engine.judge([leukocyte_crop(path, scale)])[0])
        except DataUnusable as unusable:
            failed = True
            sys.stderr.write(f"smearwatch: {unusable} ({unusable.hint})\n")
            record = {"file": str(path), **_NO_ANSWER, "reason": unusable.reason}
            if not as_json:
                continue
        sys.stdout.write((json.dumps(record) if as_json else _plain(record)) + "\n")
        sys.stdout.flush()
    if failed:
        raise typer.Exit(1)


_NO_ANSWER: dict[str, Any] = {
    "class": None,
    "verdict": None,
    "probabilities": None,
    "verifiers": None,
    "reject_score": None,
}
"""What a record holds besides file and reason, for a picture that could not be judged."""


def _record(path: Path, judgement: "Judgement") -> dict[str, Any]:
    from smearwatch.models.classes import CLASSES

    return {
        "file": str(path),
        "class": judgement.cls,
        "verdict": judgement.verdict,
        "probabilities": dict(zip(CLASSES, judgement.probabilities, strict=True)),
        "verifiers": dict(zip(CLASSES, judgement.verifiers, strict=True)),
        "reject_score": judgement.reject_score,
        "reason": None,
    }


def _plain(record: dict[str, Any]) -> str:
    share = max(record["probabilities"].values())
    return f"{record['file']}: {record['class']} {share:.3f}, {record['verdict']}, reject {record['reject_score']:.3f}"
