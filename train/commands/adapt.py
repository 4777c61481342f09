"""`smearwatch adapt`: better weights for one microscope, from a few dozen labelled cells."""

import json
import math
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from smearwatch.daemon.config import load_settings
from smearwatch.daemon.weights import weights_in_use
from smearwatch.train.commands.asking import asked, wrong_usage
from smearwatch.train.commands.typed import (
    CROPS,
    CacheOption,
    DataOption,
    FieldsOption,
    FieldsScaleOption,
    ForceScaleOption,
    ScaleOption,
    SessionOption,
)

app = typer.Typer(add_completion=False)

_EPILOG = "Example: smearwatch adapt --session tuesday --old pbc --old-um-per-px 0.095 --out adapted"


@app.command(epilog=_EPILOG)
def adapt(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Gets the weights, adapt.json and adapt.md.")],
    data: DataOption = None,
    um_per_px: ScaleOption = None,
    fields: FieldsOption = None,
    fields_um_per_px: FieldsScaleOption = None,
    session: SessionOption = None,
    old: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Old pictures, one folder a class: then other layers adapt too."),
    ] = None,
    old_um_per_px: Annotated[str | None, typer.Option("--old-um-per-px", metavar="X", help="Their scale.")] = None,
    old_fields: Annotated[Path | None, typer.Option(metavar="DIR", help="Old whole fields.")] = None,
    old_fields_um_per_px: Annotated[
        str | None, typer.Option("--old-fields-um-per-px", metavar="X", help="Their scale.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(metavar="DIR", help="From other weights than the daemon's.")] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the new weights; that of --out by default.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(metavar="X", help="By how much the accuracy on old cells may fall.")
    ] = 0.005,
    folds: Annotated[int | None, typer.Option(min=2, max=20, metavar="N", help="Into how many to divide.")] = None,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Of learning, where all layers learn.")] = 120,
    keep_anyway: Annotated[bool, typer.Option("--keep-anyway", help="Write in spite of what the check says.")] = False,
    force_scale: ForceScaleOption = False,
    cache: CacheOption = CROPS,
    seed: Annotated[int, typer.Option(metavar="N", help="Of everything that is drawn by lot.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="The account as one JSON object on stdout.")] = False,
) -> None:
    """Adapt weights to one microscope, and check what was gained on cells that were left out.

    From at least 12 labelled leukocytes of two classes; a few of every class are much better. Every cell is checked by
    weights that were adapted without its slide, run of frames or near-duplicates. Without --old only the last layer
    learns, beside what the weights remember. With --old two ways are tried, and the one that names more cells rightly
    in the check is taken: only the statistics of the layers follow the new cells, which holds best on other slides, or
    all layers learn. Accuracy on old cells may fall by the tolerance at most, on those that the weights are chosen by
    and on others. Where that is not so, or no gain is shown (exact McNemar test, p < 0.05), nothing is written and the
    exit status is 1.

    The new weights become the daemon's by `smearwatch promote`.
    """
    if data is None and fields is None and not session:
        wrong_usage("nothing to adapt to", "give --data, --fields or --session")
    if not (math.isfinite(tolerance) and 0 <= tolerance <= 1):
        wrong_usage(f"--tolerance {tolerance}: no share", "give a number from 0 to 1")
    # Threads that spin while they wait would take the core from the one that works.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    settings = load_settings(weights=weights)
    given = asked(
        ("--data", data, "--um-per-px", um_per_px),
        ("--fields", fields, "--fields-um-per-px", fields_um_per_px),
        session or [],
        settings.state_dir,
        force_scale=force_scale,
    )
    before = asked(
        ("--old", old, "--old-um-per-px", old_um_per_px),
        ("--old-fields", old_fields, "--old-fields-um-per-px", old_fields_um_per_px),
        [],
        settings.state_dir,
        force_scale=force_scale,
    )

    from smearwatch.train.adapting.adapt import AdaptRequest
    from smearwatch.train.adapting.adapt import adapt as run
    from smearwatch.train.adapting.format import summary
    from smearwatch.train.data.sessions import to_stderr
    from smearwatch.train.progress import ProgressLine

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
    account = run(request, cache, ProgressLine(), to_stderr)
    lines = (
        [json.dumps(account)] if as_json else [*summary(account), f"weights in {out}; next: smearwatch promote {out}"]
    )
    sys.stdout.write("".join(f"{line}\n" for line in lines))
