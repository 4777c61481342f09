"""`smearwatch paper`: the published method on labelled cells of one's own, and the leakage of its division."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from smearwatch.daemon.alone import alone
from smearwatch.daemon.own_results import own_results
from smearwatch.daemon.scale_rule import typed_scale
from smearwatch.train.commands.shared_options import ForceOption, ForceScaleOption, JsonOption, SeedOption, StateOption

app = typer.Typer(add_completion=False)

_RESULTS = ("databases_*.png", "figure1.png", "paper.md", "paper.json")
_EPILOG = "Example: smearwatch paper --cells pbc --um-per-px 0.095 --out paper --px 128 --per-class 300 --epochs 8"


_LEAKAGE = "how much higher the first scores, with copies of one cell on both sides,"
_DIVIDED = {"paper": "augmented, then divided", "honest": "divided, then augmented"}


@app.command(epilog=_EPILOG)
def paper(
    cells: Annotated[Path, typer.Option(metavar="DIR", help="Single-cell pictures, one folder a class.")],
    um_per_px: Annotated[str, typer.Option("--um-per-px", metavar="X", help="Their scale in micrometres per pixel.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Gets paper.json, paper.md, figure1.png, contact sheets.")],
    protocol: Annotated[
        Literal["paper", "honest", "both"], typer.Option(help="Augment and then divide, or divide first.")
    ] = "both",
    px: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="Side of the pictures; may be given again. [default: 480 and 320]"),
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Epochs on DB-1, cells alone. [default: 50]")] = None,
    fine_epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Epochs on DB-2, cells as photographed. [default: 50]")
    ] = None,
    verifier_epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Epochs of the LeNets. [default: 100]")
    ] = None,
    per_class: Annotated[
        int | None, typer.Option(metavar="N", help="Augmented pictures a class. [default: 500]")
    ] = None,
    batch: Annotated[int | None, typer.Option(metavar="N", help="Pictures a step. [default: 32]")] = None,
    init: Annotated[
        Literal["scratch", "imagenet"] | None, typer.Option(help="imagenet downloads torchvision's weights.")
    ] = None,
    disputed: Annotated[bool, typer.Option("--disputed", help="Take cells with disputed labels too.")] = False,
    force_scale: ForceScaleOption = False,
    force: ForceOption = False,
    state: StateOption = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reproduce the published method: ResNet-18 on cells alone, then on cells as photographed, and six LeNets.

    DB-1 and DB-2 are the two sets of pictures that it learns from: in DB-1 each cell stands alone on white,
    in DB-2 it is as photographed, with its neighbours.

    Both ways of dividing are run by default, and the difference between them is shown as a number. If it is
    interrupted, the same command continues after the last finished stage.
    """
    scale = typed_scale(um_per_px)
    # Threads that spin while they wait take the processor from whatever else runs; read once, when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from smearwatch.train.options import from_options
    from smearwatch.train.paper.config import PaperConfig
    from smearwatch.train.paper.run import reproduce
    from smearwatch.train.progress import ProgressLine

    values = {
        "um_per_px": scale,
        "protocols": ("paper", "honest") if protocol == "both" else (protocol,),
        "px": tuple(dict.fromkeys(px)) if px else None,
        "epochs": epochs,
        "fine_epochs": fine_epochs,
        "verifier_epochs": verifier_epochs,
        "per_class": per_class,
        "batch": batch,
        "init": init,
        "disputed": disputed,
        "force_scale": force_scale,
        "seed": seed,
    }
    config = from_options(PaperConfig, values, "paper")
    kept = state or out.with_name(out.name + ".state")
    with own_results(out, _RESULTS, force=force) as results, alone(kept):
        report = reproduce(cells, config, results.folder, kept, ProgressLine())
    if as_json:
        sys.stdout.write(json.dumps(report.to_json()) + "\n")
        return
    for name, result in report.protocols.items():
        for side, six in result.six_class.items():
            accuracy = six.tests["augmented"].accuracy
            sys.stdout.write(f"{_DIVIDED[name]} ({name}), {side} px: accuracy {accuracy.text()}\n")
    for row in report.leakage:
        if row.like_with_like is not None:
            gap = row.like_with_like.text()
            sys.stdout.write(f"{_LEAKAGE} at {row.px} px: {gap}\n")
    sys.stdout.write(f"report in {out}\n")
