"""`smearwatch range`: the range of the cells that finished weights were trained on, for the drift alarm."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.scale_rule import given_scale
from smearwatch.train.commands.dataset_options import named_folders
from smearwatch.train.commands.shared_options import CROPS, CacheOption, ForceScaleOption, JsonOption, LabOption

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch range weights --config second.toml --cells pbc --fields chula"


@app.command("range", epilog=_EPILOG)
def add_range(
    weights: Annotated[
        Path, typer.Argument(metavar="WEIGHTS", help="Folder of weights; the range is written into it.")
    ],
    config: Annotated[Path | None, typer.Option(metavar="TOML", help="Settings file they were trained with.")] = None,
    cells: Annotated[Path | None, typer.Option(metavar="DIR", help="Single-cell pictures, one folder a class.")] = None,
    cells_um_per_px: Annotated[
        str | None, typer.Option(metavar="X", help="Their scale in micrometres per pixel.")
    ] = None,
    fields: Annotated[Path | None, typer.Option(metavar="DIR", help="Whole fields: frames/ and boxes/.")] = None,
    fields_um_per_px: Annotated[
        str | None, typer.Option(metavar="X", help="Their scale in micrometres per pixel.")
    ] = None,
    lab: LabOption = None,
    simulated: Annotated[int | None, typer.Option(metavar="N", help="How many simulated cells were added.")] = None,
    force_scale: ForceScaleOption = False,
    cache: CacheOption = CROPS,
    as_json: JsonOption = False,
) -> None:
    """Measure how the cells looked that weights were trained on, and keep the range with the weights.

    `train` and `adapt` do this by themselves; use this command for weights made before that. Of the cells named here,
    those count that the weights were trained on: the weights keep a list of these. The weights stay the same: no
    verdict depends on the range, and their identity does not change. Weights whose verdicts do depend on it, for
    they flag what looks unfamiliar, are refused. It takes effect at the next start of `smearwatch run`.
    """
    from smearwatch.train.progress import ProgressLine
    from smearwatch.train.training.config import read_config
    from smearwatch.train.training.ranges import add_ranges

    overrides = {
        "start": weights,  # a recipe that interpolates with its start is not complete without one
        "data.cells": cells,
        "data.cells_um_per_px": given_scale(cells_um_per_px, "--cells-um-per-px"),
        "data.fields": fields,
        "data.fields_um_per_px": given_scale(fields_um_per_px, "--fields-um-per-px"),
        "data.simulated": simulated,
        "data.force_scale": force_scale or None,
    }
    progress = ProgressLine()
    try:
        manifest = add_ranges(read_config(config, overrides, named_folders("--lab", lab)), weights, cache, progress)
    finally:
        progress.close()
    ranges = manifest.ranges or ()
    if as_json:
        content = {"weights": manifest.weights_id(), "ranges": [kind.model_dump(mode="json") for kind in ranges]}
        sys.stdout.write(json.dumps(content) + "\n")
        return
    for kind in ranges:
        sys.stdout.write(f"{kind.name}, {kind.cells} cells\n")
        for measure, (low, high) in kind.limits.items():
            sys.stdout.write(f"  {measure:<22}{low:8.3f} to {high:.3f}\n")
    sys.stdout.write(
        f"the range is now kept with the weights; these are the same as before ({manifest.weights_id()[:12]})\n"
    )
