"""`smearwatch classify`: single-cell pictures to class and verdict."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.scale_rule import typed_scale
from smearwatch.daemon.weights import weights_in_use
from smearwatch.train.commands.shared_options import DeviceOption
from smearwatch.train.json_record import JsonRecord

if TYPE_CHECKING:
    from smearwatch.models.engine import Judgement

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch classify cell.jpg --um-per-px 0.095 --json"


@dataclass(frozen=True, slots=True)
class _Record(JsonRecord):
    """What is printed for a picture; without an answer only the file and the reason, in one word, are given."""

    file: str
    cls: str | None = None
    verdict: str | None = None
    probabilities: dict[str, float] | None = None
    verifiers: dict[str, float] | None = None
    reject_score: float | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name, `cls` as "class"."""
        return {"class" if key == "cls" else key: value for key, value in JsonRecord.to_json(self).items()}


@app.command(epilog=_EPILOG)
def classify(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Pictures with the cell in the middle.")],
    um_per_px: Annotated[
        str, typer.Option("--um-per-px", metavar="X", help="Scale of all of them in micrometres per pixel.")
    ],
    weights: Annotated[Path | None, typer.Option(metavar="DIR", help="Weights to use. [default: those in use]")] = None,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a picture on stdout.")] = False,
) -> None:
    """Name the leukocyte in the middle of each picture.

    The number behind a name says how probable it is, from 0 to 1; the one behind a rejection is
    the higher, the less the picture looks like one of the six.

    A picture that cannot be used gets one line on stderr, and with --json an object with its reason; the others still
    run, and the exit status is then 1.
    """
    scale = typed_scale(um_per_px)

    from smearwatch.models.engine import Engine
    from smearwatch.train.data.samples import DataUnusable, leukocyte_crop

    engine = Engine.load(weights_in_use(load_settings(weights=weights)), device=device)
    failed = False
    for path in images:
        try:
            judgement = engine.judge([leukocyte_crop(path, scale)])[0]
        except DataUnusable as unusable:
            failed = True
            sys.stderr.write(f"smearwatch: {unusable} ({unusable.hint})\n")
            line = json.dumps(_Record(str(path), reason=unusable.reason).to_json()) if as_json else None
        else:
            line = json.dumps(_record(path, judgement).to_json()) if as_json else plain_line(path, judgement)
        if line is not None:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    if failed:
        raise typer.Exit(1)


def _record(path: Path, judgement: "Judgement") -> _Record:
    from smearwatch.models.classes import CLASSES

    return _Record(
        file=str(path),
        cls=judgement.cls,
        verdict=judgement.verdict,
        probabilities=dict(zip(CLASSES, judgement.probabilities, strict=True)),
        verifiers=dict(zip(CLASSES, judgement.verifiers, strict=True)),
        reject_score=judgement.reject_score,
    )


def plain_line(path: Path, judgement: "Judgement") -> str:
    """Write one answer for a person: the name, how probable it is, and what was made of it."""
    from smearwatch.models.classes import CLASSES

    of_name = judgement.probabilities[CLASSES.index(judgement.cls)]
    reject = f"rejected: probably none of the six ({judgement.reject_score:.2f})"
    outcome = {"rejected": reject, "flagged": "flagged: a person should look", "corrected": "corrected by a verifier"}
    return f"{path}: {judgement.cls} ({of_name:.2f}), {outcome.get(judgement.verdict, judgement.verdict)}"
