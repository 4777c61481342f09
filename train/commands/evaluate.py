"""`smearwatch evaluate`: how good weights are on somebody's labelled cells."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.train.commands.scale import checked_scale

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch evaluate --data cells --um-per-px 0.095 --out report"


@app.command(epilog=_EPILOG)
def evaluate(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Single-cell pictures, one folder a class.")],
    um_per_px: Annotated[str, typer.Option("--um-per-px", metavar="X", help="Their scale.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Gets report.json and report.md.")],
    weights: Annotated[Path | None, typer.Option(metavar="DIR", help="Other weights than the shipped ones.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON object on stdout.")] = False,
) -> None:
    """Score weights on labelled single-cell pictures, the cell in the middle of each.

    The folders are named by class (band, segmented, eosinophil, basophil, monocyte, lymphocyte); `neutrophil` joins
    the first two, and erythroblast, immature_granulocyte, platelet and artefact are to be rejected.
    """
    scale = checked_scale(um_per_px)

    from smearwatch.models.checkpoint import shipped_weights_dir
    from smearwatch.models.engine import Engine
    from smearwatch.train.class_tree import read_class_tree
    from smearwatch.train.fields_cache import shrunken_fields
    from smearwatch.train.loop import CellSet
    from smearwatch.train.measure import measure
    from smearwatch.train.progress import ProgressLine
    from smearwatch.train.recipe import run_engine
    from smearwatch.train.report import write_report
    from smearwatch.train.shares import say

    engine = Engine.load(weights or shipped_weights_dir(), device=device)
    samples = read_class_tree(data, scale)
    progress = ProgressLine()
    with tempfile.TemporaryDirectory(prefix="smearwatch-") as cache:
        cells = CellSet(samples, shrunken_fields(samples, engine.preprocessing, Path(cache), progress))
        outputs = run_engine(engine, cells, "cells judged", progress)
    scores = measure(samples, outputs, engine.manifest.policy)
    notes = [f"Cells: {data.name} at {scale} um/px", f"Weights {engine.weights_id} ({engine.manifest.name})"]
    report = {"title": "Scores", "notes": notes, "weights_id": engine.weights_id, "um_per_px": scale, **scores}
    write_report(out, report)
    line = json.dumps(report) if as_json else f"six classes {say(scores['accuracy_share'])}; report in {out}"
    sys.stdout.write(line + "\n")
