"""`smearwatch adapt`: weights adapted to one microscope, from a few dozen labelled cells."""

import json
import math
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.weights import weights_in_use
from smearwatch.train.commands.dataset_options import parse_dataset_spec, wrong_usage
from smearwatch.train.commands.shared_options import (
    CROPS,
    CacheOption,
    DataOption,
    FieldsOption,
    FieldsScaleOption,
    ForceScaleOption,
    ProgressOption,
    ScaleOption,
    SessionOption,
)

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch adapt --session tuesday --old pbc --old-um-per-px 0.095 --out adapted"


@app.command(epilog=_EPILOG)
def adapt(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where weights, adapt.json and adapt.md go.")],
    data: DataOption = None,
    um_per_px: ScaleOption = None,
    fields: FieldsOption = None,
    fields_um_per_px: FieldsScaleOption = None,
    session: SessionOption = None,
    old: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Earlier pictures, one folder a class: then all layers can adapt."),
    ] = None,
    old_um_per_px: Annotated[
        str | None, typer.Option("--old-um-per-px", metavar="X", help="Their scale in micrometres per pixel.")
    ] = None,
    old_fields: Annotated[Path | None, typer.Option(metavar="DIR", help="Earlier whole fields.")] = None,
    old_fields_um_per_px: Annotated[
        str | None, typer.Option("--old-fields-um-per-px", metavar="X", help="Their scale in micrometres per pixel.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Weights to start from. [default: those in use]")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the new weights. [default: that of --out]")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(metavar="X", help="How much accuracy on earlier cells may be lost.")
    ] = 0.005,
    folds: Annotated[
        int | None, typer.Option(min=2, max=20, metavar="N", help="Folds of the cross-validation.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Training steps, where all layers learn.")] = 120,
    keep_anyway: Annotated[
        bool, typer.Option("--keep-anyway", help="Write the weights even if the check fails.")
    ] = False,
    force_scale: ForceScaleOption = False,
    cache: CacheOption = CROPS,
    seed: Annotated[int, typer.Option(metavar="N", help="Random seed.")] = 1,
    progress: ProgressOption = "text",
    as_json: Annotated[bool, typer.Option("--json", help="The account as one JSON object on stdout.")] = False,
) -> None:
    """Adapt weights to one microscope, and check what was gained on cells that were left out.

    It takes at least 12 labelled leukocytes of two classes; a few of every class are much better. Every cell is checked
    by weights adapted without its slide, run of frames or near-duplicates. Without --old only the last layer learns,
    together with the cells that the weights keep from training. With --old two strategies are tried, and the one with
    more cells right in the check is used. The first trains nothing: it only moves the averages that the
    network compares each cell with half way to those of the new cells, and holds best on other slides. The second
    trains all layers.

    Accuracy on earlier cells may fall by the tolerance at most, on those that the weights are chosen by and on others.
    If it falls further, or no gain is probable (exact McNemar test, one-sided, p < 0.1), nothing is written and the
    exit status is 1.

    To use the new weights from now on: `smearwatch promote`.
    """
    if data is None and fields is None and not session:
        wrong_usage("nothing to adapt to", "give --data, --fields or --session")
    if not (math.isfinite(tolerance) and 0 <= tolerance <= 1):
        wrong_usage(f"--tolerance {tolerance}: no share", "give a number from 0 to 1")
    # Threads that spin while they wait would take the core from the one that works.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    settings = load_settings(weights=weights)
    given = parse_dataset_spec(
        ("--data", data, "--um-per-px", um_per_px),
        ("--fields", fields, "--fields-um-per-px", fields_um_per_px),
        session or [],
        settings.state_dir,
        force_scale=force_scale,
    )
    before = parse_dataset_spec(
        ("--old", old, "--old-um-per-px", old_um_per_px),
        ("--old-fields", old_fields, "--old-fields-um-per-px", old_fields_um_per_px),
        [],
        settings.state_dir,
        force_scale=force_scale,
    )

    from smearwatch.train.adapting.adapt import AdaptRequest, NothingGained
    from smearwatch.train.adapting.adapt import adapt as run
    from smearwatch.train.adapting.report import account_json, check_lines, summary_lines
    from smearwatch.train.data.sessions import to_stderr
    from smearwatch.train.progress import progress_for

    request = AdaptRequest(
        given=given,
        old=before,
        weights=weights_in_use(settings),
        out=out,
        name=name or out.resolve().name,
        tolerance=tolerance,
        folds=folds,
        steps=steps,
        keep_anyway=keep_anyway,
        seed=seed,
    )
    try:
        account = run(request, cache, progress_for(progress), to_stderr)
    except NothingGained as error:
        lines = [json.dumps(account_json(error.check))] if as_json else list(check_lines(error.check))
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
        raise
    if as_json:
        sys.stdout.write(json.dumps(account_json(account)) + "\n")
        return
    next_step = f"smearwatch promote {out}"
    if not account.check.gained:
        changes = f"smearwatch weights changes --new {out}"
        next_step = f"{changes}, which says what they would change: no gain was shown, and they were kept as asked"
    lines = [*summary_lines(account), f"weights in {out}; next: {next_step}"]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
