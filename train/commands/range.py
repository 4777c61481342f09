"""`smearwatch range`: what finished weights were trained on, measured for the drift alarm."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.scale_rule import given_scale
from smearwatch.train.commands.typed import CROPS, CacheOption, ForceScaleOption, JsonOption

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch range weights --config second.toml --cells pbc --fields chula"


@app.command("range", epilog=_EPILOG)
def add_range(
    weights: Annotated[Path, typer.Argument(metavar="WEIGHTS", help="Folder of weights; its manifest is rewritten.")],
    config: Annotated[Path | None, typer.Option(metavar="TOML", help="Settings that they were trained with.")] = None,
    cells: Annotated[Path | None, typer.Option(metavar="DIR", help="Single-cell pictures, one folder a class.")] = None,
    cells_um_per_px: Annotated[str | None, typer.Option(metavar="X", help="Their scale.")] = None,
    fields: Annotated[Path | None, typer.Option(metavar="DIR", help="Whole fields: frames/ and boxes/.")] = None,
    fields_um_per_px: Annotated[str | None, typer.Option(metavar="X", help="Their scale.")] = None,
    simulated: Annotated[int | None, typer.Option(metavar="N", help="How many cells were drawn besides.")] = None,
    force_scale: ForceScaleOption = False,
    cache: CacheOption = CROPS,
    as_json: JsonOption = False,
) -> None:
    """Measure how the cells look that weights were trained on, and keep the limits in their manifest.

    `train` and `adapt` do this by themselves; this is for weights that were made before. Of the cells that are named,
    those count that the weights remember having been trained on. The weights stay the same weights: no verdict depends
    on the range, and their identity does not change. A running daemon takes it up at its next start.
    """
    from smearwatch.train.progress import ProgressLine
    from smearwatch.train.training.config import read_config
    from smearwatch.train.training.ranges import add_ranges

    overrides = {
        "start": weights,  # a recipe that goes half of the way back to its start is not complete without one
        "data.cells": cells,
        "data.cells_um_per_px": given_scale(cells_um_per_px, "--cells-um-per-px"),
        "data.fields": fields,
        "data.fields_um_per_px": given_scale(fields_um_per_px, "--fields-um-per-px"),
        "data.simulated": simulated,
        "data.force_scale": force_scale or None,
    }
    progress = ProgressLine()
    try:
        manifest = add_ranges(read_config(config, overrides), weights, cache, progress)
    finally:
        progress.close()
    ranges = manifest.ranges or ()
    if as_json:
        told = {"weights": manifest.weights_id(), "ranges": [kind.model_dump(mode="json") for kind in ranges]}
        sys.stdout.write(json.dumps(told) + "\n")
        return
    for kind in ranges:
        sys.stdout.write(f"{kind.name}, {kind.cells} cells\n")
        for measure, (low, high) in kind.limits.items():
            sys.stdout.write(f"  {measure:<22}{low:8.3f} to {high:.3f}\n")
    sys.stdout.write(f"weights {manifest.weights_id()[:12]} as before, with their range\n")
