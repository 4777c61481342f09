"""`smearwatch classify`: single-cell pictures to class and verdict."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.weights import weights_in_use
from smearwatch.train.commands.scale import checked_scale

if TYPE_CHECKING:
    from smearwatch.models.engine import Judgement

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch classify cell.jpg --um-per-px 0.095 --json"


@app.command(epilog=_EPILOG)
def classify(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Pictures with the cell in the middle.")],
    um_per_px: Annotated[str, typer.Option("--um-per-px", metavar="X", help="Scale of all of them.")],
    weights: Annotated[Path | None, typer.Option(metavar="DIR", help="Other weights than the daemon's.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a picture on stdout.")] = False,
) -> None:
    """Name the leukocyte in the middle of each picture.

    A picture that cannot be used gets one line on stderr and the others still run; the exit status is then 1.
    For Research Use Only. Not for use in diagnostic procedures.
    """
    scale = checked_scale(um_per_px)

    from smearwatch.models.engine import Engine
    from smearwatch.train.samples import DataUnusable, cell_crop

    engine = Engine.load(weights_in_use(load_settings(weights=weights)), device=device)
    failed = False
    for path in images:
        try:
            crop = cell_crop(path, scale)
        except DataUnusable as unusable:
            failed = True
            sys.stderr.write(f"smearwatch: {unusable} ({unusable.mend})\n")
            continue
        record = _record(path, engine.judge([crop])[0])
        sys.stdout.write((json.dumps(record) if as_json else _plain(record)) + "\n")
        sys.stdout.flush()
    if failed:
        raise typer.Exit(1)


def _record(path: Path, judgement: "Judgement") -> dict[str, Any]:
    from smearwatch.models.classes import CLASSES

    return {
        "file": str(path),
        "class": judgement.cls,
        "verdict": judgement.verdict,
        "probabilities": dict(zip(CLASSES, judgement.probabilities, strict=True)),
        "verifiers": dict(zip(CLASSES, judgement.verifiers, strict=True)),
        "reject_score": judgement.reject_score,
    }


def _plain(record: dict[str, Any]) -> str:
    share = max(record["probabilities"].values())
    return f"{record['file']}: {record['class']} {share:.3f}, {record['verdict']}, reject {record['reject_score']:.3f}"
