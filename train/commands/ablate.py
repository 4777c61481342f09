"""`smearwatch ablate`: what each part of the training recipe contributes, in one table."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.alone import alone
from smearwatch.daemon.config import load_settings
from smearwatch.daemon.own_results import own_results
from smearwatch.train.commands.dataset_options import parse_dataset_spec
from smearwatch.train.commands.shared_options import (
    FieldsOption,
    FieldsScaleOption,
    ForceOption,
    ForceScaleOption,
    JsonOption,
    SeedOption,
    SessionOption,
    StateOption,
)

app = typer.Typer(add_completion=False)

_RESULTS = ("ablation.md", "ablation.json")
_EPILOG = (
    "Example: smearwatch ablate --data pbc --um-per-px 0.095 --fields chula --fields-um-per-px 0.094 --out ablation"
)


@app.command(epilog=_EPILOG)
def ablate(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Single-cell pictures to train on, one folder a class.")],
    um_per_px: Annotated[str, typer.Option("--um-per-px", metavar="X", help="Their scale in micrometres per pixel.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where ablation.json and ablation.md go.")],
    fields: FieldsOption = None,
    fields_um_per_px: FieldsScaleOption = None,
    session: SessionOption = None,
    px: Annotated[int | None, typer.Option(metavar="N", help="Side of the view. [default: 96]")] = None,
    cells: Annotated[int | None, typer.Option(metavar="N", help="Training cells of each label. [default: 130]")] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Epochs of each line. [default: 10]")] = None,
    size: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Another side; can be repeated. [default: 224, 320 and 480]")
    ] = None,
    size_cells: Annotated[
        int | None, typer.Option(metavar="N", help="Training cells of each label, for the sizes. [default: 66]")
    ] = None,
    size_epochs: Annotated[int | None, typer.Option(metavar="N", help="Epochs, for the sizes. [default: 6]")] = None,
    force_scale: ForceScaleOption = False,
    force: ForceOption = False,
    state: StateOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train small networks, with one part of the recipe changed each time, and compare them on cells kept aside.

    The lines: batch norm, group norm, batch norm estimated anew on the cells to name; cells alone first (DB-1) or as
    photographed at once; all groups of cells first; augmentation; the treatments of the stain; sizes of the view.
    If it is interrupted, the same command continues it.
    """
    # Threads that spin while they wait take the processor from whatever else runs; read once, when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    named = parse_dataset_spec(
        ("--data", data, "--um-per-px", um_per_px),
        ("--fields", fields, "--fields-um-per-px", fields_um_per_px),
        session or [],
        load_settings().state_dir,
        force_scale=force_scale,
    )

    from smearwatch.train.ablation.config import AblationConfig
    from smearwatch.train.ablation.run import ablate as run
    from smearwatch.train.data.sessions import to_stderr
    from smearwatch.train.options import from_options
    from smearwatch.train.progress import ProgressLine

    values = {
        "px": px,
        "cells": cells,
        "epochs": epochs,
        "size": tuple(dict.fromkeys(size)) if size else None,
        "size_cells": size_cells,
        "size_epochs": size_epochs,
        "seed": seed,
    }
    kept = state or out.with_name(out.name + ".state")
    config = from_options(AblationConfig, values, "ablate")
    with own_results(out, _RESULTS, force=force) as results, alone(kept):
        report = run(named, config, results.folder, kept, ProgressLine(), to_stderr, results.publish)
    if as_json:
        sys.stdout.write(json.dumps(report.to_json()) + "\n")
    else:
        sys.stdout.write(f"table of {len(report.lines)} lines in {out / 'ablation.md'}\n")
