"""`smearwatch train`: from labelled cells to weights and their report."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.scale_rule import given_scale
from smearwatch.train.commands.dataset_options import named_folders
from smearwatch.train.commands.shared_options import (
    CROPS,
    CacheOption,
    ForceOption,
    ForceScaleOption,
    JsonOption,
    LabOption,
    SessionOption,
    StateOption,
)

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch train --cells pbc --cells-um-per-px 0.095 --epochs 20 --out weights"


@app.command(epilog=_EPILOG)
def train(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where weights, report and learning curve go.")],
    config: Annotated[Path | None, typer.Option(metavar="TOML", help="Settings file; options override it.")] = None,
    cells: Annotated[Path | None, typer.Option(metavar="DIR", help="Single-cell pictures, one folder a class.")] = None,
    cells_um_per_px: Annotated[
        str | None, typer.Option(metavar="X", help="Their scale in micrometres per pixel.")
    ] = None,
    fields: Annotated[Path | None, typer.Option(metavar="DIR", help="Whole fields: frames/ and boxes/.")] = None,
    fields_um_per_px: Annotated[
        str | None, typer.Option(metavar="X", help="Their scale in micrometres per pixel.")
    ] = None,
    blanks: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Fields with every leukocyte outlined: frames/ and masks/.")
    ] = None,
    blanks_um_per_px: Annotated[
        str | None, typer.Option(metavar="X", help="Their scale in micrometres per pixel.")
    ] = None,
    lab: LabOption = None,
    session: SessionOption = None,
    simulated: Annotated[int | None, typer.Option(metavar="N", help="How many simulated cells to add.")] = None,
    force_scale: ForceScaleOption = False,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="How many times to go through the cells.")] = None,
    init: Annotated[
        Literal["scratch", "imagenet"] | None, typer.Option(help="imagenet downloads torchvision's weights.")
    ] = None,
    start: Annotated[Path | None, typer.Option(metavar="DIR", help="Start from these weights.")] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"] | None, typer.Option(help="auto uses CUDA where there is a GPU.")
    ] = None,
    state: StateOption = None,
    cache: CacheOption = CROPS,
    force: ForceOption = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over instead of continuing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train ResNet-18 and the six verifiers, calibrate them, and measure them on cells kept aside.

    With --session the labelled cells of recorded sessions are trained on. Then the weights that come with smearwatch
    are the beginning, with their own preprocessing, unless --start or --init say otherwise. Name other cells too: of
    what is not shown again the networks forget much. Where labels are few, `smearwatch adapt` forgets nothing.

    The cells are divided by group before anything is augmented. If a run is interrupted, the same command continues it,
    with the same result. Under torchrun several processes divide every batch.
    """
    # Threads that spin while they wait for each other cost a shared machine many times the work that is done.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS may sum in another order each time
    from smearwatch.train.training.config import read_config
    from smearwatch.train.training.launch import run
    from smearwatch.train.training.start import with_start

    overrides: dict[str, Any] = {
        "data.cells": cells,
        "data.cells_um_per_px": given_scale(cells_um_per_px, "--cells-um-per-px"),
        "data.fields": fields,
        "data.fields_um_per_px": given_scale(fields_um_per_px, "--fields-um-per-px"),
        "data.blanks": blanks,
        "data.blanks_um_per_px": given_scale(blanks_um_per_px, "--blanks-um-per-px"),
        "data.simulated": simulated,
        "data.force_scale": force_scale or None,
        "epochs": epochs,
        "init": init,
        "start": start,
        "device": device,
    }
    if session:
        from smearwatch.train.data.sessions import session_path

        state_dir = load_settings().state_dir
        overrides["data.sessions"] = [session_path(each, state_dir).resolve() for each in session]
    settings = with_start(read_config(config, overrides, named_folders("--lab", lab)))
    kept = state or out.with_name(out.name + ".state")
    report = run(settings, out, kept, cache, fresh=fresh, force=force)
    if report is None:
        return
    if as_json:
        sys.stdout.write(json.dumps(report.to_json()) + "\n")
        return
    for name, each in report.sets.items():
        sys.stdout.write(f"accuracy on {name}: {each.scores.accuracy_share.text()}\n")
    sys.stdout.write(f"weights and report in {out}\n")
